"""The quantities Vicino knows: one word each, its unit, its exact integer and what can be true.

Every code has one UCUM unit, and one step: the smallest difference that is kept. Inside the
server a value is the *scaled integer* ``value / step`` (a weight of 81.4 kg is 81400, a systolic
pressure of 132 mmHg is 1320), so a limit is exact: 2.0 kg is never more than 2 kg.

The physical limits say what *cannot be true* of a living person or the instrument; they are wider
than any survivable value, because a dying patient must never be put away as implausible.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """What is measured. The value is the word on the wire, in tables, plans and files."""

    SYSTOLIC = "systolic"
    DIASTOLIC = "diastolic"
    MEAN_ARTERIAL = "mean-arterial"
    PULSE = "pulse"
    HEART_RATE = "heart-rate"
    SPO2 = "spo2"
    TEMPERATURE = "temperature"
    WEIGHT = "weight"
    GLUCOSE = "glucose"
    # What a person counts or sees: of these every whole number is a word.
    RESPIRATION_RATE = "respiration-rate"
    SUPPLEMENTAL_OXYGEN = "supplemental-oxygen"  # 0: on air, 1: on oxygen
    CONSCIOUSNESS = "consciousness"  # 0 to 4: A C V P U of NEWS2, see ``CONSCIOUSNESS``
    BODY_FAT = "body-fat"

    # An enumeration's own hash is a call of Python code for every look into a dictionary.
    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Definition:
    """A code's unit (UCUM), step (in that unit), LOINC code and physical limits (in that unit).

    ``number`` is the code's place in arrays and tables: it never changes and is never reused.
    """

    number: int
    unit: str
    step: Decimal
    loinc: str
    possible: tuple[Decimal, Decimal]
    source: str


def _definition(
    number: int, unit: str, step: str, loinc: str, low: str, high: str, source: str
) -> Definition:
    return Definition(number, unit, Decimal(step), loinc, (Decimal(low), Decimal(high)), source)


_RECORD = "survived extreme, widened"
DEFINITIONS: Final[dict[Code, Definition]] = {
    # 370 mmHg systolic was measured in a weight lifter (MacDougall 1985, J Appl Physiol 58:785).
    Code.SYSTOLIC: _definition(0, "mm[Hg]", "0.1", "8480-6", "10", "450", "MacDougall 1985"),
    Code.DIASTOLIC: _definition(1, "mm[Hg]", "0.1", "8462-4", "0", "400", "MacDougall 1985"),
    Code.MEAN_ARTERIAL: _definition(2, "mm[Hg]", "0.1", "8478-0", "5", "420", "MacDougall 1985"),
    # Atrial flutter conducts 1:1 at about 300 /min, ventricular flutter up to about 350.
    Code.PULSE: _definition(3, "/min", "0.1", "8867-4", "0", "400", _RECORD),
    Code.HEART_RATE: _definition(4, "/min", "0.1", "8867-4", "0", "400", _RECORD),
    # A share of haemoglobin: arithmetic, not physiology, bounds it.
    Code.SPO2: _definition(5, "%", "0.1", "2708-6", "0", "100", "definition of a share"),
    # Survived accidental hypothermia at 11.8 °C (2014), fever at 46.5 °C (1980).
    Code.TEMPERATURE: _definition(6, "Cel", "0.01", "8310-5", "10", "50", _RECORD),
    # From a preterm infant to the heaviest person recorded (635 kg).
    Code.WEIGHT: _definition(7, "kg", "0.001", "29463-7", "0.2", "700", _RECORD),
    # A survived 2656 mg/dL (147.6 mmol/L) is on record.
    Code.GLUCOSE: _definition(8, "mg/dL", "0.1", "41653-7", "0", "3000", _RECORD),
    # A panting adult comes to 60 to 100 a minute.
    Code.RESPIRATION_RATE: _definition(9, "{breaths}/min", "0.1", "9279-1", "0", "150", _RECORD),
    Code.SUPPLEMENTAL_OXYGEN: _definition(10, "1", "1", "57485-5", "0", "1", "yes or no"),
    Code.CONSCIOUSNESS: _definition(11, "1", "1", "67775-7", "0", "4", "five words"),
    Code.BODY_FAT: _definition(12, "%", "0.1", "41982-0", "0", "100", "definition of a share"),
}
# Alert, newly confused, responds to voice, to pain, unresponsive: NEWS2's words, in its order.
CONSCIOUSNESS: Final = "ACVPU"
# Of these a number is a word: no fraction and nothing beyond a range means anything.
WORDS: Final = frozenset({Code.SUPPLEMENTAL_OXYGEN, Code.CONSCIOUSNESS})
BY_NUMBER: Final[tuple[Code, ...]] = tuple(
    sorted(DEFINITIONS, key=lambda code: DEFINITIONS[code].number)
)


def scaled(code: Code, value: Decimal) -> int:
    """Return ``value`` (in the code's unit) as the code's scaled integer, rounded half up."""
    steps = value / DEFINITIONS[code].step
    return int(steps.to_integral_value(rounding=ROUND_HALF_UP))


def unscaled(code: Code, steps: int) -> Decimal:
    """Return a scaled integer as a decimal in the code's unit: the inverse of ``scaled``."""
    return steps * DEFINITIONS[code].step


def possible(code: Code, value: Decimal) -> bool:
    """Tell whether ``value`` (in the code's unit) can be true of a person at all."""
    low, high = DEFINITIONS[code].possible
    return low <= value <= high
