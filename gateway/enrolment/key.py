"""The box's key, made and used by the ``openssl`` program, which every Raspberry Pi OS has.

EC P-256 (FIPS 186-5), PEM, readable by its owner alone. It is made here and is in no message: what
leaves the box is a signing request (PKCS #10), which holds the public half.
"""

import base64
import hashlib
import subprocess
from pathlib import Path
from typing import Final

from gateway.errors import Refused, SettingsError
from gateway.files import write_whole

_SECONDS_MAX: Final = 60
_MAKE: Final = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def make_key(path: Path) -> None:
    """Make the key unless it is there; a power cut leaves a whole one or none."""
    if not path.exists():
        write_whole(path, _openssl(*_MAKE), 0o600)


def signing_request(key: Path) -> str:
    """Return a signing request of the key, PEM. The server gives the name: this one is ignored."""
    made = _openssl("req", "-new", "-sha256", "-key", str(key), "-subj", "/CN=vicino-gateway")
    return made.decode("ascii")


def fingerprint(key: Path) -> str:
    """Return the SHA-256 of the key's public half (SubjectPublicKeyInfo, DER), in hex."""
    return hashlib.sha256(_public(key)).hexdigest()


def check_certificate(certificate: str, authority: str, key: Path, folder: Path) -> None:
    """Raise ``Refused`` unless a certificate is of this key and signed by the authority.

    Dates are not looked at: a box without a clock may think it is 1970. ``folder`` takes the two
    files that openssl reads.
    """
    given, signer = folder / "given.crt", folder / "authority.crt"
    try:
        given.write_text(certificate, encoding="ascii")
        signer.write_text(authority, encoding="ascii")
        public = _openssl("x509", "-in", str(given), "-noout", "-pubkey").decode("ascii")
        if base64.b64decode("".join(public.split("\n")[1:-2])) != _public(key):
            raise Refused("the server gave a certificate of another key")
        options = ("-no_check_time", "-purpose", "sslclient", "-x509_strict")
        _openssl("verify", *options, "-CAfile", str(signer), str(given))
    except (SettingsError, UnicodeEncodeError, ValueError) as error:
        raise Refused(f"the server gave a certificate that is not its authority's: {error}") from (
            error
        )
    finally:
        for path in (given, signer):
            path.unlink(missing_ok=True)


def _public(key: Path) -> bytes:
    return _openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER")


def _openssl(*arguments: str) -> bytes:
    """Run openssl and return its output. Raises ``SettingsError`` with what it says is wrong."""
    try:
        done = subprocess.run(
            ["openssl", *arguments],
            capture_output=True,
            check=False,
            timeout=_SECONDS_MAX,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise SettingsError("the program openssl is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise SettingsError(f"openssl {arguments[0]}: took over {_SECONDS_MAX} s") from error
    if done.returncode != 0:
        raise SettingsError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout
