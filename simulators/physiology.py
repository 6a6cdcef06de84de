"""Patients whose vital signs are made up, seeded, with the truth of who deteriorates kept.

A healthy patient stays inside the demonstration's limits but for rare chance; a deteriorating one
leaves them in the last days. Daily: weight, blood pressure with pulse, and oxygen saturation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DETERIORATING_SHARE: Final = 0.12
WORSENS_DAYS: Final = 6
# The limits of the demonstration's plan; a judgement for show, not for anybody's care.
LIMITS: Final = {
    "systolic": {"low_outer": "80", "low_inner": "95", "high_inner": "160", "high_outer": "180"},
    "diastolic": {"low_outer": "45", "low_inner": "55", "high_inner": "100", "high_outer": "115"},
    "pulse": {"low_outer": "40", "low_inner": "48", "high_inner": "105", "high_outer": "120"},
    "spo2": {"low_outer": "88", "low_inner": "92"},
}


class Course(StrEnum):
    """What happens to a patient."""

    STABLE = "stable"
    HEART_FAILURE = "heart-failure"
    RESPIRATORY = "respiratory"
    HYPERTENSIVE = "hypertensive"


class Taken(NamedTuple):
    """What one device took at one moment (local time): values by code, in the code's unit."""

    device: str
    at: datetime
    values: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Patient:
    """A made-up person. ``number`` seeds everything about them."""

    number: int
    course: Course
    systolic: float
    pulse: float
    spo2: float
    weight: float


def patients(count: int, seed: int) -> list[Patient]:
    """Make the same people for the same seed; the first one always deteriorates."""
    random = Random(seed)
    found = []
    for number in range(count):
        ill = number == 0 or random.random() < DETERIORATING_SHARE
        course = random.choice(list(Course)[1:]) if ill else Course.STABLE
        found.append(
            Patient(
                number,
                course,
                random.uniform(118, 134),
                random.uniform(62, 80),
                random.uniform(95.5, 98),
                random.uniform(52, 96),
            )
        )
    return found


def history(patient: Patient, seed: int, end: datetime, days: int) -> Iterator[Taken]:
    """Yield a patient's measurements of ``days`` days up to ``end`` (aware, in their zone)."""
    random = Random(f"{seed}/{patient.number}")
    zone = end.tzinfo
    drift = 0.0
    for back in range(days - 1, -1, -1):
        day = (end - timedelta(days=back)).date()
        drift = 0.8 * drift + random.gauss(0, 0.12)
        worse = max(0, WORSENS_DAYS - back) / WORSENS_DAYS
        minute = random.randrange(6 * 60 + 30, 8 * 60)
        start = datetime.combine(day, time(), ZoneInfo(str(zone))) + timedelta(minutes=minute)
        for taken in _morning(patient, random, start, worse, drift):
            if taken.at <= end:
                yield taken


def now(patient: Patient, random: Random, at: datetime) -> Taken:
    """Return a blood pressure taken at this moment; who has worsened has not recovered."""
    (_, cuff, _) = _morning(patient, random, at, 1.0, 0.0)
    return cuff._replace(at=at)


def _morning(
    patient: Patient, random: Random, start: datetime, worse: float, drift: float
) -> Iterator[Taken]:
    ill = patient.course
    failing = worse if ill is Course.HEART_FAILURE else 0.0
    weight = patient.weight + drift + 4.2 * failing
    yield Taken("scale", start, {"weight": _rounded(weight, "0.05")})
    systolic = patient.systolic + random.gauss(0, 6)
    systolic += 68 * worse if ill is Course.HYPERTENSIVE else 0
    pulse = patient.pulse + random.gauss(0, 4) + 38 * failing
    values = {
        "systolic": _rounded(systolic, "1"),
        "diastolic": _rounded(systolic * 0.62, "1"),
        "pulse": _rounded(pulse, "1"),
    }
    yield Taken("cuff", start + timedelta(minutes=4), values)
    spo2 = min(99.0, patient.spo2 + random.gauss(0, 0.6))
    spo2 -= 12 * worse if ill is Course.RESPIRATORY else 0
    values = {"spo2": _rounded(spo2, "1"), "pulse": _rounded(pulse + random.gauss(0, 2), "1")}
    yield Taken("oximeter", start + timedelta(minutes=9), values)


def _rounded(value: float, step: str) -> Decimal:
    size = Decimal(step)
    return (Decimal(value) / size).quantize(Decimal(1)) * size


def must_alert(taken: list[Taken]) -> bool:
    """Say whether a plain reading of the limits finds any value beyond one: the ground truth."""
    for one in taken:
        for code, value in one.values.items():
            limits = LIMITS.get(code, {})
            if value < Decimal(limits.get("low_inner", "-Infinity")):
                return True
            if value > Decimal(limits.get("high_inner", "Infinity")):
                return True
    return _gains_more_than_2kg_in_3_days([one for one in taken if one.device == "scale"])


def _gains_more_than_2kg_in_3_days(weighings: list[Taken]) -> bool:
    by_day = {one.at.date(): one.values["weight"] for one in reversed(weighings)}
    for day, weight in by_day.items():
        before = [by_day.get(day - timedelta(days=back)) for back in (1, 2, 3)]
        bases = [base for base in before if base is not None]
        if bases and weight - min(bases) > 2:
            return True
    return False
