"""The Date Time structure (0x2A08): seven bytes, local time, no zone.

Layout, little-endian: year (2), month, day, hours, minutes, seconds. Year, month or day 0 mean
"not known" (GATT Specification Supplement, "Date Time"); years run from 1582 to 9999.
"""

from datetime import datetime
from typing import Final

from gateway.codecs.decoded import Absent

LENGTH_BYTES: Final = 7
_RANGES: Final = {
    "month": (2, 0, 12),
    "day": (3, 0, 31),
    "hours": (4, 0, 23),
    "minutes": (5, 0, 59),
    "seconds": (6, 0, 59),
}


def encode(time: datetime) -> bytes:
    """Write a local time as its seven bytes."""
    rest = (time.month, time.day, time.hour, time.minute, time.second)
    return time.year.to_bytes(2, "little") + bytes(rest)


def decode(raw: bytes) -> datetime | Absent:
    """Decode exactly seven bytes. Raises ``ValueError`` for a date or time that does not exist."""
    year = int.from_bytes(raw[:2], "little")
    if year != 0 and not 1582 <= year <= 9999:
        raise ValueError(f"no such year in a Date Time: {year}")
    for name, (place, low, high) in _RANGES.items():
        if not low <= raw[place] <= high:
            raise ValueError(f"no such {name} in a Date Time: {raw[place]}")
    if 0 in (year, raw[2], raw[3]):
        return Absent.UNKNOWN
    return datetime(year, *raw[2:7])  # noqa: DTZ001 - the device's clock has no zone
