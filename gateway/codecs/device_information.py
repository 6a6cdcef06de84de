"""Device Information Service 1.1: texts, System ID (0x2A23) and PnP ID (0x2A50)."""

from collections.abc import Callable
from typing import Final

from gateway.codecs.decoded import Decoded
from gateway.codecs.reader import Reader

_SYSTEM_ID_BYTES: Final = 8
_VENDOR_SOURCE: Final = {1: "bluetooth-sig", 2: "usb"}


def text(key: str) -> Callable[[bytes], Decoded]:
    """Return the codec of a text characteristic: UTF-8, without a length, printed under ``key``.

    NULs that devices put at the end are no part of the text. Nothing tells a text that was cut
    off from a whole one. The codec raises ``DecodeError`` for bytes that are no UTF-8.
    """

    def decode(value: bytes) -> Decoded:
        try:
            return Decoded((), words={key: value.decode().rstrip("\0")})
        except UnicodeDecodeError as error:
            raise Reader(value).error_at(error.start, f"no UTF-8: {error.reason}") from error

    return decode


def decode_system_id(value: bytes) -> Decoded:
    """Decode a System ID: 40 bits of the maker's own, then the maker's 24 bits (OUI).

    Key: ``system_id``, in hex, the OUI first. Raises ``DecodeError`` when it is not 8 bytes.
    """
    reader = Reader(value)
    raw = reader.raw(_SYSTEM_ID_BYTES, "system ID")
    reader.end()
    return Decoded((), words={"system_id": f"0x{raw[::-1].hex().upper()}"})


def decode_pnp_id(value: bytes) -> Decoded:
    """Decode a PnP ID.

    Layout, little-endian: byte 0 who gave the vendor's number (1 Bluetooth SIG, 2 USB), then
    vendor, product and product version, two bytes each.
    Keys: ``vendor_source`` (left out when reserved), ``vendor_id``, ``product_id`` and
    ``product_version`` in hex, as the lists of numbers write them.
    Raises ``DecodeError`` when it is not 7 bytes.
    """
    reader = Reader(value)
    source = _VENDOR_SOURCE.get(reader.uint8("vendor ID source"))
    words = {"vendor_source": source} if source else {}
    for key in ("vendor_id", "product_id", "product_version"):
        words[key] = f"0x{reader.uint16(key):04X}"
    reader.end()
    return Decoded((), words=words)
