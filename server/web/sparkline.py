"""A series in a word and a few strokes: its newest value, how it lies to the usual, a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

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
    sure = points[(points["marks"] & _DOUBTED) == 0]
    if not len(sure):
        return None
    day = (now - sure["at"]) // DAY
    last = np.append(np.flatnonzero(np.diff(day)), len(sure) - 1)
    kept = last[(day[last] >= 0) & (day[last] < DAYS)]
    strokes = _strokes(DAYS - 1 - day[kept], sure["value"][kept])
    return Sparkline(code, int(sure["at"][-1]), int(sure["value"][-1]), trend(sure, now), strokes)


def trend(points: Points, now: int) -> str:
    """Say how the last week's mean lies to the three weeks before: beyond their own scatter or not.

    A judgement, to be confirmed by a clinician; no rule is judged by it.
    """
    steady = (points["marks"] & MARK_UNSTEADY) == 0
    numbers = points[steady & (np.abs(points["value"]) != COMPARATOR)]
    values = numbers["value"].astype(np.int64)
    ago = now - numbers["at"]
    lately, before = values[ago < _LATELY], values[(ago >= _LATELY) & (ago < 4 * _LATELY)]
    if len(lately) < _LEAST or len(before) < _LEAST:
        return "few"
    scatter = max(float(before.std()), 1.0)
    moved = float(lately.mean() - before.mean())
    if abs(moved) <= scatter:
        return "usual"
    return "above" if moved > 0 else "below"


def _strokes(days: Points, values: Points) -> list[str]:
    numbers = values[np.abs(values) != COMPARATOR]
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    span = max(high - low, 1)
    heights = np.clip((values.astype(np.int64) - low) / span, 0, 1)
    found: list[list[str]] = []
    before = None
    for day, height in zip(days.tolist(), heights.tolist(), strict=True):
        if before is None or day - before > 1:
            found.append([])
        x, y = 2 + day * (WIDTH - 4) / (DAYS - 1), HEIGHT - 3 - height * (HEIGHT - 6)
        found[-1].append(f"{x:.1f},{y:.1f}")
        before = day
    # A line of one point would not be drawn: a day alone is a dot.
    return [" ".join(stroke if len(stroke) > 1 else stroke * 2) for stroke in found]
