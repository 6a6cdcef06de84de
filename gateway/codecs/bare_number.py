"""An IEEE 11073 number by itself, its bytes in the order on air (little-endian).

Keys: ``value`` (a number, a comparator for the infinities, or why there is none) and, for one of
the five special values, ``special``: its name in IEEE 11073-20601.
"""

from gateway.codecs.decoded import Decoded, Number, Quantity
from gateway.codecs.ieee11073 import FLOAT_SPECIAL, SFLOAT_SPECIAL, decode_float, decode_sfloat
from gateway.codecs.reader import Reader


def sfloat(value: bytes) -> Decoded:
    """Decode exactly two bytes. Raises ``DecodeError`` for any other length."""
    reader = Reader(value)
    raw = reader.uint16("SFLOAT")
    reader.end()
    return _decoded(decode_sfloat(raw), SFLOAT_SPECIAL.get(raw))


def float32(value: bytes) -> Decoded:
    """Decode exactly four bytes. Raises ``DecodeError`` for any other length."""
    reader = Reader(value)
    raw = reader.uint32("FLOAT")
    reader.end()
    return _decoded(decode_float(raw), FLOAT_SPECIAL.get(raw))


def _decoded(number: Number, special: str | None) -> Decoded:
    words = {"special": special} if special else {}
    return Decoded((Quantity("value", "1", number, 0),), words=words)
