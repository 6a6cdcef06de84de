"""The limits of a patient's plans: which were in force when, and how a value lies to them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import Code, scaled
from server.domain.plans import SIDES, Plan
from server.domain.timeline import FOREVER, pieces
from server.engine.rules import COMPARATOR
from server.ports.directory import PlanRow

Points = NDArray[np.void]
"""What the chart store gives (``ports.charts.POINT``)."""


def in_force(plans: Sequence[PlanRow]) -> list[tuple[PlanRow, int, int | None]]:
    """Return the confirmed versions with the time they were in force: from, until."""
    confirmed = [row for row in plans if row.in_force_from is not None]
    spans = [(row.in_force_from or 0, row.in_force_until or FOREVER) for row in confirmed]
    return [
        (confirmed[at], start, end if end < FOREVER else None)
        for at, start, end in pieces(spans)
        if at is not None
    ]


def limits_of(plan: Plan, code: Code) -> dict[str, Decimal]:
    """Return the limits of a code in a plan, by side."""
    for threshold in plan.thresholds:
        if threshold.code == code:
            sides = zip(SIDES, threshold.limits(), strict=True)
            return {side: limit for side, limit in sides if limit is not None}
    return {}


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


INNER: Final = 1
OUTER: Final = 2


def levels(code: Code, points: Points, plans: Sequence[PlanRow]) -> NDArray[np.int8]:
    """Return how each point lay to the limits in force when it was measured: ``OUTER``, ``INNER``,
    or 0 for inside or nothing to judge by."""
    found = np.zeros(len(points), np.int8)
    for row, start, end in in_force(plans):
        during = points["at"] >= start
        if end is not None:
            during &= points["at"] < end
        for side, limit in limits_of(row.plan, code).items():
            bound = scaled(code, limit)
            over = points["value"] < bound if side.startswith("low") else points["value"] > bound
            reached = OUTER if side.endswith("outer") else INNER
            found[during & over] = np.maximum(found[during & over], reached)
    return found


def beyond(code: Code, points: Points, plans: Sequence[PlanRow]) -> NDArray[np.bool_]:
    """Tell which points are LO or HI, or beyond a limit in force when they were measured."""
    extreme = np.abs(points["value"]) == COMPARATOR
    return np.asarray(extreme | (levels(code, points, plans) > 0))
