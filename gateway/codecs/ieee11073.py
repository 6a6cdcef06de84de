"""IEEE 11073-20601 number formats, as GATT health characteristics carry them.

An SFLOAT is 16 bits: a 4-bit exponent to base 10, then a 12-bit mantissa; a FLOAT is 32 bits: an
8-bit exponent, then a 24-bit mantissa; all parts in two's complement (Bluetooth SIG, *Personal
Health Devices Transcoding*, "SFLOAT-Type" and "FLOAT-Type"). Five values are special: they
say "there is no number here".

Values decode to ``Decimal``: the exponent states the device's precision (36.40 is not 36.4), and
a clinical record keeps it.
"""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Above, Absent, Below, Number

_MEANING: Final[dict[str, Number]] = {
    "NaN": Absent.NOT_A_NUMBER,
    "NRes": Absent.ERROR,  # not at this resolution
    "+INFINITY": Above(),
    "-INFINITY": Below(),
    "Reserved for future use": Absent.ERROR,
}
SFLOAT_SPECIAL: Final = {
    0x07FF: "NaN",
    0x0800: "NRes",
    0x07FE: "+INFINITY",
    0x0802: "-INFINITY",
    0x0801: "Reserved for future use",
}
FLOAT_SPECIAL: Final = {
    0x007FFFFF: "NaN",
    0x00800000: "NRes",
    0x007FFFFE: "+INFINITY",
    0x00800002: "-INFINITY",
    0x00800001: "Reserved for future use",
}


def decode_sfloat(raw: int) -> Number:
    """Decode a 16-bit SFLOAT: ``decode_sfloat(0xF170)`` is ``Decimal("36.8")``."""
    if special := SFLOAT_SPECIAL.get(raw):
        return _MEANING[special]
    return _decimal(_signed(raw & 0x0FFF, bits=12), _signed(raw >> 12, bits=4))


def decode_float(raw: int) -> Number:
    """Decode a 32-bit FLOAT: ``decode_float(0xFF00016C)`` is ``Decimal("36.4")``."""
    if special := FLOAT_SPECIAL.get(raw):
        return _MEANING[special]
    return _decimal(_signed(raw & 0x00FFFFFF, bits=24), _signed(raw >> 24, bits=8))


def _signed(raw: int, *, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def _decimal(mantissa: int, exponent: int) -> Decimal:
    # The tuple form is exact whatever the context's precision.
    digits = tuple(int(digit) for digit in str(abs(mantissa)))
    return Decimal((int(mantissa < 0), digits, exponent))
