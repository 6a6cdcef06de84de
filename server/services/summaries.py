"""What a doctor reads first: averages, shares and scores of a patient's series, each as what it is.

All of it is computed by the engine's own definitions, of what the chart store holds: without what
is held, of unsure time, or (in averages) flagged by its device.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.codes import DEFINITIONS, Code
from server.domain.glucose import InRange, in_range
from server.domain.instants import DAY, MINUTE, civil_day
from server.domain.plans import Plan
from server.domain.window_rules import AVERAGE_LEAST
from server.engine import early_warning
from server.engine.average import DAYS, halves
from server.engine.instant import Now
from server.engine.instant import now as at_instant
from server.engine.news2 import Score
from server.engine.rules import COMPARATOR, ScoreRule
from server.engine.series import Observation
from server.ports.charts import MARK_HELD, MARK_UNSTEADY, MARK_UNSURE, POINT

Series = Mapping[int, NDArray[np.void]]
"""A patient's points by the code's number, each in the order measured."""
_DOUBTED: Final = MARK_HELD | MARK_UNSURE


class Part(NamedTuple):
    """Scaled means of the mornings or the evenings, and of how many measurements."""

    systolic: int
    diastolic: int
    used: int


class Average(NamedTuple):
    """Home blood pressure by protocol: scaled means, None where too few values count.

    ``morning`` is before noon by the patient's clock, ``evening`` after it; None without values.
    """

    systolic: int | None
    diastolic: int | None
    used: int
    least: int
    morning: Part | None
    evening: Part | None


class Warned(NamedTuple):
    """NEWS2, or the part of it that is known, at the newest instant of an input."""

    at: int
    score: Score


def home_pressure(series: Series, zone_name: str, now: int) -> Average | None:
    """Return the average of the last seven days without the first (``engine.average``)."""
    today = civil_day(now, zone_name)
    since = now - (DAYS + 1) * DAY
    both = [_sure(series, code, since) for code in (Code.SYSTOLIC, Code.DIASTOLIC)]
    if not any(len(points) for points in both):
        return None
    parts = [halves(_instants(points, zone_name), today) for points in both]
    morning, evening = (_part([one[half] for one in parts]) for half in (0, 1))
    pairs = [(before[0] + after[0], before[1] + after[1]) for before, after in parts]
    used = min(count for count, _ in pairs)
    systolic, diastolic = (_mean(*pair) if used >= AVERAGE_LEAST else None for pair in pairs)
    return Average(systolic, diastolic, used, AVERAGE_LEAST, morning, evening)


def _part(pairs: list[tuple[int, int]]) -> Part | None:
    used = min(count for count, _ in pairs)
    if not used:
        return None
    systolic, diastolic = (_mean(*pair) for pair in pairs)
    return Part(systolic, diastolic, used)


def glucose(series: Series, since: int) -> InRange | None:
    """Return how much of the glucose since an instant was in range."""
    points = _sure(series, Code.GLUCOSE, since)
    if not len(points):
        return None
    return in_range(list(zip(points["at"].tolist(), points["value"].tolist(), strict=True)))


def warning(series: Series, plan: Plan | None) -> Warned | None:
    """Return the newest NEWS2 by the scale that the plan in force names; without one, none."""
    if plan is None or plan.early_warning is None:
        return None
    reach = plan.early_warning.minutes * MINUTE
    inputs = [_sure(series, code, 0) for code in early_warning.INPUTS]
    newest = max((int(points["at"][-1]) for points in inputs if len(points)), default=None)
    if newest is None:
        return None
    rule = ScoreRule(plan.early_warning.scale, reach)
    seen = [one for code in early_warning.INPUTS for one in _seen(series, code, newest - reach)]
    found = early_warning.newest(rule, seen)
    return Warned(*found) if found else None


def _seen(series: Series, code: Code, since: int) -> Iterable[early_warning.Seen]:
    for point in _sure(series, code, since):
        observation = Observation(int(point["at"]), 0, int(point["value"]), 0, 0)
        yield DEFINITIONS[code].number, observation


def _sure(series: Series, code: Code, since: int) -> NDArray[np.void]:
    points = series.get(DEFINITIONS[code].number)
    if points is None:
        return np.empty(0, POINT)
    return np.asarray(points[(points["at"] >= since) & ((points["marks"] & _DOUBTED) == 0)])


def _instants(points: NDArray[np.void], zone_name: str) -> Iterable[Now]:
    for point in points[np.abs(points["value"]) != COMPARATOR]:
        steady = not int(point["marks"]) & MARK_UNSTEADY
        yield at_instant(int(point["at"]), int(point["value"]), zone_name, steady)


def _mean(count: int, total: int) -> int:
    """Round half up, in the scaled integer's own step."""
    return (2 * total + count) // (2 * count)
