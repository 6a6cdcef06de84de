"""A vital's chart as data: points that fit a screen, limits in force then, and alerts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import DEFINITIONS, Code, scaled
from server.domain.alerts import Alert
from server.domain.instants import DAY, HOUR
from server.domain.plans import SIDES
from server.domain.timeline import FOREVER, pieces
from server.engine.rules import COMPARATOR
from server.ports.charts import MARK_FLAGGED, MARK_HELD, MARK_LATE, MARK_PERSON, MARK_UNSURE
from server.ports.directory import PlanRow
from server.web import texts
from server.web.catalogues import N_
from server.web.wording import Wording, code_of

PERIODS: Final = {"1": DAY, "7": 7 * DAY, "30": 30 * DAY, "90": 90 * DAY, "365": 365 * DAY}
POINTS_MAX: Final = 1000
# Buckets give two points each; the half of the room is kept for what lies beyond a limit.
_BUCKETS: Final = POINTS_MAX // 4
# Where somebody measures daily, a day left out is a gap.
_GAP: Final = 36 * HOUR
_MARKS: Final = (
    (MARK_HELD, "held"),
    (MARK_UNSURE, "unsure"),
    (MARK_LATE, "late"),
    (MARK_PERSON, "person"),
    (MARK_FLAGGED, "flagged"),
)
Points = NDArray[np.void]


def in_force(plans: Sequence[PlanRow]) -> list[tuple[PlanRow, int, int | None]]:
    """Return the confirmed versions with the time they were in force: from, until."""
    confirmed = [row for row in plans if row.in_force_from is not None]
    spans = [(row.in_force_from or 0, row.in_force_until or FOREVER) for row in confirmed]
    return [
        (confirmed[at], start, end if end < FOREVER else None)
        for at, start, end in pieces(spans)
        if at is not None
    ]


def limits_of(row: PlanRow, code: Code) -> dict[str, Decimal]:
    """Return the limits of a code in one version, by side."""
    for threshold in row.plan.thresholds:
        if threshold.code == code:
            sides = zip(SIDES, threshold.limits(), strict=True)
            return {side: limit for side, limit in sides if limit is not None}
    return {}


def thinned(code: Code, points: Points, plans: Sequence[PlanRow]) -> Points:
    """Return at most ``POINTS_MAX`` points that show what all of them show.

    Every bucket of time keeps its lowest and highest; so do, apart, the points beyond a limit
    that was in force when they were measured: where these are few, all of them stay.
    """
    if len(points) <= POINTS_MAX:
        return points
    beyond = np.flatnonzero(_beyond(code, points, plans))
    kept = np.union1d(_extremes(points, np.arange(len(points))), _extremes(points, beyond))
    return np.asarray(points[kept])


def chart(
    w: Wording,
    code: Code,
    points: Points,
    plans: Sequence[PlanRow],
    alerts: Sequence[Alert],
    period: tuple[int, int],
) -> dict[str, Any]:
    """Return what the page's script draws (its form stands in ``frontend/src/charts.js``)."""
    series = [_point(code, point) for point in thinned(code, points, plans)]
    words = {point[2] for point in series if point[2]}
    marks = {word: f"({mark_text(w, word)})" for word in words}
    return {
        "label": w.code(code),
        "unit": w.unit(code),
        "decimals": 1 if code in (Code.TEMPERATURE, Code.WEIGHT) else 0,
        "zone": w.zone_name,
        "from": period[0],
        "to": period[1],
        "gap_ms": _gap(points),
        "texts": {
            "keys": w.text(N_("Arrow keys move from value to value")),
            "none": w.text(N_("No values in this period")),
            "marks": marks,
        },
        "series": [{"label": w.code(code), "points": series}],
        "bands": _bands(code, plans, period),
        "alerts": [
            {"at": alert.began_at, "priority": alert.priority, "label": w.reason(alert, plans)}
            for alert in alerts
            if code_of(alert.rule) == code and period[0] <= alert.began_at <= period[1]
        ],
    }


def level(code: Code, value: int, limits: dict[str, Decimal]) -> str:
    """Say how a value lies to limits: ``outer``, ``inner``, ``inside``, or ``none`` to judge by."""
    if not limits:
        return "none"
    found = "inside"
    for side, limit in limits.items():
        bound = scaled(code, limit)
        if value < bound if side.startswith("low") else value > bound:
            if side.endswith("outer"):
                return "outer"
            found = "inner"
    return found


def mark_text(w: Wording, word: str) -> str:
    """Say a mark, or several joined by +, in words."""
    return ", ".join(w.text(texts.MARKS[one]) for one in word.split("+"))


def mark_of(point: np.void) -> str:
    """Return the word of a point's marks: LO or HI win, the others are joined by +."""
    if abs(int(point["value"])) == COMPARATOR:
        return "HI" if point["value"] > 0 else "LO"
    return "+".join(word for bit, word in _MARKS if int(point["marks"]) & bit)


def _point(code: Code, point: np.void) -> tuple[int, float | None, str]:
    mark = mark_of(point)
    value = None if mark in ("LO", "HI") else float(int(point["value"]) * DEFINITIONS[code].step)
    return int(point["at"]), value, mark


def _gap(points: Points) -> int:
    """Return the longest time over which a line is drawn: a patient's own rhythm is no gap."""
    if len(points) < 3:
        return _GAP
    return max(_GAP, 3 * int(np.median(np.diff(points["at"]))))


def _beyond(code: Code, points: Points, plans: Sequence[PlanRow]) -> NDArray[np.bool_]:
    beyond = np.abs(points["value"]) == COMPARATOR
    for row, start, end in in_force(plans):
        during = points["at"] >= start
        if end is not None:
            during &= points["at"] < end
        for side, limit in limits_of(row, code).items():
            bound = scaled(code, limit)
            over = points["value"] < bound if side.startswith("low") else points["value"] > bound
            beyond |= during & over
    return np.asarray(beyond)


def _extremes(points: Points, places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the places of the lowest and highest of each bucket, all where they are few."""
    if len(places) <= 2 * _BUCKETS:
        return places
    kept = [
        bucket[extreme]
        for bucket in np.array_split(places, _BUCKETS)
        for extreme in (np.argmin(points["value"][bucket]), np.argmax(points["value"][bucket]))
    ]
    return np.unique(np.array(kept))


def _bands(code: Code, plans: Sequence[PlanRow], period: tuple[int, int]) -> list[dict[str, Any]]:
    bands: list[dict[str, Any]] = []
    for row, start, end in in_force(plans):
        if start > period[1] or (end is not None and end < period[0]):
            continue
        for side, limit in limits_of(row, code).items():
            bands.append(
                {
                    "from": max(start, period[0]) if start > period[0] else None,
                    "to": end if end is not None and end < period[1] else None,
                    "level": "outer" if side.endswith("outer") else "inner",
                    "below" if side.startswith("low") else "above": float(limit),
                }
            )
    return bands
