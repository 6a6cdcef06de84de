"""A vital's chart as data: points that fit a screen, limits in force then, and alerts."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from contract.codes import DEFINITIONS, Code
from server.domain.alerts import Alert
from server.domain.instants import DAY, HOUR
from server.engine.rules import COMPARATOR
from server.ports.charts import MARK_FLAGGED, MARK_HELD, MARK_LATE, MARK_PERSON, MARK_UNSURE
from server.ports.directory import PlanRow
from server.web import texts
from server.web.catalogues import N_
from server.web.limits import Points, in_force, limits_of
from server.web.thinning import thinned
from server.web.wording import Wording, code_of

PERIODS: Final = {"1": DAY, "7": 7 * DAY, "30": 30 * DAY, "90": 90 * DAY, "365": 365 * DAY}
# Where somebody measures daily, a day left out is a gap.
_GAP: Final = 36 * HOUR
# The least that an axis shows: on a narrower one every breath looks like a fall.
_SPANS: Final = {Code.WEIGHT: 5, Code.TEMPERATURE: 3, Code.SPO2: 12}
_MARKS: Final = (
    (MARK_HELD, "held"),
    (MARK_UNSURE, "unsure"),
    (MARK_LATE, "late"),
    (MARK_PERSON, "person"),
    (MARK_FLAGGED, "flagged"),
)


def chart(
    w: Wording,
    code: Code,
    points: Points,
    plans: Sequence[PlanRow],
    alerts: Sequence[Alert],
    period: tuple[int, int],
) -> dict[str, Any]:
    """Return what the page's script draws (its form stands in ``frontend/src/charts.js``)."""
    series = _series(code, thinned(code, points, plans))
    words = sorted({point[2] for point in series if point[2]})
    return {
        "label": w.code(code),
        "unit": w.unit(code),
        "decimals": 1 if code in (Code.TEMPERATURE, Code.WEIGHT) else 0,
        "gap_ms": _gap(points),
        "span": _SPANS.get(code, 40),
        "marks": {word: f"({mark_text(w, word)})" for word in words},
        "key": {
            word: mark_text(w, word)
            for _, word in _MARKS
            if any(word in one.split("+") for one in words)
        },
        "series": [{"label": w.code(code), "points": series}],
        "bands": _bands(code, plans, period),
        "alerts": [
            {"at": alert.began_at, "priority": alert.priority, "label": w.reason(alert, plans)}
            for alert in alerts
            if code_of(alert.rule) == code and period[0] <= alert.began_at <= period[1]
        ],
    }


def shared(w: Wording, period: tuple[int, int]) -> dict[str, Any]:
    """Return what all charts of a page have in common."""
    return {
        "zone": w.zone_name,
        "from": period[0],
        "to": period[1],
        "texts": {
            "keys": w.text(N_("Arrow keys move from value to value")),
            "none": w.text(N_("No values in this period")),
        },
    }


def mark_text(w: Wording, word: str) -> str:
    """Say a mark, or several joined by +, in words."""
    return ", ".join(w.text(texts.MARKS[one]) for one in word.split("+"))


def mark_of(point: np.void) -> str:
    """Return the words of a point's marks, joined by +: LO or HI, then the gravest first."""
    return _word(int(point["value"]), int(point["marks"]))


def _series(code: Code, points: Points) -> list[tuple[int, float | None, str]]:
    scale = int(1 / DEFINITIONS[code].step)
    rows = zip(*(points[name].tolist() for name in ("at", "value", "marks")), strict=True)
    return [
        (at, value / scale if abs(value) != COMPARATOR else None, _word(value, marks))
        for at, value, marks in rows
    ]


def _word(value: int, marks: int) -> str:
    said = _marked(marks)
    if abs(value) != COMPARATOR:
        return said
    side = "HI" if value > 0 else "LO"
    return f"{side}+{said}" if said else side


@lru_cache(maxsize=64)
def _marked(marks: int) -> str:
    return "+".join(word for bit, word in _MARKS if marks & bit)


def _gap(points: Points) -> int:
    """Return the longest time over which a line is drawn: a patient's own rhythm is no gap."""
    if len(points) < 3:
        return _GAP
    return max(_GAP, 3 * int(np.median(np.diff(points["at"]))))


def _bands(code: Code, plans: Sequence[PlanRow], period: tuple[int, int]) -> list[dict[str, Any]]:
    bands: list[dict[str, Any]] = []
    for row, start, end in in_force(plans):
        if start > period[1] or (end is not None and end < period[0]):
            continue
        for side, limit in limits_of(row.plan, code).items():
            bands.append(
                {
                    "from": max(start, period[0]) if start > period[0] else None,
                    "to": end if end is not None and end < period[1] else None,
                    "level": "outer" if side.endswith("outer") else "inner",
                    "below" if side.startswith("low") else "above": float(limit),
                }
            )
    return bands
