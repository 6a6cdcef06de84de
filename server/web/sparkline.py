"""A series in a word and a few strokes: its newest value, how it lies to the usual, a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contract.codes import Code
from server.domain.instants import DAY
from server.engine.rules import COMPARATOR
from server.ports.charts import MARK_HELD, MARK_UNSTEADY, MARK_UNSURE
from server.web.catalogues import N_
from server.web.limits import Points

DAYS: Final = 30
WIDTH: Final = 90
HEIGHT: Final = 24
# The last week beside the three before it; each needs so many values, or nothing is said.
_LATELY: Final = 7 * DAY
_LEAST: Final = 4
_COLUMNS: Final = ("at", "value", "marks")
_DOUBTED: Final = MARK_HELD | MARK_UNSURE
TRENDS: Final = {
    "above": N_("above the usual"),
    "below": N_("below the usual"),
    "usual": N_("as usual"),
    "few": N_("too few to say"),
}


@dataclass(frozen=True, slots=True)
class Sparkline:
    """One vital of one patient; ``strokes`` are the points of a polyline each, gaps between."""

    code: Code
    at: int
    value: int
    trend: str
    strokes: Sequence[str]


def sparkline(code: Code, points: Points, now: int) -> Sparkline | None:
    """Draw the last days of a series, the newest value of each day; LO and HI stand at the edge."""
    sure = [
        (at, value, marks)
        for at, value, marks in zip(*(points[name].tolist() for name in _COLUMNS), strict=True)
        if not marks & _DOUBTED
    ]
    if not sure:
        return None
    days = {DAYS - 1 - (now - at) // DAY: value for at, value, _ in sure}
    at, value, _ = sure[-1]
    return Sparkline(code, at, value, trend(sure, now), _strokes(days))


def trend(sure: Sequence[tuple[int, int, int]], now: int) -> str:
    """Say how the last week's mean lies to the three weeks before: beyond their own scatter or not.

    Of (measured at, value, marks). A judgement, to be confirmed by a clinician; no rule is judged
    by it.
    """
    lately: list[int] = []
    before: list[int] = []
    for at, value, marks in sure:
        if marks & MARK_UNSTEADY or abs(value) == COMPARATOR or now - at >= 4 * _LATELY:
            continue
        (lately if now - at < _LATELY else before).append(value)
    if len(lately) < _LEAST or len(before) < _LEAST:
        return "few"
    usual = sum(before) / len(before)
    scatter = (sum((value - usual) ** 2 for value in before) / len(before)) ** 0.5
    moved = sum(lately) / len(lately) - usual
    if abs(moved) <= max(scatter, 1.0):
        return "usual"
    return "above" if moved > 0 else "below"


def _strokes(days: dict[int, int]) -> list[str]:
    numbers = [value for value in days.values() if abs(value) != COMPARATOR]
    low, high = min(numbers, default=0), max(numbers, default=0)
    span = max(high - low, 1)
    found: list[list[str]] = []
    for day, value in sorted(days.items()):
        if not 0 <= day < DAYS:
            continue
        if day - 1 not in days or not found:
            found.append([])
        height = min(max((value - low) / span, 0), 1)
        x, y = 2 + day * (WIDTH - 4) / (DAYS - 1), HEIGHT - 3 - height * (HEIGHT - 6)
        found[-1].append(f"{x:.1f},{y:.1f}")
    # A line of one point would not be drawn: a day alone is a dot.
    return [" ".join(stroke if len(stroke) > 1 else stroke * 2) for stroke in found]
