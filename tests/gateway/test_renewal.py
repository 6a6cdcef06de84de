"""A certificate is given anew to the same key, and only what the authority signed is believed."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from contract.enrolment import RENEW_PATH, Renewed, RenewRequest
from gateway import settings
from gateway.enrolment import Renewal
from gateway.enrolment.key import signing_request
from server import authority
from tests.gateway.test_process import SETTINGS

DAY = 86_400_000
NOW = datetime.now(UTC)


class Door(HTTPServer):
    """A server's door: answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body = 200, b""
        self.asked: list[RenewRequest] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def give(self, certificate: bytes | None, status: int = 200) -> None:
        self.status = status
        text = certificate.decode() if certificate else None
        self.body = msgspec.json.encode(Renewed(text))


class _Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        assert self.path == RENEW_PATH
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(msgspec.json.decode(body, type=RenewRequest))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def signer(keys) -> Path:
    """The folder of the real authority."""
    return keys / "data" / "keys"


@pytest.fixture
def loaded(tmp_path, keys, signer, door) -> settings.Settings:
    """A gateway whose certificate is for ninety days from now, by the authority of ``keys``."""
    (tmp_path / "state").mkdir()
    path = tmp_path / "gateway.toml"
    path.write_text(SETTINGS.format(port=8883, keys=keys) + f'server = "{door.url}"\n')
    made = settings.load(path, {})
    made.certificate_file.write_bytes(signed(made, signer, NOW))
    return made


def signed(made: settings.Settings, signer: Path, at: datetime) -> bytes:
    """Return a certificate of ninety days, from the real authority."""
    request = signing_request(made.key_file).encode()
    return authority.sign_request(signer, made.gateway, request, at, 90)


def renewal(made: settings.Settings) -> Renewal:
    return Renewal(made, settings.tls_context(made))


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def test_it_is_due_at_two_thirds_and_never_by_a_clock_that_knows_nothing(loaded):
    kept, begin = renewal(loaded), ms(NOW) - DAY
    assert not kept.is_due(begin + 60 * DAY)
    assert kept.is_due(begin + 61 * DAY)
    assert kept.is_due(begin + 400 * DAY)
    assert not kept.is_due(0)


def test_what_the_authority_signed_for_this_key_is_taken_and_used(loaded, door, signer):
    kept, before = renewal(loaded), loaded.key_file.read_bytes()
    door.give(signed(loaded, signer, NOW + timedelta(days=61)))
    assert kept.renew()
    assert loaded.certificate_file.read_text() == msgspec.json.decode(door.body)["certificate"]
    assert loaded.key_file.read_bytes() == before
    assert abs(kept.ends_at - ms(NOW + timedelta(days=151))) < 2000
    assert not kept.is_due(ms(NOW + timedelta(days=62)))
    asked = x509.load_pem_x509_csr(door.asked[0].request.encode())
    assert asked.is_signature_valid
    assert sorted(path.name for path in loaded.state_dir.iterdir()) == []


def test_what_is_of_another_key_or_authority_or_older_is_not_taken(loaded, door, signer, tmp_path):
    kept, before = renewal(loaded), loaded.certificate_file.read_bytes()
    later = NOW + timedelta(days=61)
    other = tmp_path / "other"
    authority.make_authority(other, NOW)
    issued = authority.issue_gateway(signer, loaded.gateway, later).certificate
    for lie in (
        issued,
        signed(loaded, other, later),
        signed(loaded, signer, NOW),
        b"nothing",
        None,
    ):
        door.give(lie)
        assert not kept.renew()
        assert loaded.certificate_file.read_bytes() == before


@pytest.mark.parametrize(
    ("status", "body"), [(403, b"{}"), (500, b""), (200, b"<html>"), (202, b"{}")]
)
def test_a_door_that_refuses_or_is_broken_is_asked_again_later(loaded, door, status, body, caplog):
    kept = renewal(loaded)
    door.status, door.body = status, body
    assert [kept.renew(), kept.renew()] == [False, False]
    assert len(caplog.records) == 1, "said once, not at every try"


def test_a_server_that_is_away_is_no_error(loaded):
    away = msgspec.structs.replace(loaded, server="https://127.0.0.1:1")
    assert not renewal(away).renew()


async def test_it_asks_by_itself_once_it_is_due(loaded, door, signer):
    kept = renewal(loaded)
    door.give(signed(loaded, signer, NOW + timedelta(days=61)))
    running = asyncio.create_task(kept.run(lambda: ms(NOW + timedelta(days=61))))
    async with asyncio.timeout(20):
        while not door.asked or kept.is_due(ms(NOW + timedelta(days=61))):
            await asyncio.sleep(0.05)
    running.cancel()
    assert len(door.asked) == 1


@pytest.mark.parametrize(
    "server", ["http://vicino.example", "http://127.0.0.1.evil.example", "ftp://x", "https://a/b c"]
)
def test_it_is_asked_over_tls_only(loaded, tmp_path, server):
    path = tmp_path / "gateway.toml"
    path.write_text(path.read_text().rpartition("server")[0] + f'server = "{server}"\n')
    with pytest.raises(settings.SettingsError, match="server"):
        settings.load(path, {})
