"""Berry's oximeters (BM1000 and relabelled ones): frames of the BCI protocol, many a second.

Source: Shanghai Berry, *BCI Protocol V1.2*, as the maker publishes it and as Adafruit's library for
these oximeters writes it out.
"""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Absent, Decoded, Number, Quantity, named_bits
from gateway.codecs.reader import Reader

FRAME_BYTES: Final = 5
_SYNC: Final = 1 << 7
_PROBE: Final = {5: "sensor-disconnected"}
_FINGER: Final = {5: "signal-analysis-ongoing", 4: "sensor-unconnected-to-user"}
_NO_FINGER: Final = 1 << 4
_SEARCHING: Final = 1 << 5
_PULSE_BIT_7: Final = 1 << 6
_PULSE_MISSING: Final = 0xFF
_SPO2_MISSING: Final = 0x7F


def decode(value: bytes) -> Decoded:
    """Decode one notification; the newest of its frames counts.

    A frame, of which a hundred come a second; bit 7 is set in its first byte alone:

        byte 0  bit 6 beat, 5 the probe is unplugged, 4 signal; bits 0-3 its strength
        byte 1  pulse wave
        byte 2  bit 6 is bit 7 of the pulse, 5 searching for a pulse, 4 no finger; bits 0-3 bar
        byte 3  pulse, bits 0-6; with the other, 255 is missing
        byte 4  SpO2 in %; 127 is missing

    Raises ``DecodeError`` for anything but whole frames.
    """
    reader = Reader(value)
    read = _frame(reader)
    while reader.remaining():
        read = _frame(reader)
    return read


def _frame(reader: Reader) -> Decoded:
    began = reader.offset
    frame = reader.raw(FRAME_BYTES, "frame")
    if not frame[0] & _SYNC or any(byte & _SYNC for byte in frame[1:]):
        raise reader.error_at(began, "no frame begins here")
    state = frame[2]
    pulse = frame[3] | (_SYNC if state & _PULSE_BIT_7 else 0)
    has_finger = not state & _NO_FINGER
    searching = bool(state & _SEARCHING)
    return Decoded(
        (
            Quantity(
                "spo2", "%", _number(frame[4], _SPO2_MISSING, has_finger, searching), began + 4
            ),
            Quantity(
                "pulse", "/min", _number(pulse, _PULSE_MISSING, has_finger, searching), began + 3
            ),
        ),
        flags=(named_bits(frame[0], _PROBE) + named_bits(state, _FINGER)) or None,
    )


def _number(raw: int, missing: int, has_finger: bool, searching: bool) -> Number:
    # While it looks for a pulse it may say 0: that is none found yet, never a rate.
    nothing = raw == missing or (searching and raw == 0)
    return Decimal(raw) if has_finger and not nothing else Absent.ERROR
