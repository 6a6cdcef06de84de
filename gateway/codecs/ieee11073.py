"""IEEE 11073-20601 number formats, as GATT health characteristics carry them.

An SFLOAT is 16 bits: a 4-bit exponent to base 10, then a 12-bit mantissa; a FLOAT is 32 bits: an
8-bit exponent, then a 24-bit mantissa; all parts in two's complement (Bluetooth SIG, *Personal
Health Devices Transcoding*, "SFLOAT-Type" and "FLOAT-Type"). Five values are reserved for
"there is no number here".

Values decode to ``Decimal``: the exponent states the device's precision (36.40 is not 36.4), and
a clinical record keeps it.
"""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Above, Absent, Below, Number

_SFLOAT_RESERVED: Final[dict[int, Number]] = {
    0x07FF: Absent.NOT_A_NUMBER,
    0x0800: Absent.ERROR,  # NRes: not at this resolution
    0x07FE: Above(),
    0x0802: Below(),
    0x0801: Absent.ERROR,  # reserved for future use
}
_FLOAT_RESERVED: Final[dict[int, Number]] = {
    0x007FFFFF: Absent.NOT_A_NUMBER,
    0x00800000: Absent.ERROR,
    0x007FFFFE: Above(),
    0x00800002: Below(),
    0x00800001: Absent.ERROR,
}


def decode_sfloat(raw: int) -> Number:
    """Decode a 16-bit SFLOAT: ``decode_sfloat(0xF170)`` is ``Decimal("36.8")``."""
    if (reserved := _SFLOAT_RESERVED.get(raw)) is not None:
        return reserved
    return _decimal(_signed(raw & 0x0FFF, bits=12), _signed(raw >> 12, bits=4))


def decode_float(raw: int) -> Number:
    """Decode a 32-bit FLOAT: ``decode_float(0xFF00016C)`` is ``Decimal("36.4")``."""
    if (reserved := _FLOAT_RESERVED.get(raw)) is not None:
        return reserved
    return _decimal(_signed(raw & 0x00FFFFFF, bits=24), _signed(raw >> 24, bits=8))


def _signed(raw: int, *, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def _decimal(mantissa: int, exponent: int) -> Decimal:
    # The tuple form is exact whatever the context's precision.
    digits = tuple(int(digit) for digit in str(abs(mantissa)))
    return Decimal((int(mantissa < 0), digits, exponent))
