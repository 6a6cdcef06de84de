"""Glucose Measurement Context (0x2A34), Glucose Service 1.0.1."""

from decimal import Decimal
from typing import Final

from gateway.codecs.decoded import Above, Decoded, Number, Quantity
from gateway.codecs.reader import Reader

_CARBOHYDRATE: Final = {
    1: "breakfast",
    2: "lunch",
    3: "dinner",
    4: "snack",
    5: "drink",
    6: "supper",
    7: "brunch",
}
_MEAL: Final = {1: "preprandial", 2: "postprandial", 3: "fasting", 4: "casual", 5: "bedtime"}
_TESTER: Final = {1: "self", 2: "health-care-professional", 3: "lab-test", 15: "not-available"}
_HEALTH: Final = {
    1: "minor-issues",
    2: "major-issues",
    3: "during-menses",
    4: "under-stress",
    5: "no-issues",
    15: "not-available",
}
_MEDICATION: Final = {
    1: "rapid-acting-insulin",
    2: "short-acting-insulin",
    3: "intermediate-acting-insulin",
    4: "long-acting-insulin",
    5: "pre-mixed-insulin",
}
_EXERCISE_OVERRUN: Final = 0xFFFF
_EXERCISE_SECONDS_MAX: Final = Decimal(0xFFFE)


def decode(value: bytes) -> Decoded:
    """Decode the value of one notification: what surrounded the glucose record of that number.

    Layout, little-endian:

        byte 0     flags: bit 0 carbohydrate, 1 meal, 2 tester and health, 3 exercise,
                   4 medication, 5 medication is in litres (else kg), 6 HbA1c, 7 extended flags
        bytes 1-2  sequence number: uint16, that of the glucose measurement
        then       each flagged field, in that order, the extended flags (1, all reserved) first:
                   carbohydrate id (1) and kg (SFLOAT), meal (1), tester (low nibble) and health
                   (high nibble), exercise (uint16, s; 0xFFFF: more) and intensity (uint8, %),
                   medication id (1) and kg or litres (SFLOAT), HbA1c (SFLOAT, %)

    Keys: ``carbohydrate_g``, ``exercise_duration_s``, ``exercise_intensity_pct``,
    ``medication_mg`` or ``medication_mL``, ``hba1c_pct``, ``sequence``, ``carbohydrate_type``,
    ``meal``, ``tester``, ``health``, ``medication_type``. Reserved words are left out, but for a
    meal's (``reserved-6``): some meters say so that the "glucose" is a ketone result.
    Raises ``DecodeError`` when the length is not what the flags say.
    """
    reader = Reader(value)
    flags = reader.uint8("flags")
    sequence = reader.uint16("sequence number")
    if flags & 128:
        reader.uint8("extended flags")
    quantities: list[Quantity] = []
    words: dict[str, str | None] = {}
    if flags & 1:
        words["carbohydrate_type"] = _CARBOHYDRATE.get(reader.uint8("carbohydrate ID"))
        quantities.append(_sfloat(reader, "carbohydrate", "kg"))
    if flags & 2:
        meal = reader.uint8("meal")
        words["meal"] = _MEAL.get(meal, f"reserved-{meal}")
    if flags & 4:
        nibbles = reader.uint8("tester and health")
        words["tester"], words["health"] = _TESTER.get(nibbles & 15), _HEALTH.get(nibbles >> 4)
    if flags & 8:
        quantities += _exercise(reader)
    if flags & 16:
        words["medication_type"] = _MEDICATION.get(reader.uint8("medication ID"))
        quantities.append(_medication(reader, in_litres=bool(flags & 32)))
    if flags & 64:
        quantities.append(_sfloat(reader, "hba1c", "%"))
    reader.end()
    named = {key: word for key, word in words.items() if word}
    return Decoded(tuple(quantities), sequence=sequence, words=named)


def _sfloat(reader: Reader, name: str, unit: str) -> Quantity:
    return Quantity(name, unit, offset=reader.offset, number=reader.sfloat(name))


def _medication(reader: Reader, *, in_litres: bool) -> Quantity:
    name, unit = ("medication-volume", "L") if in_litres else ("medication-mass", "kg")
    return _sfloat(reader, name, unit)


def _exercise(reader: Reader) -> list[Quantity]:
    offset, raw = reader.offset, reader.uint16("exercise duration")
    over = raw == _EXERCISE_OVERRUN
    seconds: Number = Above(_EXERCISE_SECONDS_MAX) if over else Decimal(raw)
    duration = Quantity("exercise-duration", "s", seconds, offset)
    offset, raw = reader.offset, reader.uint8("exercise intensity")
    return [duration, Quantity("exercise-intensity", "%", Decimal(raw), offset)]
