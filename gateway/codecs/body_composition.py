"""Body Composition Measurement (0x2A9C), Body Composition Service 1.0.1."""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Absent, Decoded, Number, Quantity
from gateway.codecs.reader import Reader
from gateway.codecs.user import user_of

# The measurement failed. The service says so of the body fat; scales say so of any field.
_UNSUCCESSFUL: Final = 0xFFFF
_WHOLE: Final = 100
_MULTIPLE_PACKET: Final = 1 << 12
# What a field holds: its unit and the step of its uint16.
_FORMAT: Final = {
    "share": ("%", Decimal("0.1")),
    "energy": ("kJ", Decimal(1)),
    "impedance": ("Ohm", Decimal("0.1")),
}
_SYSTEM: Final = {
    "kg": _FORMAT | {"mass": ("kg", Decimal("0.005")), "height": ("m", Decimal("0.001"))},
    "lb": _FORMAT | {"mass": ("lb", Decimal("0.01")), "height": ("in", Decimal("0.1"))},
}
_FIELDS: Final = {
    3: ("basal-metabolism", "energy"),
    4: ("muscle", "share"),
    5: ("muscle-mass", "mass"),
    6: ("fat-free-mass", "mass"),
    7: ("soft-lean-mass", "mass"),
    8: ("body-water-mass", "mass"),
    9: ("impedance", "impedance"),
    10: ("weight", "mass"),
    11: ("height", "height"),
}


def decode(value: bytes) -> Decoded:
    """Decode the value of one indication.

    Layout, little-endian:

        bytes 0-1  flags: bit 0 imperial (lb, in; else kg, m), 1 time stamp, 2 user id,
                   3 basal metabolism, 4 muscle percentage, 5 muscle mass, 6 fat free mass,
                   7 soft lean mass, 8 body water mass, 9 impedance, 10 weight, 11 height,
                   12 the measurement goes on in the next packet
        bytes 2-3  body fat percentage: uint16, 0.1 %
        then       each flagged field, in that order: time stamp (7 bytes), user id (1), and a
                   uint16 each in steps of 1 kJ, 0.1 %, 0.005 kg or 0.01 lb, 0.1 Ohm,
                   0.001 m or 0.1 in

    0xFFFF in a uint16 says that it could not be measured.

    Keys: ``body_fat_pct``, ``basal_metabolism_kJ``, ``muscle_pct``, ``muscle_mass_kg``,
    ``fat_free_mass_kg``, ``soft_lean_mass_kg``, ``body_water_mass_kg``, ``impedance_ohm``,
    ``weight_kg``, ``height_m``; the flag ``multiple-packet``.
    Raises ``DecodeError`` when the length is not what the flags say, or a share of the body is
    more than all of it: so read, a Xiaomi scale's private bytes on this characteristic hold the
    year of its clock there, and their date may well exist.
    """
    reader = Reader(value)
    flags = reader.uint16("flags")
    unit = "lb" if flags & 1 else "kg"
    quantities = [_field(reader, "body-fat", *_FORMAT["share"])]
    time = reader.date_time("time stamp") if flags & 2 else None
    user = user_of(reader.uint8("user id")) if flags & 4 else None
    quantities += [
        _field(reader, name, *_SYSTEM[unit][holds])
        for bit, (name, holds) in _FIELDS.items()
        if flags >> bit & 1
    ]
    reader.end()
    words = ("multiple-packet",) if flags & _MULTIPLE_PACKET else None
    return Decoded(tuple(quantities), flags=words, unit=unit, time=time, user=user)


def _field(reader: Reader, name: str, unit: str, step: Decimal) -> Quantity:
    offset, raw = reader.offset, reader.uint16(name)
    number: Number = Absent.ERROR if raw == _UNSUCCESSFUL else raw * step
    if unit == "%" and isinstance(number, Decimal) and number > _WHOLE:
        raise reader.error_at(offset, f"{name} {number} % is more than all of the body")
    return Quantity(name, unit, number, offset)
