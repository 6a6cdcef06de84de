"""CGM Measurement (0x2AA7), Continuous Glucose Monitoring Service 1.0.2."""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Decoded, Quantity, named_bits
from gateway.codecs.device_range import comparator
from gateway.codecs.reader import Reader

_STATUS_OCTET, _CALIBRATION_OCTET, _WARNING_OCTET = 1 << 7, 1 << 6, 1 << 5
_ANNUNCIATION: Final = {
    0: "session-stopped",
    1: "device-battery-low",
    2: "sensor-type-incorrect",
    3: "sensor-malfunction",
    4: "device-specific-alert",
    5: "general-device-fault",
    8: "time-synchronisation-required",
    9: "calibration-not-allowed",
    10: "calibration-recommended",
    11: "calibration-required",
    12: "sensor-temperature-too-high",
    13: "sensor-temperature-too-low",
    16: "below-patient-low-level",
    17: "above-patient-high-level",
    18: "below-hypo-level",
    19: "above-hyper-level",
    20: "rate-of-decrease-exceeded",
    21: "rate-of-increase-exceeded",
    22: "result-too-low",
    23: "result-too-high",
}
_TOO_LOW, _TOO_HIGH = 1 << 22, 1 << 23
_CRC_BYTES: Final = 2
_CRC_SEED: Final = 0xFFFF
_CRC_POLYNOMIAL: Final = 0x8408  # D16 + D12 + D5 + 1, lowest bit first


def decode(value: bytes) -> Decoded:
    """Decode the value of one notification: one or more records, oldest first.

    Layout of a record, little-endian:

        byte 0     size of the record in bytes, this one included
        byte 1     flags: bit 0 trend, 1 quality, 5 warning octet, 6 calibration and temperature
                   octet, 7 status octet
        bytes 2-3  glucose concentration: SFLOAT, mg/dL
        bytes 4-5  time offset: uint16, minutes since the session began
        then       each flagged field: the octets of the sensor status annunciation (status, then
                   calibration and temperature, then warning), trend (SFLOAT, mg/dL/min),
                   quality (SFLOAT, %), and an E2E-CRC (2) where the device has that feature

    Two bytes more than the flags explain are the E2E-CRC, and must be right. "Result too low" or
    "too high" makes the concentration a comparator, with the number sent as its limit.
    Keys: ``records``, a list, each with ``glucose_mg_dL``, ``time_offset_min``,
    ``trend_mg_dL_min``, ``quality_pct``, ``flags`` and, where there was one, ``e2e_crc``.
    Raises ``DecodeError`` when a size is not what the flags say, or a CRC is wrong: then none of
    the records is believed.
    """
    reader = Reader(value)
    records: list[Decoded] = []
    while not records or reader.remaining():
        records.append(_record(reader, value))
    return Decoded((), records=tuple(records))


def _record(reader: Reader, value: bytes) -> Decoded:
    begin, size = reader.offset, reader.uint8("size")
    flags = reader.uint8("flags")
    offset, glucose = reader.offset, reader.sfloat("glucose concentration")
    minutes_offset, minutes = reader.offset, reader.uint16("time offset")
    status = _annunciation(reader, flags)
    bits = status or 0
    beyond = comparator(glucose, above=bool(bits & _TOO_HIGH), below=bool(bits & _TOO_LOW))
    quantities = [
        Quantity("glucose", "mg/dL", beyond or glucose, offset),
        Quantity("time-offset", "min", Decimal(minutes), minutes_offset),
    ]
    quantities += [
        Quantity(name, unit, offset=reader.offset, number=reader.sfloat(name))
        for bit, name, unit in ((1, "trend", "mg/dL/min"), (2, "quality", "%"))
        if flags & bit
    ]
    words = _end(reader, value[begin : reader.offset], begin + size)
    spoken = None if status is None else named_bits(status, _ANNUNCIATION)
    return Decoded(tuple(quantities), flags=spoken, words=words)


def _annunciation(reader: Reader, flags: int) -> int | None:
    """Read the octets that the flags name, each to its place among the 24 bits."""
    octets = [
        reader.uint8(name) << shift
        for octet, name, shift in (
            (_STATUS_OCTET, "status octet", 0),
            (_CALIBRATION_OCTET, "calibration and temperature octet", 8),
            (_WARNING_OCTET, "warning octet", 16),
        )
        if flags & octet
    ]
    return sum(octets) if octets else None


def _end(reader: Reader, record: bytes, end: int) -> dict[str, str]:
    """Check that the record ends where its size says, with a CRC or without."""
    begin = reader.offset - len(record)
    if end == reader.offset:
        return {}
    if end != reader.offset + _CRC_BYTES:
        reason = f"size {end - begin} where the flags say {len(record)}, or 2 more with a CRC"
        raise reader.error_at(begin, reason)
    offset, sent = reader.offset, reader.uint16("E2E-CRC")
    if sent != crc(record):
        raise reader.error_at(
            offset, f"E2E-CRC {sent:#06x} where the bytes give {crc(record):#06x}"
        )
    return {"e2e_crc": "valid"}


def crc(record: bytes) -> int:
    """Return the E2E-CRC of bytes: CRC-CCITT, seed 0xFFFF, lowest bit first (service, 3.11).

    A Medtronic 780G computes it highest bit first; its records are not believed.
    """
    register = _CRC_SEED
    for byte in record:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (_CRC_POLYNOMIAL if register & 1 else 0)
    return register
