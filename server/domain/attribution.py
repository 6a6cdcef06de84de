"""Whose measurement is it, and can it be taken at all?

A measurement is *stored* for whoever had the device when it was measured, *held* where a person
must say whose it is, or *quarantined* where it cannot be read or cannot be true. Only the
weight and the device's user index may question whose a measurement is: a blood pressure or an
oxygen saturation never is "implausible for this patient" (hazard H1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from contract.codes import DEFINITIONS, WORDS, Code, possible
from contract.messages import KIND_DOUBTED, Measurement, Quantity
from server.domain.instants import MINUTE, MeasuredAt, Quality

# Two weighings of one person differ by less; a judgement, to be confirmed by a clinician.
WEIGHT_DOUBTED_SHARE: Final = Decimal("0.10")
# A person who hands a device over writes the time down to a few minutes.
HAND_OVER_DOUBT: Final = 5 * MINUTE


class Fate(StrEnum):
    """What became of a sequence number; every one of them is receipted."""

    STORED = "stored"
    HELD = "held"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    TOMBSTONE = "tombstone"


class Said(StrEnum):
    """What a person may say of a measurement that waits, and of having said it."""

    GIVEN = "given"
    REJECTED = "rejected"
    TAKEN_BACK = "taken-back"
    SEEN = "seen"
    # Not of one measurement: the dates of its device's assignments were corrected (hazard H14).
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A device is a patient's from ``from_at`` until ``until_at`` (None: still), for one user."""

    patient_id: int
    from_at: int
    until_at: int | None
    user: int | None
    zone_name: str


class Weighing(NamedTuple):
    """A patient's weight in kg at an instant."""

    at: int
    weight: Decimal


@dataclass(frozen=True, slots=True)
class Attribution:
    """The fate, the patient (for a held one: the likely patient) and the reason for holding."""

    fate: Fate
    patient_id: int | None = None
    reason: str | None = None

    @property
    def is_judged(self) -> bool:
        """Tell whether the value says something of the patient, be it not sure of whom."""
        return self.patient_id is not None and is_judged(self.reason)


def is_judged(reason: str | None) -> bool:
    """Tell whether what is held for that reason is judged against the outer limits (hazard H1).

    Whose it is may be doubted and the value be true; a ketone result is no glucose at all.
    """
    return reason != KIND_DOUBTED


def unacceptable(measurement: Measurement) -> str | None:
    """Return why a measurement must be quarantined, or None where it can be read and be true."""
    if measurement.unreadable is not None:
        return f"unreadable: {measurement.unreadable}"
    if len({quantity.code for quantity in measurement.quantities}) < len(measurement.quantities):
        return "a code is given twice"
    for quantity in measurement.quantities:
        try:
            code = Code(quantity.code)
        except ValueError:
            return f"unknown code {quantity.code}"
        if quantity.unit != DEFINITIONS[code].unit:
            return f"{code} in {quantity.unit}, expected {DEFINITIONS[code].unit}"
        if code in WORDS and not _is_word(quantity):
            return f"{code} is one of whole numbers, each a word"
        if quantity.value is not None and not possible(code, Decimal(quantity.value)):
            return f"{code} {quantity.value} {quantity.unit} cannot be true"
    return None


def _is_word(quantity: Quantity) -> bool:
    if quantity.absent is not None:
        return True
    return quantity.value is not None and Decimal(quantity.value) % 1 == 0


def attribute(
    measurement: Measurement,
    when: MeasuredAt,
    assignments: Sequence[Assignment],
    last_weights: Mapping[int, Weighing | None],
    stored_at: int,
) -> Attribution:
    """Decide whose a readable measurement is.

    ``assignments`` are all of the device, in any order; ``last_weights`` are their holders'
    last believed ones. Who got the device after ``stored_at`` cannot have taken it.
    """
    holders = [held for held in assignments if _covers(held, when.at)]
    if not holders:
        return Attribution(Fate.HELD, None, "device-unassigned")
    likely = max(holders, key=lambda held: held.from_at)
    if measurement.user is not None and any(held.user is not None for held in holders):
        own = [held for held in holders if held.user == measurement.user]
        if len(own) != 1:
            return Attribution(Fate.HELD, likely.patient_id, "user-differs")
        likely = own[0]
    elif len({held.patient_id for held in holders}) > 1:
        return Attribution(Fate.HELD, likely.patient_id, "device-shared")
    if _changed_hands(assignments, likely, when, stored_at):
        return Attribution(Fate.HELD, likely.patient_id, "device-changed-hands")
    if KIND_DOUBTED in measurement.flags:
        return Attribution(Fate.HELD, likely.patient_id, KIND_DOUBTED)
    last = last_weights.get(likely.patient_id)
    if last is not None and any(_doubted(weight, last) for weight in weights_of(measurement)):
        return Attribution(Fate.HELD, likely.patient_id, "weight-differs")
    return Attribution(Fate.STORED, likely.patient_id)


def weights_of(measurement: Measurement) -> list[Decimal]:
    """Return the weights that a measurement says, in kg."""
    return [
        Decimal(quantity.value)
        for quantity in measurement.quantities
        if quantity.code == Code.WEIGHT and quantity.value
    ]


def likely_patient(assignments: Sequence[Assignment], at: int) -> int | None:
    """Return who most probably had the device at that instant."""
    holders = [held for held in assignments if _covers(held, at)]
    return max(holders, key=lambda held: held.from_at).patient_id if holders else None


def _covers(assignment: Assignment, at: int) -> bool:
    return assignment.from_at <= at and (assignment.until_at is None or at < assignment.until_at)


def _changed_hands(
    assignments: Sequence[Assignment], likely: Assignment, when: MeasuredAt, stored_at: int
) -> bool:
    """Tell whether somebody else may have had the device, within what the clock leaves open."""
    others = [
        held
        for held in assignments
        if held.patient_id != likely.patient_id and held.from_at <= stored_at + HAND_OVER_DOUBT
    ]
    if when.quality is Quality.UNSURE:  # it may have been taken at any time until it was stored
        return any(held.user == likely.user for held in others)
    early, late = when.at - HAND_OVER_DOUBT, when.at + HAND_OVER_DOUBT
    return any(
        held.from_at <= late and (held.until_at is None or held.until_at > early)
        for held in others
        if held.user == likely.user
    )


def _doubted(weight: Decimal, last: Weighing) -> bool:
    return abs(weight - last.weight) > last.weight * WEIGHT_DOUBTED_SHARE
