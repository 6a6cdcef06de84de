"""Nonin Continuous Oximetry (0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b): the maker's own characteristic.

Source: Nonin, *Bluetooth Low Energy Specifications*, 113142-000-02 Rev B, as public decoders of it
write it out.
"""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Absent, Decoded, Number, Quantity, named_bits
from gateway.codecs.reader import Reader

_LENGTH: Final = 10
_STATUS: Final = {1: "poor-signal", 3: "signal-analysis-ongoing", 5: "battery-low"}
_ATTACHED: Final = 1 << 4
_SEARCHING: Final = 1 << 3
_SPO2_MISSING: Final = 127
_PULSE_MISSING: Final = 511
_PAI_STEP: Final = Decimal("0.01")


def decode(value: bytes) -> Decoded:
    """Decode one notification, one a second.

    Layout, big-endian:

        byte 0     length of the packet, itself included
        byte 1     status: bit 1 weak signal, 2 the value is of high quality (SmartPoint),
                   3 searching for a pulse, 4 the finger is in, 5 low battery, 6 encrypted
        byte 2     battery in 0.1 V
        bytes 3-4  pulse amplitude index in 0.01 %
        bytes 5-6  counter, in seconds
        byte 7     SpO2 in %; 127 is missing
        bytes 8-9  pulse; 511 is missing

    Without a finger there is no value, whatever stands there.
    Raises ``DecodeError`` when the length is not ten, in fact and as it says.
    """
    reader = Reader(value)
    if (length := reader.uint8("length")) != _LENGTH:
        raise reader.error_at(0, f"a packet is {_LENGTH} bytes long, not {length}")
    status = reader.uint8("status")
    reader.uint8("battery")
    amplitude = int.from_bytes(reader.raw(2, "pulse amplitude index"), "big") * _PAI_STEP
    reader.raw(2, "counter")
    spo2, pulse = reader.uint8("SpO2"), int.from_bytes(reader.raw(2, "pulse"), "big")
    reader.end()
    is_attached, searching = bool(status & _ATTACHED), bool(status & _SEARCHING)
    flags = named_bits(status, _STATUS)
    return Decoded(
        (
            Quantity("spo2", "%", _number(spo2, _SPO2_MISSING, is_attached, searching), 7),
            Quantity("pulse", "/min", _number(pulse, _PULSE_MISSING, is_attached, searching), 8),
            Quantity("pulse-amplitude-index", "%", amplitude, 3),
        ),
        flags=flags if is_attached else (*flags, "sensor-unconnected-to-user"),
    )


def _number(raw: int, missing: int, is_attached: bool, searching: bool) -> Number:
    # While it looks for a pulse it may say 0: that is none found yet, never a rate.
    nothing = raw == missing or (searching and raw == 0)
    return Decimal(raw) if is_attached and not nothing else Absent.ERROR
