"""Battery Level (0x2A19), GATT Specification Supplement."""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Decoded, Quantity
from gateway.codecs.reader import Reader

_FULL: Final = 100


def decode(value: bytes) -> Decoded:
    """Decode the value of one read or notification: a uint8 in percent. Key: ``battery_pct``.

    Raises ``DecodeError`` for more than 100, which is reserved, and for any other length.
    """
    reader = Reader(value)
    level = reader.uint8("battery level")
    reader.end()
    if level > _FULL:
        raise reader.error_at(0, f"battery level {level} is reserved")
    return Decoded((Quantity("battery", "%", Decimal(level), 0),))
