"""Slots of the memory of Omron's older cuffs (HEM-7xxx), in their three layouts.

Not published by the maker. Sources: userx14/omblepy (layouts by model) and eigger/hass-omron
(captured slots whose meaning was read off the cuffs). A slot stays as it is until its ring comes
round, so its bytes tell it from every other.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from contract.messages import CLOCK_NOT_SET
from gateway.codecs.decoded import Absent, Decoded, Quantity, named_bits
from gateway.codecs.reader import Reader

_SYSTOLIC_FROM: Final = 25
_SYSTOLIC_RAW_MAX: Final = 0xE1  # above it a slot was never written
_FLAGS: Final = {14: "irregular-pulse", 15: "body-movement"}
_CENTURY: Final = 2000
_LAST_SECOND: Final = 59


def decode_little_14(value: bytes) -> Decoded:
    """Decode the 14 bytes of a slot of a HEM-7142T2; see ``_little``."""
    return _little(value, 14)


def decode_little_16(value: bytes) -> Decoded:
    """Decode the 16 bytes of a slot of a HEM-7155T or HEM-7361T; see ``_little``."""
    return _little(value, 16)


def decode_big_14(value: bytes) -> Decoded:
    """Decode the 14 bytes of a slot of a HEM-7322T or HEM-7600T.

    Layout, big-endian: diastolic, systolic minus 25, year minus 2000, pulse; then the two words
    that ``_little`` describes, and 6 bytes that are not known.
    Raises ``DecodeError`` for a slot that was never written, and for another length.
    """
    reader = Reader(value)
    diastolic, systolic = reader.uint8("diastolic"), reader.uint8("systolic")
    year, pulse = reader.uint8("year"), reader.uint8("pulse")
    words = reader.raw(2, "date"), reader.raw(2, "time")
    reader.raw(6, "rest")
    reader.end()
    date, clock = (int.from_bytes(word, "big") for word in words)
    offsets = (1, 0, 3)
    return _measured(reader, (systolic, diastolic, pulse), offsets, (year, date, clock), value)


def _little(value: bytes, length: int) -> Decoded:
    """Decode a slot of byte-aligned fields.

    Layout, little-endian:

        byte 0     systolic minus 25, mmHg
        bytes 1-3  diastolic (mmHg), pulse (1/min), year minus 2000 in its low 6 bits
        bytes 4-5  hour (5 bits, lowest first), day (5), month (4), irregular pulse, movement
        bytes 6-7  second (6 bits), minute (6); the rest is not known
        then       6 or 8 bytes that are not known

    Raises ``DecodeError`` for a slot that was never written, and for another length.
    """
    reader = Reader(value)
    systolic, diastolic = reader.uint8("systolic"), reader.uint8("diastolic")
    pulse, year = reader.uint8("pulse"), reader.uint8("year")
    date, clock = reader.uint16("date"), reader.uint16("time")
    reader.raw(length - reader.offset, "rest")
    reader.end()
    return _measured(reader, (systolic, diastolic, pulse), (0, 1, 2), (year, date, clock), value)


def _measured(
    reader: Reader,
    values: tuple[int, int, int],
    offsets: tuple[int, int, int],
    when: tuple[int, int, int],
    raw: bytes,
) -> Decoded:
    systolic, diastolic, pulse = values
    if systolic > _SYSTOLIC_RAW_MAX or not (diastolic and pulse):
        raise reader.error_at(offsets[0], "the slot holds no measurement")
    time, flags = _time(*when), when[1]
    said = named_bits(flags, _FLAGS)
    if isinstance(time, Absent):
        said = (*said, CLOCK_NOT_SET)
    numbers = (systolic + _SYSTOLIC_FROM, diastolic, pulse)
    names = (("systolic", "mmHg"), ("diastolic", "mmHg"), ("pulse", "/min"))
    quantities = tuple(
        Quantity(name, unit, Decimal(number), offset)
        for (name, unit), number, offset in zip(names, numbers, offsets, strict=True)
    )
    return Decoded(quantities, flags=said or None, time=time, same=raw)


def _time(year: int, date: int, clock: int) -> datetime | Absent:
    """Put the cuff's time together; seconds beyond 59 are seen, and are the last one."""
    month, day, hour = date >> 10 & 15, date >> 5 & 31, date & 31
    minute, second = clock >> 6 & 63, min(clock & 63, _LAST_SECOND)
    try:
        return datetime(_CENTURY + (year & 63), month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return Absent.UNKNOWN
