"""What Bluetooth health devices send, written from the specifications and apart from any decoder.

It shares no code with the gateway's codecs: an encoder that shares a mistake with its decoder
proves nothing. Values are decimals in the unit the device would send; times are local, no zone.
"""

import struct
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

SFLOAT_NAN: Final = 0x07FF
_SFLOAT_MANTISSA_MAX: Final = 2045  # 2046 up are reserved with exponent 0
_FLOAT_MANTISSA_MAX: Final = 8388605


def sfloat(value: Decimal | None) -> bytes:
    """Encode a 16-bit IEEE 11073 SFLOAT with the decimal's own precision; None is not a number."""
    if value is None:
        return struct.pack("<H", SFLOAT_NAN)
    mantissa, exponent = _split(value, _SFLOAT_MANTISSA_MAX, -8, 7)
    return struct.pack("<H", (exponent & 0xF) << 12 | mantissa & 0xFFF)


def float32(value: Decimal) -> bytes:
    """Encode a 32-bit IEEE 11073 FLOAT with the decimal's own precision."""
    mantissa, exponent = _split(value, _FLOAT_MANTISSA_MAX, -128, 127)
    return struct.pack("<I", (exponent & 0xFF) << 24 | mantissa & 0xFFFFFF)


def date_time(at: datetime) -> bytes:
    """Encode the seven bytes of a Date Time."""
    return struct.pack("<H5B", at.year, at.month, at.day, at.hour, at.minute, at.second)


def blood_pressure(
    systolic: Decimal,
    diastolic: Decimal,
    *,
    pulse: Decimal | None = None,
    at: datetime | None = None,
    user: int | None = None,
    status: int | None = None,
) -> bytes:
    """Encode 0x2A35 in mmHg. The mean is computed as cuffs do: diastolic and a third."""
    flags = (at is not None) << 1 | (pulse is not None) << 2
    flags |= (user is not None) << 3 | (status is not None) << 4
    mean = (diastolic + (systolic - diastolic) / 3).quantize(Decimal(1))
    body = sfloat(systolic) + sfloat(diastolic) + sfloat(mean)
    body += date_time(at) if at else b""
    body += sfloat(pulse) if pulse is not None else b""
    body += bytes([user]) if user is not None else b""
    body += struct.pack("<H", status) if status is not None else b""
    return bytes([flags]) + body


def temperature(celsius: Decimal, *, at: datetime | None = None, kind: int | None = None) -> bytes:
    """Encode 0x2A1C in °C; ``kind`` is where it was taken (1 armpit … 9 tympanum)."""
    flags = (at is not None) << 1 | (kind is not None) << 2
    body = float32(celsius) + (date_time(at) if at else b"")
    return bytes([flags]) + body + (bytes([kind]) if kind is not None else b"")


def oximetry_spot(spo2: Decimal, pulse: Decimal, *, at: datetime | None = None) -> bytes:
    """Encode 0x2A5E."""
    body = sfloat(spo2) + sfloat(pulse) + (date_time(at) if at else b"")
    return bytes([at is not None]) + body


def oximetry_continuous(spo2: Decimal, pulse: Decimal) -> bytes:
    """Encode 0x2A5F with the normal averaging only."""
    return b"\0" + sfloat(spo2) + sfloat(pulse)


def weight(kilograms: Decimal, *, at: datetime | None = None, user: int | None = None) -> bytes:
    """Encode 0x2A9D in kg, to the nearest step of 5 g."""
    flags = (at is not None) << 1 | (user is not None) << 2
    steps = int((kilograms / Decimal("0.005")).to_integral_value())
    body = struct.pack("<H", steps) + (date_time(at) if at else b"")
    return bytes([flags]) + body + (bytes([user]) if user is not None else b"")


def body_composition(fat_percent: Decimal, kilograms: Decimal | None = None) -> bytes:
    """Encode 0x2A9C without time and user: its weight has them. The weight may be in it too."""
    flags = (kilograms is not None) << 10
    head = struct.pack("<HH", flags, int(fat_percent * 10))
    steps = b"" if kilograms is None else struct.pack("<H", int(kilograms / Decimal("0.005")))
    return head + steps


def omron_16(systolic: int, diastolic: int, pulse: int, *, at: datetime) -> bytes:
    """Encode a slot of a HEM-7361T's memory, after the layout that userx14/omblepy describes."""
    date = at.month << 10 | at.day << 5 | at.hour
    clock = at.minute << 6 | at.second
    head = struct.pack("<BBBBHH", systolic - 25, diastolic, pulse, at.year - 2000, date, clock)
    return head.ljust(16, b"\x00")


def contec(spo2: int, pulse: int) -> bytes:
    """Encode the values of a Contec oximeter, after public notes on captured frames."""
    body = bytes([0xEB, 1, 5, pulse, spo2, 0x7F, 0])
    return body + bytes([sum(body) % 128])


def xiaomi_1(kilograms: Decimal, *, at: datetime, stable: bool, removed: bool = False) -> bytes:
    """Encode the service data of a Xiaomi V1 scale, after openScale's description, in kg."""
    control = 0x02 | stable << 5 | removed << 7
    return struct.pack("<BH", control, int(kilograms * 200)) + date_time(at)


def glucose_context(sequence: int, meal: int) -> bytes:
    """Encode 0x2A34 with a meal: 1 before, 2 after, 3 fasting, 4 casual, 5 bedtime; 6 is none."""
    return struct.pack("<BHB", 0b10, sequence, meal)


def glucose(sequence: int, mg_dl: Decimal, *, at: datetime, context: bool = False) -> bytes:
    """Encode 0x2A18 in kg/L: capillary plasma from a finger; ``context``: 0x2A34 follows."""
    kg_per_l = mg_dl.scaleb(-5)
    head = struct.pack("<BH", 0b10 | context << 4, sequence)
    return head + date_time(at) + sfloat(kg_per_l) + b"\x12"


def heart_rate(per_minute: int, *, rr_ms: Sequence[int] = ()) -> bytes:
    """Encode 0x2A37 with skin contact detected; RR intervals go out in 1/1024 s."""
    flags = 0b110 | (per_minute > 0xFF) | (bool(rr_ms)) << 4
    rate = struct.pack("<H" if per_minute > 0xFF else "<B", per_minute)
    return bytes([flags]) + rate + b"".join(struct.pack("<H", ms * 1024 // 1000) for ms in rr_ms)


def _split(value: Decimal, mantissa_max: int, lowest: int, highest: int) -> tuple[int, int]:
    """Write a decimal as mantissa and exponent, giving up digits only if they do not fit."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"not a number: {value}")
    mantissa = int("".join(map(str, digits)))
    while mantissa > mantissa_max or exponent < lowest:
        mantissa, exponent = (mantissa + 5) // 10, exponent + 1
    while exponent > highest:
        mantissa, exponent = mantissa * 10, exponent - 1
    return (-mantissa if sign else mantissa), exponent
