"""What is left of an alert once findings that it rests on are no longer in force: pure.

An alert with nothing left stays open for a person, with the reason. One that lost a part of its
evidence to an error (hazard H14) goes on with what is left: another person's value must not stand
for the patient's own, nor be what "got worse" is measured by (hazard H4).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from server.domain import alerts as life
from server.domain.alerts import Alert, Change, Evidence, Reason, Telling
from server.domain.plans import Step

ENTERED_IN_ERROR: Final = "entered-in-error"
PARTLY_IN_ERROR: Final = "partly-entered-in-error"
LATE_DATA: Final = "late-data"


def unsupported(alert: Alert, why: str, now: int, chain: Sequence[Step]) -> Change:
    """Note that nothing in force supports the alert any more, and tell its staff."""
    said = None if alert.detail == PARTLY_IN_ERROR else alert.detail
    return life.superseded(replace(alert, detail=said or why), now, chain)


def partly_withdrawn(alert: Alert, left: Sequence[Evidence], chain: Sequence[Step]) -> Change:
    """Take the alert's values from the evidence left to it, and tell its staff of the error.

    They are told once, and again only where more withdrawn evidence was the worst: a correction
    is carried out in many parts.
    """
    newest = max(left, key=lambda one: one.measured_at)
    worst = _worst(alert, [one.value for one in left])
    after = replace(
        alert,
        began_at=min(one.measured_at for one in left),
        newest_at=newest.measured_at,
        newest=newest.value,
        comparator=newest.comparator,
        worst=worst,
        told=_milder(alert, alert.told, worst),
        confirmed=any(one.confirmed for one in left),
        detail=PARTLY_IN_ERROR,
    )
    if alert.detail == PARTLY_IN_ERROR and worst == alert.worst:
        return Change(after)
    return Change(after, (Telling(Reason.SUPERSEDED, chain[0].role, alert.owner),))


def _worst(alert: Alert, values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    worst = min if life.is_low(alert.rule) else max
    return worst(known, default=None)


def _milder(alert: Alert, told: int | None, worst: int | None) -> int | None:
    """Return what was told, or what is left where that is less bad."""
    if told is None or worst is None:
        return None
    return max(told, worst) if life.is_low(alert.rule) else min(told, worst)
