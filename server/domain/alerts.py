"""The life of an alert: one open matter of one patient that needs a person.

The system raises, gathers evidence, clears and escalates; a person acknowledges, pauses and
closes. Clearing never closes, acknowledging never clears. Every function takes an alert and
returns the next one with what must be told to whom and the named reason; nothing here reads a
clock or a table.

    open and unclaimed ──acknowledge──► acknowledged ──close──► closed
        │      ▲  ▲                          │
        │      │  └──follow-up passed────────┤
        │      └─────began again, got worse──┘
        └─deadline─► next step told … ─► unanswered (loud until a person takes it)

An open alert always has a deadline, or is unanswered (a deadline while paused is the pause's end).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from server.domain.instants import DAY, HOUR, MINUTE, at_local, civil_day, to_datetime, zone
from server.domain.plans import Priority, Step
from server.domain.roles import Role
from server.errors import IllegalTransition, WrongInput

# Judgements of the hazard analysis (H4, H6), to be confirmed by a clinician.
FOLLOW_UP: Final = {Priority.HIGH: HOUR, Priority.MEDIUM: 4 * HOUR}
ACTIONABLE: Final = DAY
COVERAGE_STARTS_MINUTE: Final = 8 * 60
PAUSE_LONGEST: Final = 7 * DAY


class Kind(StrEnum):
    """Clinical: a value. Adherence: nobody measured. Technical: Vicino itself needs a person."""

    CLINICAL = "clinical"
    ADHERENCE = "adherence"
    TECHNICAL = "technical"


class Outcome(StrEnum):
    """What came of an alert, as the person who closes it says."""

    TREATMENT_CHANGED = "treatment-changed"
    VISIT_ARRANGED = "visit-arranged"
    ADVICE_GIVEN = "advice-given"
    SENT_TO_EMERGENCY = "sent-to-emergency"
    NO_ACTION_NEEDED = "no-action-needed"
    MEASURING_MISTAKE = "measuring-mistake"
    TECHNICAL_FIXED = "technical-fixed"


class Reason(StrEnum):
    """Why somebody is told."""

    RAISED = "raised"
    AGAIN = "began-again"
    WORSE = "got-worse"
    ESCALATED = "escalated"
    UNANSWERED = "unanswered"
    FOLLOW_UP_PASSED = "follow-up-passed"
    PAUSE_ENDED = "pause-ended"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding, as an alert gathers it. Values are scaled integers; ``comparator`` is
    -1 below or +1 above the device's range, else 0."""

    measured_at: int
    value: int | None = None
    comparator: int = 0
    late: bool = False
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Telling:
    """Tell everyone of a role (or the one member of staff ``user``), and why."""

    reason: Reason
    role: Role
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One row of the record. ``step`` counts the chain's steps already told.

    ``worst``, ``newest`` and ``told`` (the value when somebody was last told or took it on) are
    scaled integers, or None where the matter has no number.
    """

    id: int
    chc_id: int
    subject: str
    patient_id: int | None
    kind: Kind
    rule: str
    priority: Priority
    raised_at: int
    began_at: int
    newest_at: int
    deadline_at: int | None
    step: int = 0
    unanswered: bool = False
    owner: str | None = None
    acknowledged_at: int | None = None
    cleared_at: int | None = None
    paused_until: int | None = None
    closed_at: int | None = None
    closed_by: str | None = None
    outcome: Outcome | None = None
    next_review_at: int | None = None
    previous_id: int | None = None
    worst: int | None = None
    newest: int | None = None
    told: int | None = None
    comparator: int = 0
    late: bool = False
    confirmed: bool = True
    superseded: bool = False
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """An alert's next state, and what must be told in the same commit."""

    alert: Alert
    tellings: tuple[Telling, ...] = ()


def raised(alert: Alert, chain: Sequence[Step], now: int, zone_name: str) -> Change:
    """Start the life of a new alert that its maker filled with its first evidence.

    A pause in force (``paused_until``) holds messages back to its end. Evidence older than the
    actionable time goes on the worklist at the next coverage hours (hazard H6).
    """
    if alert.paused_until is not None:
        return Change(replace(alert, deadline_at=alert.paused_until, step=0))
    if alert.newest_at < now - ACTIONABLE:
        return Change(replace(alert, deadline_at=next_coverage(now, zone_name), step=0))
    return _start_chain(alert, chain, now, Reason.RAISED)


