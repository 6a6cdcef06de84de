"""E-mail by STARTTLS with a password: only to a server whose certificate is believed."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.domain.priorities import Priority
from server.messaging.post import CourierPost
from server.ports.channels import ChannelKind
from server.services.delivering import Letter
from server.settings import Smtp
from server.web import letters
from tests.server.messaging.receivers import Mailbox, free_port

LETTER = Letter(1, ChannelKind.EMAIL, "anna@chc.example", "k", "it", "CHC", Priority.LOW, (1,), ())


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself, with its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    file = tmp_path / "mail.pem"
    file.write_bytes(made.public_bytes(pem))
    (tmp_path / "mail.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    return file


@pytest.fixture
def port(certificate: Path, mailbox: Mailbox) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    def right(_server, _session, _envelope, _mechanism, given: LoginPassword) -> AuthResult:
        known = given == LoginPassword(b"vicino", b"s3cret")
        return AuthResult(success=known, handled=False)

    controller = Controller(
        mailbox, hostname="127.0.0.1", port=free_port(), tls_context=context,
        require_starttls=True, authenticator=right, auth_required=True,
    )  # fmt: skip
    controller.start()
    yield controller.port
    controller.stop()


def sent(port: int, folder: Path, password: str) -> str | None:
    file = folder / "password"
    file.write_text(password)
    smtp = Smtp(
        host="127.0.0.1", port=port, sender="v@chc.example", user="vicino", password_file=file
    )
    return CourierPost(smtp, (), letters.writer("https://v.example")).send(LETTER)


def test_it_signs_in_and_sends(port, certificate, mailbox, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert sent(port, tmp_path, "s3cret") is None
    assert len(mailbox.letters) == 1


def test_a_wrong_password_is_an_error_that_does_not_say_it(
    port, certificate, mailbox, tmp_path, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    error = sent(port, tmp_path, "wr0ng")
    assert error is not None
    assert "wr0ng" not in error
    assert "535" in error
    assert mailbox.letters == []


def test_a_server_that_nobody_vouches_for_is_told_nothing(port, mailbox, tmp_path):
    error = sent(port, tmp_path, "s3cret")
    assert error is not None
    assert "certificate verify failed" in error
    assert mailbox.letters == []


def test_without_a_server_or_its_password_it_says_so(tmp_path):
    post = CourierPost(None, (), letters.writer("https://v.example"))
    assert post.send(LETTER) == "this server has no e-mail"
    smtp = Smtp(host="h", sender="v@chc.example", user="u", password_file=tmp_path / "gone")
    post = CourierPost(smtp, (), letters.writer("https://v.example"))
    assert post.send(LETTER) == "the password of the e-mail server cannot be read"
