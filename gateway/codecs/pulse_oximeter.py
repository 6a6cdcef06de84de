"""PLX Spot-Check (0x2A5E) and PLX Continuous (0x2A5F) Measurement, Pulse Oximeter Service 1.0.1."""

from typing import Final

from contract.messages import CLOCK_NOT_SET
from gateway.codecs.decoded import Absent, Decoded, Quantity, named_bits
from gateway.codecs.reader import Reader

_MEASUREMENT_STATUS: Final = {
    5: "measurement-ongoing",
    6: "early-estimate",
    7: "validated-data",
    8: "fully-qualified-data",
    9: "from-measurement-storage",
    10: "demonstration-data",
    11: "testing-data",
    12: "calibration-ongoing",
    13: "measurement-unavailable",
    14: "questionable-measurement",
    15: "invalid-measurement",
}
_SENSOR_STATUS: Final = {
    0: "extended-display-update-ongoing",
    1: "equipment-malfunction",
    2: "signal-processing-irregularity",
    3: "inadequate-signal",
    4: "poor-signal",
    5: "low-perfusion",
    6: "erratic-signal",
    7: "nonpulsatile-signal",
    8: "questionable-pulse",
    9: "signal-analysis-ongoing",
    10: "sensor-interference",
    11: "sensor-unconnected-to-user",
    12: "unknown-sensor-connected",
    13: "sensor-displaced",
    14: "sensor-malfunctioning",
    15: "sensor-disconnected",
}


def decode_spot(value: bytes) -> Decoded:
    """Decode one PLX Spot-Check Measurement.

    Layout, little-endian:

        byte 0     flags: bit 0 time stamp, 1 measurement status, 2 device and sensor status,
                   3 pulse amplitude index, 4 the device's clock is not set
        bytes 1-4  SpO2 (%), pulse rate: SFLOAT each
        then       each flagged field, in that order: time stamp (7 bytes), measurement
                   status (2), device and sensor status (3), pulse amplitude index (SFLOAT, %)

    A time stamp beside "clock is not set" is no time, whatever it shows.
    Raises ``DecodeError`` when the length is not what the flags say.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    quantities = _pair(reader, "")
    time = reader.date_time("time stamp") if flags & 1 else None
    words = _status(reader, measurement=bool(flags & 2), sensor=bool(flags & 4))
    if flags & 8:
        quantities += _amplitude(reader)
    reader.end()
    if flags & 16:
        words = (*(words or ()), CLOCK_NOT_SET)
        time = time and Absent.UNKNOWN
    return Decoded(quantities, flags=words, time=time)


def decode_continuous(value: bytes) -> Decoded:
    """Decode one PLX Continuous Measurement.

    Layout, little-endian:

        byte 0     flags: bit 0 fast values, 1 slow values, 2 measurement status,
                   3 device and sensor status, 4 pulse amplitude index
        bytes 1-4  SpO2 (%), pulse rate, normal averaging: SFLOAT each
        then       each flagged field, in that order: fast and slow SpO2 and pulse rate (SFLOAT
                   each), measurement status (2), device and sensor status (3), index (SFLOAT, %)

    Raises ``DecodeError`` when the length is not what the flags say.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    quantities = _pair(reader, "")
    if flags & 1:
        quantities += _pair(reader, "-fast")
    if flags & 2:
        quantities += _pair(reader, "-slow")
    words = _status(reader, measurement=bool(flags & 4), sensor=bool(flags & 8))
    if flags & 16:
        quantities += _amplitude(reader)
    reader.end()
    return Decoded(quantities, flags=words)


def _pair(reader: Reader, averaging: str) -> tuple[Quantity, ...]:
    spo2, pulse = f"spo2{averaging}", f"pulse{averaging}"
    return (
        Quantity(spo2, "%", offset=reader.offset, number=reader.sfloat(spo2)),
        Quantity(pulse, "/min", offset=reader.offset, number=reader.sfloat(pulse)),
    )


def _status(reader: Reader, *, measurement: bool, sensor: bool) -> tuple[str, ...] | None:
    if not (measurement or sensor):
        return None
    words: tuple[str, ...] = ()
    if measurement:
        words += named_bits(reader.uint16("measurement status"), _MEASUREMENT_STATUS)
    if sensor:
        words += named_bits(reader.uint24("device and sensor status"), _SENSOR_STATUS)
    return words


def _amplitude(reader: Reader) -> tuple[Quantity, ...]:
    name = "pulse-amplitude-index"
    return (Quantity(name, "%", offset=reader.offset, number=reader.sfloat(name)),)