def gathered(
    alert: Alert,
    evidence: Evidence,
    chain: Sequence[Step],
    now: int,
    zone_name: str,
    worse_by: int | None,
) -> Change:
    """Add one finding to an open alert, and tell again only where hazard H4 says so."""
    after = with_evidence(alert, evidence)
    again = alert.cleared_at is not None and evidence.measured_at >= alert.newest_at
    if again:
        after = replace(after, cleared_at=None)
    if alert.paused_until is not None:
        return Change(after)
    if evidence.measured_at < now - ACTIONABLE:
        return Change(_unclaimed_by(after, next_coverage(now, zone_name)) if again else after)
    if alert.cleared_at is not None:
        return _start_chain(replace(after, cleared_at=None), chain, now, Reason.AGAIN)
    if alert.step == 0 and alert.owner is None:
        # Old evidence opened it for the next coverage hours; this is of now.
        return _start_chain(after, chain, now, Reason.RAISED)
    if not _worse(alert, evidence, worse_by):
        return Change(after)
    if alert.owner is not None:
        return _start_chain(after, chain, now, Reason.WORSE)
    # Unclaimed: the running deadline must not move away, so only the word is repeated.
    told = replace(after, told=evidence.value)
    return Change(told, tuple(Telling(Reason.WORSE, step.role) for step in chain[: alert.step]))


def cleared(alert: Alert, now: int) -> Change:
    """Note that the condition ended. The alert stays listed and its chain runs on."""
    return Change(alert if alert.cleared_at is not None else replace(alert, cleared_at=now))


def superseded(alert: Alert, now: int, chain: Sequence[Step]) -> Change:
    """Note that late data no longer supports the alert: it stays open for a person to see why."""
    if alert.superseded:
        return Change(alert)
    telling = Telling(Reason.SUPERSEDED, chain[0].role, alert.owner)
    return Change(replace(cleared(alert, now).alert, superseded=True), (telling,))


def acknowledged(alert: Alert, *, by: str, now: int, zone_name: str) -> Change:
    """Take the alert on. Acknowledging twice keeps the first name.

    Raises ``IllegalTransition`` when it is closed.
    """
    _must_be_open(alert)
    if alert.owner is not None:
        return Change(alert)
    return Change(
        replace(
            alert,
            owner=by,
            acknowledged_at=now,
            unanswered=False,
            told=alert.newest,
            deadline_at=alert.paused_until or follow_up_at(alert.priority, now, zone_name),
        )
    )


def closed(alert: Alert, *, by: str, outcome: str, next_review_at: int, now: int) -> Change:
    """Finish the matter. Raises ``WrongInput`` for an unknown outcome or a review not ahead."""
    _must_be_open(alert)
    if outcome not in list(Outcome):
        raise WrongInput("an alert is closed with an outcome of the list")
    if next_review_at <= now:
        raise WrongInput("the next review lies ahead")
    return Change(
        replace(
            alert,
            closed_at=now,
            closed_by=by,
            outcome=Outcome(outcome),
            next_review_at=next_review_at,
            deadline_at=None,
            unanswered=False,
        )
    )


def paused(alert: Alert, *, until: int, now: int) -> Change:
    """Stop the messages of this rule of this patient until then. Raises ``WrongInput``."""
    _must_be_open(alert)
    if not now < until <= now + PAUSE_LONGEST:
        raise WrongInput(f"a pause ends by itself within {PAUSE_LONGEST // DAY} days")
    return Change(replace(alert, paused_until=until, deadline_at=until, unanswered=False))


