"""The device's clock: Date Time (0x2A08) and Current Time (0x2A2B, Current Time Service 1.1)."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from gateway.codecs import date_time
from gateway.codecs.decoded import Decoded, Quantity, named_bits
from gateway.codecs.reader import Reader

_WEEKDAY: Final = {
    1: "monday",
    2: "tuesday",
    3: "wednesday",
    4: "thursday",
    5: "friday",
    6: "saturday",
    7: "sunday",
}
_ADJUSTED: Final = {
    0: "manual-time-update",
    1: "external-reference-time-update",
    2: "time-zone-changed",
    3: "daylight-saving-time-changed",
}
_MS_PER_256TH: Final = Decimal(1000) / 256


def encode(time: datetime) -> bytes:
    """Write a local time as a Current Time that an external reference gave."""
    fractions = time.microsecond * 256 // 1_000_000
    return date_time.encode(time) + bytes((time.isoweekday(), fractions, 2))


def decode_date_time(value: bytes) -> Decoded:
    """Decode a Date Time: seven bytes, see ``date_time``. Key: ``time``.

    Raises ``DecodeError`` for a date or time that does not exist, and for any other length.
    """
    reader = Reader(value)
    time = reader.date_time("date time")
    reader.end()
    return Decoded((), time=time)


def decode(value: bytes) -> Decoded:
    """Decode a Current Time.

    Layout, little-endian:

        bytes 0-6  Date Time
        byte 7     day of the week: 1 Monday to 7 Sunday, 0 not known
        byte 8     fractions of the second, in 1/256 s
        byte 9     why the clock was adjusted: bit 0 by hand, 1 by an external reference,
                   2 another time zone, 3 begin or end of daylight saving time

    Keys: ``time``, ``weekday`` (left out when not known or reserved), ``fraction_ms``, ``flags``.
    Raises ``DecodeError`` for a date or time that does not exist, and for any other length.
    """
    reader = Reader(value)
    time = reader.date_time("date time")
    weekday = _WEEKDAY.get(reader.uint8("day of the week"))
    offset, raw = reader.offset, reader.uint8("fractions of the second")
    adjusted = named_bits(reader.uint8("adjust reason"), _ADJUSTED)
    reader.end()
    fraction = Quantity("fraction", "ms", (raw * _MS_PER_256TH).normalize(), offset)
    words = {"weekday": weekday} if weekday else {}
    return Decoded((fraction,), flags=adjusted, time=time, words=words)
