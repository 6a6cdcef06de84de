"""The local certificate authority: who the broker, intake and every gateway are.

Keys are EC P-256 and readable by their owner alone. A certificate names its holder twice, as CN
and as SAN, because the broker maps the SAN and people read the CN. Nothing is ever overwritten: a
file that is there stays. Holders of a client certificate cannot pose as a server, nor the other
way round (extended key usage).

    ca.key, ca.crt            the authority itself
    broker.key, broker.crt    the broker's listener
    intake.key, intake.crt    intake, as a client of the broker
"""

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.errors import NotPermitted, SettingsError

INTAKE: Final = "vicino-intake"
_AUTHORITY_DAYS: Final = 3650
_SERVER_DAYS: Final = 825
_CLIENT_DAYS: Final = 825
# A gateway whose clock is a little behind must not find the certificate "not yet valid".
_BACKDATED: Final = timedelta(days=1)


class Issued(NamedTuple):
    """A key and its certificate, both PEM."""

    key: bytes
    certificate: bytes


def make_authority(directory: Path, now: datetime) -> bool:
    """Make the authority unless it is there; tell whether it was made."""
    if _complete(directory, "ca"):
        return False
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Vicino local authority")
    certificate = (
        _builder(name, name, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_pair(directory, "ca", _issued(key, certificate))
    return True


def issue_server(directory: Path, hosts: Sequence[str], now: datetime) -> bool:
    """Make the broker's certificate for ``hosts`` unless it is there; tell whether it was made."""
    if _complete(directory, "broker"):
        return False
    names = list(dict.fromkeys(["localhost", "127.0.0.1", *hosts]))
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    _write_pair(directory, "broker", _issue(directory, names, usage, now, _SERVER_DAYS))
    return True


def issue_intake(directory: Path, now: datetime) -> bool:
    """Make intake's client certificate unless it is there; tell whether it was made."""
    if _complete(directory, "intake"):
        return False
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    _write_pair(directory, "intake", _issue(directory, [INTAKE], usage, now, _CLIENT_DAYS))
    return True


def issue_gateway(directory: Path, gateway: str, now: datetime) -> Issued:
    """Make a key and a client certificate for ``gateway``; nothing is kept here."""
    return _issue(directory, [gateway], ExtendedKeyUsageOID.CLIENT_AUTH, now, _CLIENT_DAYS)


def sign_request(
    directory: Path, gateway: str, request: bytes, now: datetime, days: int = _CLIENT_DAYS
) -> bytes:
    """Certify the key of a PEM signing request as ``gateway``'s; its other wishes are ignored.

    Raises ``NotPermitted`` when it cannot be read, is not signed by its key, or its key is not
    EC P-256.
    """
    key = _requested(request)
    certificate = _certify(directory, key, [gateway], ExtendedKeyUsageOID.CLIENT_AUTH, now, days)
    return certificate.public_bytes(Encoding.PEM)


def key_of_request(request: bytes) -> str:
    """Return the SHA-256 of a signing request's SubjectPublicKeyInfo (DER), in hex.

    Raises ``NotPermitted`` as ``sign_request``.
    """
    der = _requested(request).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of a PEM certificate, in hex."""
    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex()


def ends_at(certificate: bytes) -> datetime:
    """Return the instant (UTC) after which a PEM certificate is no longer valid."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that must not be there yet, durably, never readable by others before it is.

    Raises ``SettingsError`` when it is there.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise SettingsError(f"{path}: is there already and is never overwritten") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _requested(request: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key of a signing request that it is signed by."""
    try:
        parsed = x509.load_pem_x509_csr(request)
        key = parsed.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotPermitted(f"unreadable signing request: {error}") from error
    if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
        raise NotPermitted("signing request: the key must be EC P-256")
    if not parsed.is_signature_valid:
        raise NotPermitted("signing request: not signed by its own key")
    return key


def _complete(directory: Path, name: str) -> bool:
    """Tell whether a pair is there; half a pair is an error that only a person can judge."""
    there = [(directory / f"{name}.{ending}").exists() for ending in ("key", "crt")]
    if any(there) and not all(there):
        raise SettingsError(f"{directory}/{name}.key and .crt: only one of the two is there")
    return all(there)


def _issue(
    directory: Path, names: Sequence[str], usage: x509.ObjectIdentifier, now: datetime, days: int
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    return _issued(key, _certify(directory, key.public_key(), names, usage, now, days))


def _certify(
    directory: Path,
    key: ec.EllipticCurvePublicKey,
    names: Sequence[str],
    usage: x509.ObjectIdentifier,
    now: datetime,
    days: int,
) -> x509.Certificate:
    authority_key = load_pem_private_key((directory / "ca.key").read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise SettingsError(f"{directory}/ca.key: not an EC key")
    authority = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    return (
        _builder(_name(names[0]), authority.subject, key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    start = now.astimezone(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATED)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _issued(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Issued:
    return Issued(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate.public_bytes(Encoding.PEM),
    )


def _write_pair(directory: Path, name: str, issued: Issued) -> None:
    write_new(directory / f"{name}.key", issued.key)
    write_new(directory / f"{name}.crt", issued.certificate, 0o644)
