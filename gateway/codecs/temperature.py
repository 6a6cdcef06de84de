"""Temperature Measurement (0x2A1C), Intermediate Temperature (0x2A1E).

Source: GATT Specification Supplement, characteristics of those names.
"""

from typing import Final

from gateway.codecs.decoded import Decoded, Quantity
from gateway.codecs.reader import Reader

_TYPE: Final = {
    1: "armpit",
    2: "body",
    3: "ear",
    4: "finger",
    5: "gastro-intestinal-tract",
    6: "mouth",
    7: "rectum",
    8: "toe",
    9: "tympanum",
}


def decode(value: bytes) -> Decoded:
    """Decode the value of one Temperature Measurement (0x2A1C) indication.

    Layout, little-endian:

        byte 0     flags: bit 0 unit is °F (else °C), 1 time stamp, 2 temperature type
        bytes 1-4  temperature: FLOAT
        then       each flagged field, in that order: time stamp (7 bytes), type (1)

    A reserved type is left out. Raises ``DecodeError`` when the length is not what the flags say.
    """
    return _decode(value, "temperature")


def decode_intermediate(value: bytes) -> Decoded:
    """Decode the value of one Intermediate Temperature (0x2A1E) notification.

    The layout is that of 0x2A1C. It is not a temperature of the body: the thermometer is still
    warming up, so the quantity has a name of its own, which is no code. Keys and errors are
    those of 0x2A1C.
    """
    return _decode(value, "intermediate-temperature")


def _decode(value: bytes, name: str) -> Decoded:
    reader = Reader(value)
    flags = reader.uint8("flags")
    unit = "F" if flags & 1 else "C"
    quantity = Quantity(name, unit, offset=reader.offset, number=reader.float32("temperature"))
    time = reader.date_time("time stamp") if flags & 2 else None
    kind = _TYPE.get(reader.uint8("temperature type")) if flags & 4 else None
    reader.end()
    words = {"temperature_type": kind} if kind else {}
    return Decoded((quantity,), unit=unit, time=time, words=words)
