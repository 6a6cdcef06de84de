"""Blood Pressure Measurement (0x2A35), Intermediate Cuff Pressure (0x2A36).

Source: GATT Specification Supplement, characteristics of those names.
"""

from typing import Final

from gateway.codecs.decoded import Above, Absent, Below, Decoded, Number, Quantity, named_bits
from gateway.codecs.reader import Reader
from gateway.codecs.user import user_of

_STATUS: Final = {
    0: "body-movement",
    1: "cuff-too-loose",
    2: "irregular-pulse",
    5: "improper-position",
}
_PULSE_ABOVE, _PULSE_BELOW = 1, 2
_BEYOND: Final[dict[int, Number]] = {_PULSE_ABOVE: Above(), _PULSE_BELOW: Below()}
_PULSE_RANGE: Final = {_PULSE_ABOVE: "pulse-above-range", _PULSE_BELOW: "pulse-below-range"}


def decode(value: bytes) -> Decoded:
    """Decode the value of one Blood Pressure Measurement (0x2A35) indication.

    Layout, little-endian:

        byte 0     flags: bit 0 unit is kPa (else mmHg), 1 time stamp, 2 pulse rate,
                   3 user id, 4 measurement status
        bytes 1-6  systolic, diastolic, mean arterial pressure: SFLOAT each
        then       each flagged field, in that order: time stamp (7 bytes),
                   pulse rate (SFLOAT), user id (1), measurement status (2)

    Measurement status: bit 0 body movement, 1 cuff too loose, 2 irregular pulse, 3-4 pulse rate
    range (1 above, 2 below the device's), 5 improper position.
    Raises ``DecodeError`` when the value is shorter or longer than its flags say.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    pressures = [
        Quantity(name, _unit(flags), offset=reader.offset, number=reader.sfloat(name))
        for name in ("systolic", "diastolic", "mean-arterial")
    ]
    return _with_fields(reader, flags, pressures)


def decode_intermediate(value: bytes) -> Decoded:
    """Decode the value of one Intermediate Cuff Pressure (0x2A36) notification.

    The layout is that of 0x2A35, with the pressure in the cuff at this moment in place of the
    systolic one; the other two pressures are unused, whatever they hold. It is not a blood
    pressure: the cuff is still being pumped up or let down.
    Keys: ``cuff_pressure_mmHg``, the rest as for 0x2A35. Raises ``DecodeError`` like ``decode``.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    name = "cuff-pressure"
    pressure = Quantity(name, _unit(flags), offset=reader.offset, number=reader.sfloat(name))
    reader.sfloat("unused diastolic")
    reader.sfloat("unused mean arterial")
    return _with_fields(reader, flags, [pressure])


def _unit(flags: int) -> str:
    return "kPa" if flags & 1 else "mmHg"


def _with_fields(reader: Reader, flags: int, quantities: list[Quantity]) -> Decoded:
    """Read what the flags say comes after the pressures, to the end."""
    time = reader.date_time("time stamp") if flags & 2 else None
    pulse_offset = reader.offset
    pulse = reader.sfloat("pulse rate") if flags & 4 else None
    user = user_of(reader.uint8("user id")) if flags & 8 else None
    status = reader.uint16("measurement status") if flags & 16 else None
    reader.end()
    if pulse is not None:
        number = _ranged(pulse, _pulse_range(status or 0))
        quantities.append(Quantity("pulse", "/min", number, pulse_offset))
    words = None if status is None else _words(status)
    return Decoded(tuple(quantities), flags=words, unit=_unit(flags), time=time, user=user)


def _pulse_range(status: int) -> int:
    return status >> 3 & 3


def _words(status: int) -> tuple[str, ...]:
    word = _PULSE_RANGE.get(_pulse_range(status))
    return named_bits(status, _STATUS) + ((word,) if word else ())


def _ranged(pulse: Number, pulse_range: int) -> Number:
    """Let the status say which way a pulse without a number is out of range."""
    if isinstance(pulse, Absent):
        return _BEYOND.get(pulse_range, pulse)
    return pulse
