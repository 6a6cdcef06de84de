"""When the gateway's certificate ends, read from its DER without a cryptography library.

X.509 (RFC 5280, 4.1): Certificate is SEQUENCE { tbsCertificate SEQUENCE { [0] version, serial,
signature, issuer, validity SEQUENCE { notBefore, notAfter }, … } … }.
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_EXPLICIT_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_VALIDITY: Final = 3  # after serial, signature, issuer
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


def certificate_ends_at(path: Path) -> int:
    """Return the end of the first certificate in a PEM file, in ms UTC."""
    return validity(path.read_text(encoding="ascii"))[1]


def validity(pem: str) -> tuple[int, int]:
    """Return from when until when the first certificate of a PEM text is valid, in ms UTC."""
    first = pem[pem.index(_BEGIN) : pem.index(_END) + len(_END)]
    (_, certificate), *_ = _elements(ssl.PEM_cert_to_DER_cert(first))
    (_, signed_part), *_ = _elements(certificate)
    fields = [value for tag, value in _elements(signed_part) if tag != _EXPLICIT_VERSION]
    begins, ends = (_instant(tag, text) for tag, text in _elements(fields[_VALIDITY]))
    return begins, ends


def _instant(tag: int, text: bytes) -> int:
    # RFC 5280: a two-digit year from 50 on is of the 20th century; strptime turns at 69.
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    read = datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC)
    return int(read.timestamp() * 1000)


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each DER element in ``der``."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(der[at : at + count], "big"), at + count
        yield tag, der[at : at + length]
        at += length