def deadline_passed(alert: Alert, chain: Sequence[Step], now: int) -> Change:
    """Do what an open alert's passed deadline asks for: the poller's only move."""
    if alert.paused_until is not None:
        return _start_chain(replace(alert, paused_until=None), chain, now, Reason.PAUSE_ENDED)
    if alert.owner is not None:
        return _start_chain(alert, chain, now, Reason.FOLLOW_UP_PASSED)
    if alert.step < len(chain):
        step = chain[alert.step]
        reason = Reason.ESCALATED if alert.step else Reason.RAISED
        after = replace(alert, step=alert.step + 1, deadline_at=now + step.minutes * MINUTE)
        return Change(after, (Telling(reason, step.role),))
    everyone = dict.fromkeys(step.role for step in chain)
    tellings = tuple(Telling(Reason.UNANSWERED, role) for role in everyone)
    return Change(replace(alert, unanswered=True, deadline_at=None), tellings)


def follow_up_at(priority: Priority, now: int, zone_name: str) -> int:
    """Return when an acknowledged alert must be closed, or else is unclaimed again (H4)."""
    if (wait := FOLLOW_UP.get(priority)) is not None:
        return now + wait
    return next_working_day(now, zone_name)


def next_working_day(now: int, zone_name: str) -> int:
    """Return the start of coverage on the next Monday to Friday (public holidays unknown)."""
    local = to_datetime(now).astimezone(zone(zone_name)) + timedelta(days=1)
    while local.weekday() >= 5:
        local += timedelta(days=1)
    return at_local(local.toordinal() - 719_163, COVERAGE_STARTS_MINUTE, zone_name)


def next_coverage(now: int, zone_name: str) -> int:
    """Return the next start of coverage hours: at 08:00 of the zone, today or tomorrow."""
    day = civil_day(now, zone_name)
    today = at_local(day, COVERAGE_STARTS_MINUTE, zone_name)
    return today if today > now else at_local(day + 1, COVERAGE_STARTS_MINUTE, zone_name)


def is_low(rule: str) -> bool:
    """Tell whether a rule grows worse downwards."""
    return "-low-" in rule


def _start_chain(alert: Alert, chain: Sequence[Step], now: int, reason: Reason) -> Change:
    """Make the alert unclaimed and tell the first step; a former owner is told too."""
    first = chain[0]
    tellings = [Telling(reason, first.role)]
    if alert.owner is not None:
        tellings.append(Telling(reason, first.role, alert.owner))
    after = replace(
        alert,
        step=1,
        deadline_at=now + first.minutes * MINUTE,
        owner=None,
        acknowledged_at=None,
        unanswered=False,
        told=alert.newest,
    )
    return Change(after, tuple(tellings))


def _unclaimed_by(alert: Alert, latest: int) -> Alert:
    """Make sure that somebody is told by then: the chain starts anew, no later than it would."""
    deadline = min(alert.deadline_at, latest) if alert.deadline_at is not None else latest
    step = alert.step if alert.owner is None and not alert.unanswered else 0
    return replace(
        alert, owner=None, acknowledged_at=None, unanswered=False, step=step, deadline_at=deadline
    )


def with_evidence(alert: Alert, evidence: Evidence) -> Alert:
    """Gather one finding: worst, newest and since when; nobody is told by this."""
    newer = evidence.measured_at >= alert.newest_at
    worst = alert.worst
    if evidence.value is not None and (
        worst is None or _sign(alert.rule) * (evidence.value - worst) > 0
    ):
        worst = evidence.value
    return replace(
        alert,
        worst=worst,
        newest=evidence.value if newer else alert.newest,
        comparator=evidence.comparator if newer else alert.comparator,
        newest_at=max(alert.newest_at, evidence.measured_at),
        began_at=min(alert.began_at, evidence.measured_at),
        confirmed=alert.confirmed or evidence.confirmed,
        superseded=False,
    )


def _worse(alert: Alert, evidence: Evidence, worse_by: int | None) -> bool:
    if worse_by is None or evidence.value is None or alert.told is None:
        return False
    if evidence.measured_at < alert.newest_at:
        return False
    return _sign(alert.rule) * (evidence.value - alert.told) >= worse_by


def _sign(rule: str) -> int:
    return -1 if is_low(rule) else 1


def _must_be_open(alert: Alert) -> None:
    if alert.closed_at is not None:
        raise IllegalTransition(f"alert {alert.id} is closed already, by {alert.closed_by}")
