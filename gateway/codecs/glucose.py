"""Glucose Measurement (0x2A18), Glucose Service 1.0.1."""

from datetime import datetime, timedelta
from typing import Final

from gateway.codecs.decoded import Absent, Decoded, Number, Quantity, named_bits
from gateway.codecs.device_range import comparator
from gateway.codecs.reader import Reader

CONTROL_SOLUTION: Final = "control-solution"
_STATUS: Final = {
    0: "battery-low",
    1: "sensor-malfunction",
    2: "sample-size-insufficient",
    3: "strip-insertion-error",
    4: "strip-type-incorrect",
    5: "result-too-high",
    6: "result-too-low",
    7: "temperature-too-high",
    8: "temperature-too-low",
    9: "read-interrupted",
    10: "general-device-fault",
    11: "time-fault",
}
_TOO_HIGH, _TOO_LOW = 1 << 5, 1 << 6
_TYPE: Final = {
    1: "capillary-whole-blood",
    2: "capillary-plasma",
    3: "venous-whole-blood",
    4: "venous-plasma",
    5: "arterial-whole-blood",
    6: "arterial-plasma",
    7: "undetermined-whole-blood",
    8: "undetermined-plasma",
    9: "interstitial-fluid",
    10: CONTROL_SOLUTION,
}
_LOCATION: Final = {
    1: "finger",
    2: "alternate-site",
    3: "earlobe",
    4: CONTROL_SOLUTION,
    15: "not-available",
}


def decode(value: bytes) -> Decoded:
    """Decode the value of one notification.

    Layout, little-endian:

        byte 0     flags: bit 0 time offset, 1 concentration, type and sample location,
                   2 unit is mol/L (else kg/L), 3 sensor status, 4 context information follows
        bytes 1-2  sequence number: uint16
        bytes 3-9  base time
        then       each flagged field, in that order: time offset (sint16, minutes),
                   concentration (SFLOAT), type (low nibble) and location (high nibble),
                   sensor status (2)

    The device's time is base time plus offset. "Result too high" or "too low" makes the
    concentration a comparator, with the number sent as its limit.
    Raises ``DecodeError`` when the length is not what the flags say.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    sequence = reader.uint16("sequence number")
    time = _time(reader, offset_follows=bool(flags & 1))
    unit = "mol/L" if flags & 4 else "kg/L"
    offset = reader.offset
    number = reader.sfloat("concentration") if flags & 2 else None
    words = _sample(reader.uint8("type and sample location")) if flags & 2 else {}
    status = reader.uint16("sensor status") if flags & 8 else None
    reader.end()
    number = _comparator(number, status or 0) or number
    quantities = () if number is None else (Quantity("glucose", unit, number, offset),)
    spoken = None if status is None else named_bits(status, _STATUS)
    if CONTROL_SOLUTION in words.values():
        spoken = (*(spoken or ()), CONTROL_SOLUTION)
    unit_sent = unit if flags & 2 else None
    return Decoded(
        quantities,
        spoken,
        unit_sent,
        time,
        sequence=sequence,
        words=words,
        continues=bool(flags & 16),
    )


def _comparator(number: Number | None, status: int) -> Number | None:
    return comparator(number, above=bool(status & _TOO_HIGH), below=bool(status & _TOO_LOW))


def _time(reader: Reader, *, offset_follows: bool) -> datetime | Absent:
    base = reader.date_time("base time")
    minutes = reader.sint16("time offset") if offset_follows else 0
    if isinstance(base, Absent):
        return base
    try:
        return base + timedelta(minutes=minutes)
    except OverflowError as error:
        raise reader.error(f"no such time: {base} and {minutes} minutes") from error


def _sample(nibbles: int) -> dict[str, str]:
    """Name type and location; reserved values are left out."""
    kind, location = _TYPE.get(nibbles & 0x0F), _LOCATION.get(nibbles >> 4)
    named = {"sample_type": kind, "sample_location": location}
    return {key: word for key, word in named.items() if word}
