"""Xiaomi scales, as they broadcast: service data of 0x181D (V1) and of 0x181B (V2).

Not published by the maker. Sources: the frames and their meaning in the tests of
custom-components/ble_monitor (``test_miscale_parser.py``, real advertisements), and openScale's
description of the "Xiaomi Bluetooth Mi Scale". The scale streams while somebody stands on it, then
sends the stable weight, and that again, marked "removed", after he or she has stepped off and when
it wakes up the next time.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from contract.messages import CLOCK_NOT_SET
from gateway.codecs.decoded import Absent, Decoded, Quantity
from gateway.codecs.reader import Reader

# No such scale was sold before: its clock counts from when its batteries were put in.
_YEAR_LEAST: Final = 2015
_STABLE: Final = 1 << 5
_UNIT: Final = {"kg": Decimal("0.005"), "lb": Decimal("0.01"), "jin": Decimal("0.01")}


def decode_v1(value: bytes) -> Decoded:
    """Decode the 10 bytes of a V1 scale.

    Layout, little-endian:

        byte 0     bit 0 unit is lb, 4 unit is jin (0.5 kg), 5 stable, 7 removed
        bytes 1-2  weight: uint16 in steps of 0.005 kg, 0.01 lb or 0.01 jin
        bytes 3-9  the scale's time, as a Date Time

    A weight that is not stable is no measurement. Raises ``DecodeError`` for another length.
    """
    reader = Reader(value)
    control = reader.uint8("control")
    offset, raw = reader.offset, reader.uint16("weight")
    time = _time(reader)
    reader.end()
    unit = "lb" if control & 1 else "jin" if control & 16 else "kg"
    return _weighing(unit, raw, offset, time, same=value[1:], is_stable=bool(control & _STABLE))


def decode_v2(value: bytes) -> Decoded:
    """Decode the 13 bytes of a V2 scale ("MIBFS", "MIBCS").

    Layout, little-endian:

        byte 0       bit 0 unit is lb
        byte 1       bit 1 the impedance is measured, 5 stable, 6 unit is jin, 7 removed
        bytes 2-8    the scale's time, as a Date Time
        bytes 9-10   impedance: uint16, Ohm
        bytes 11-12  weight: uint16 in steps of 0.005 kg, 0.01 lb or 0.01 jin

    A weight that is not stable is no measurement. Raises ``DecodeError`` for another length.
    """
    reader = Reader(value)
    system, control = reader.uint8("unit"), reader.uint8("control")
    time = _time(reader)
    impedance_offset, impedance = reader.offset, reader.uint16("impedance")
    offset, raw = reader.offset, reader.uint16("weight")
    reader.end()
    unit = "lb" if system & 1 else "jin" if control & 64 else "kg"
    same = value[2:9] + value[11:]
    stable = bool(control & _STABLE)
    measured = Quantity("impedance", "Ohm", Decimal(impedance), impedance_offset)
    more = (measured,) if control & 2 else ()
    return _weighing(unit, raw, offset, time, same=same, is_stable=stable, more=more)


def _time(reader: Reader) -> datetime | Absent:
    time = reader.date_time("time")
    is_set = isinstance(time, datetime) and time.year >= _YEAR_LEAST
    return time if is_set else Absent.UNKNOWN


def _weighing(
    unit: str,
    raw: int,
    offset: int,
    time: datetime | Absent,
    *,
    same: bytes,
    is_stable: bool,
    more: tuple[Quantity, ...] = (),
) -> Decoded:
    return Decoded(
        (Quantity("weight", unit, raw * _UNIT[unit], offset), *more),
        flags=(CLOCK_NOT_SET,) if isinstance(time, Absent) else None,
        unit=unit,
        time=time,
        same=same,
        is_final=is_stable,
    )
