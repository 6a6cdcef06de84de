"""The judge of our certificates is OpenSSL, not the library that made them."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from server import authority
from server.errors import NotPermitted, SettingsError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "keys"
    authority.make_authority(folder, NOW)
    authority.issue_server(folder, ["broker.example"], NOW)
    authority.issue_intake(folder, NOW)
    return folder


def _openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)


def _verify(keys: Path, certificate: Path, purpose: str, *more: str) -> bool:
    at = str(int(NOW.timestamp()))
    options = ("-x509_strict", "-attime", at, "-purpose", purpose, *more)
    result = _openssl("verify", *options, "-CAfile", keys / "ca.crt", certificate)
    return result.returncode == 0


def test_server_and_client_certificates_are_not_interchangeable(keys):
    assert _verify(keys, keys / "broker.crt", "sslserver")
    assert not _verify(keys, keys / "broker.crt", "sslclient")
    assert _verify(keys, keys / "intake.crt", "sslclient")
    assert not _verify(keys, keys / "intake.crt", "sslserver")


@pytest.mark.parametrize("host", ["localhost", "broker.example"])
def test_the_broker_is_known_by_each_of_its_names(keys, host):
    assert _verify(keys, keys / "broker.crt", "sslserver", "-verify_hostname", host)


def test_the_broker_is_known_by_its_loopback_address(keys):
    assert _verify(keys, keys / "broker.crt", "sslserver", "-verify_ip", "127.0.0.1")


def test_a_gateway_is_named_in_cn_and_san(keys, tmp_path):
    file = tmp_path / "gw.crt"
    file.write_bytes(authority.issue_gateway(keys, "gw-001", NOW).certificate)
    shown = _openssl("x509", "-in", file, "-noout", "-subject", "-ext", "subjectAltName").stdout
    assert "CN = gw-001" in shown
    assert "DNS:gw-001" in shown
    assert _verify(keys, file, "sslclient")


def test_keys_are_readable_by_their_owner_alone(keys):
    for name in ("ca", "broker", "intake"):
        assert (keys / f"{name}.key").stat().st_mode & 0o777 == 0o600
    assert keys.stat().st_mode & 0o777 == 0o700


def test_a_second_run_makes_nothing_and_changes_nothing(keys):
    before = {file: file.read_bytes() for file in keys.iterdir()}
    later = NOW + timedelta(days=1)
    assert not authority.make_authority(keys, later)
    assert not authority.issue_server(keys, ["other.example"], later)
    assert not authority.issue_intake(keys, later)
    assert {file: file.read_bytes() for file in keys.iterdir()} == before


def test_two_authorities_share_nothing(keys, tmp_path):
    other = tmp_path / "other"
    authority.make_authority(other, NOW)
    assert (other / "ca.key").read_bytes() != (keys / "ca.key").read_bytes()
    assert not _verify(other, keys / "broker.crt", "sslserver")


def test_half_a_pair_is_an_error_not_a_reason_to_begin_anew(keys):
    (keys / "ca.crt").unlink()
    with pytest.raises(SettingsError, match="only one of the two"):
        authority.make_authority(keys, NOW)


def test_nothing_is_overwritten(tmp_path):
    authority.write_new(tmp_path / "file", b"first")
    with pytest.raises(SettingsError, match="never overwritten"):
        authority.write_new(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_end_and_fingerprint_are_what_openssl_says(keys):
    certificate = (keys / "intake.crt").read_bytes()
    shown = _openssl("x509", "-in", keys / "intake.crt", "-noout", "-fingerprint", "-sha256").stdout
    said = shown.strip().partition("=")[2].replace(":", "").lower()
    assert authority.fingerprint(certificate) == said
    assert authority.ends_at(certificate) == NOW + timedelta(days=825)


def _request(folder: Path, curve: str = "prime256v1") -> bytes:
    key, file = folder / "own.key", folder / "own.csr"
    _openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", key)
    _openssl("req", "-new", "-key", key, "-subj", "/CN=somebody-else", "-out", file)
    return file.read_bytes()


def test_a_request_gets_the_name_we_say_not_the_one_it_wishes(keys, tmp_path):
    signed = authority.sign_request(keys, "gw-007", _request(tmp_path), NOW)
    file = tmp_path / "own.crt"
    file.write_bytes(signed)
    assert x509.load_pem_x509_certificate(signed).subject.rfc4514_string() == "CN=gw-007"
    assert _verify(keys, file, "sslclient")


def test_a_request_with_another_kind_of_key_or_broken_is_refused(keys, tmp_path):
    with pytest.raises(NotPermitted, match="P-256"):
        authority.sign_request(keys, "gw-007", _request(tmp_path, "secp384r1"), NOW)
    with pytest.raises(NotPermitted, match="unreadable"):
        authority.sign_request(keys, "gw-007", b"nothing", NOW)
