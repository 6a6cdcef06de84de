"""Heart Rate Measurement (0x2A37), Heart Rate Service 1.0."""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Decoded, Quantity
from gateway.codecs.reader import Reader

_CONTACT: Final = {2: ("contact-not-detected",), 3: ("contact-detected",)}


def decode(value: bytes) -> Decoded:
    """Decode the value of one notification.

    Layout, little-endian:

        byte 0     flags: bit 0 rate is 16 bits (else 8), 1-2 skin contact (0, 1 not supported,
                   2 not detected, 3 detected), 3 energy expended, 4 RR intervals
        bytes 1-   heart rate: uint8 or uint16
        then       each flagged field, in that order: energy (uint16, kJ), one or more RR
                   intervals to the end (uint16 each, in 1/1024 s, oldest first)

    Raises ``DecodeError`` when the length is not what the flags say.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    offset = reader.offset
    rate = reader.uint16("heart rate") if flags & 1 else reader.uint8("heart rate")
    quantities = [Quantity("heart-rate", "/min", Decimal(rate), offset)]
    if flags & 8:
        offset, energy = reader.offset, reader.uint16("energy expended")
        quantities.append(Quantity("energy", "kJ", Decimal(energy), offset))
    if flags & 16:
        quantities += _intervals(reader)
    reader.end()
    return Decoded(tuple(quantities), flags=_CONTACT.get(flags >> 1 & 3))


def _intervals(reader: Reader) -> list[Quantity]:
    intervals: list[Quantity] = []
    while not intervals or reader.remaining():
        offset, raw = reader.offset, reader.uint16("RR interval")
        intervals.append(Quantity("rr", "s/1024", Decimal(raw), offset))
    return intervals
