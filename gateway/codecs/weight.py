"""Weight Measurement (0x2A9D), Weight Scale Service 1.0.1."""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Absent, Decoded, Number, Quantity
from gateway.codecs.reader import Reader
from gateway.codecs.user import user_of

_UNSUCCESSFUL: Final = 0xFFFF  # the scale says that the weighing failed
_WEIGHT_STEP: Final = {"kg": Decimal("0.005"), "lb": Decimal("0.01")}
_HEIGHT: Final = {"kg": ("m", Decimal("0.001")), "lb": ("in", Decimal("0.1"))}
_BMI_STEP: Final = Decimal("0.1")


def decode(value: bytes) -> Decoded:
    """Decode the value of one indication.

    Layout, little-endian:

        byte 0     flags: bit 0 imperial (lb, in; else kg, m), 1 time stamp, 2 user id,
                   3 BMI and height
        bytes 1-2  weight: uint16 in steps of 0.005 kg or 0.01 lb
        then       each flagged field, in that order: time stamp (7 bytes), user id (1),
                   BMI (uint16, 0.1), height (uint16 in steps of 0.001 m or 0.1 in)

    Raises ``DecodeError`` when the length is not what the flags say.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    unit = "lb" if flags & 1 else "kg"
    offset, raw = reader.offset, reader.uint16("weight")
    weight: Number = Absent.ERROR if raw == _UNSUCCESSFUL else raw * _WEIGHT_STEP[unit]
    quantities = [Quantity("weight", unit, weight, offset)]
    time = reader.date_time("time stamp") if flags & 2 else None
    user = user_of(reader.uint8("user id")) if flags & 4 else None
    if flags & 8:
        offset, raw = reader.offset, reader.uint16("BMI")
        quantities.append(Quantity("bmi", "kg/m2", raw * _BMI_STEP, offset))
        height_unit, step = _HEIGHT[unit]
        offset, raw = reader.offset, reader.uint16("height")
        quantities.append(Quantity("height", height_unit, raw * step, offset))
    reader.end()
    return Decoded(tuple(quantities), unit=unit, time=time, user=user)
