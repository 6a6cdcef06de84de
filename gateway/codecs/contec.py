"""Contec's finger oximeters (CMS50D-BT and relabelled ones): what they notify on 0xFF02.

Not published by the maker. Sources: tobiasisenberg/OxiVis issue 2 (CMS50D-BT), and public notes
with captured frames of the A&D UP-200BLE and the EMAY SleepO2, which speak the same.
"""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Absent, Decoded, Number, Quantity
from gateway.codecs.reader import Reader

_HEADER: Final = 0xEB
_WAVE, _VALUES = 0, 1
_PULSE_BIT_7: Final = 1 << 1
_NO_FINGER: Final = (0, 0x7F)
_CHECKSUM_BITS: Final = 0x7F


def decode(value: bytes) -> Decoded:
    """Decode one notification.

    Layout:

        byte 0  0xEB
        byte 1  1: values; 0: pulse wave, which is no measurement
        byte 2  of values: flags; bit 1 may be bit 7 of the pulse
        byte 3  pulse, 7 bits; 0 and 127 without a finger
        byte 4  SpO2 in %; 0 and 127 without a finger
        5, 6    0x7F and 0 in all that was captured
        byte 7  the sum of the bytes before, 7 bits

    A pulse whose bit 7 may be set is unknown: public sources do not agree on that bit.
    Raises ``DecodeError`` for another header, length or sum.
    """
    reader = Reader(value)
    if (header := reader.uint8("header")) != _HEADER:
        raise reader.error_at(0, f"header {header:#x} is none of this protocol")
    kind = reader.uint8("kind")
    if kind not in (_WAVE, _VALUES):
        raise reader.error_at(1, f"kind {kind} is not known")
    return _wave(reader) if kind == _WAVE else _values(reader, value)


def _wave(reader: Reader) -> Decoded:
    reader.raw(4, "pulse wave")
    reader.end()
    return Decoded((), is_final=False)


def _values(reader: Reader, value: bytes) -> Decoded:
    flags = reader.uint8("flags")
    pulse, spo2 = reader.uint8("pulse"), reader.uint8("SpO2")
    reader.raw(2, "constant")
    offset, total = reader.offset, reader.uint8("sum")
    reader.end()
    if sum(value[:offset]) & _CHECKSUM_BITS != total:
        raise reader.error_at(offset, f"the sum is {sum(value[:offset]) & _CHECKSUM_BITS:#x}")
    rate = Absent.UNKNOWN if flags & _PULSE_BIT_7 else _number(pulse)
    return Decoded((Quantity("spo2", "%", _number(spo2), 4), Quantity("pulse", "/min", rate, 3)))


def _number(raw: int) -> Number:
    return Absent.ERROR if raw in _NO_FINGER else Decimal(raw)
