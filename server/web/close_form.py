"""What the form that closes an alert offers, so that closing takes few taps."""

import zlib
from collections.abc import Sequence
from datetime import date
from typing import Final

from server.domain.alerts import Alert, Kind, Outcome
from server.domain.instants import DAY, EPOCH_DAY
from server.domain.plans import Priority
from server.domain.within import is_within
from server.ports.directory import User
from server.ports.views import NoteRow
from server.services import alert_work
from server.web.worklist import URGENCY, urgency

# What a ticked box of another alert is called: ``also-17``.
ALSO: Final = "also-"
# Days ahead that are one tap.
SOON: Final = (1, 3, 7, 30)
_FILLED_MAX: Final = 30  # days
_HABITS: Final = (Outcome.NO_ACTION_NEEDED, Outcome.ADVICE_GIVEN)


def closes_with(other: Alert, alert: Alert, user: str) -> bool:
    """Tell whether closing one alert may close another: the same patient's, open, no more urgent
    (a red must never go with an amber), and nobody else's."""
    same = alert.patient_id is not None and other.patient_id == alert.patient_id
    if Kind.TECHNICAL in (alert.kind, other.kind):
        return False
    free = other.owner in (None, user)
    lesser = URGENCY[other.priority] >= URGENCY[alert.priority]
    return same and free and lesser and other.id != alert.id and other.closed_at is None


def takeable(user: User, alert: Alert, others: Sequence[Alert]) -> list[Alert]:
    """Return the patient's other alerts that nobody has and the user may take on with this one;
    what is one matter with it goes with it anyway."""
    if alert.patient_id is None or alert.kind is Kind.TECHNICAL:
        return []
    free = (one for one in others if one.owner is None and one.kind is not Kind.TECHNICAL)
    apart = (one for one in free if not is_within(one, alert))
    return [one for one in apart if alert_work.may_work(user, one)]


def stamp(alert: Alert, notes: Sequence[NoteRow], user: str) -> str:
    """Return what a form says of an alert as it was shown: closing what has changed since would
    close what nobody looked at. What the reader did themselves changes nothing."""
    others = alert.owner if alert.owner != user else None
    shown = (
        *(alert.newest_at, alert.newest, alert.worst, alert.priority, others),
        *(alert.cleared_at, alert.superseded, sum(note.by != user for note in notes)),
    )
    return f"{zlib.crc32(repr(shown).encode()):08x}"


def days_ahead(today: int) -> list[tuple[int, str]]:
    """Return the days of one tap, as days ahead and ISO dates; ``today`` counts from 1970."""
    return [(ahead, _iso(today + ahead)) for ahead in SOON]


def as_before(alert: Alert, before: Alert | None, today: int) -> tuple[str, str]:
    """Return the outcome and the day of the next review as at the last close of this rule, a month
    ahead at most; of a high alert, then or now, nothing: what it comes to is never a habit."""
    if before is None or before.closed_at is None or before.next_review_at is None:
        return "", ""
    if Priority.HIGH in (alert.priority, before.priority) or before.outcome not in _HABITS:
        return "", ""
    days = min(max(1, -(-(before.next_review_at - before.closed_at) // DAY)), _FILLED_MAX)
    return str(before.outcome), _iso(today + days)


def beside(alert: Alert, patients: Sequence[Alert]) -> list[Alert]:
    """Return the other open alerts of the patient, the most urgent first."""
    others = [one for one in patients if one.closed_at is None and one.id != alert.id]
    return sorted(others, key=urgency)


def _iso(day: int) -> str:
    return date.fromordinal(day + EPOCH_DAY).isoformat()
