"""The life of an alert: one open matter of one patient that needs a person.

The system raises, gathers evidence, clears and escalates; a person acknowledges, pauses and
closes. Clearing never closes, acknowledging never clears. Every function takes an alert and
returns the next one with what must be told to whom and the named reason; nothing here reads a
clock or a table. Who is on duty (``Duty``) is an argument like the time.

    open and unclaimed ──acknowledge──► acknowledged ──close──► closed ──next review──► review due
        │      ▲  ▲                        │    └──hand over──► acknowledged by another
        │      │  └──follow-up passed──────┤
        │      ├─────owner went off duty───┤
        │      └─────began again, got worse┘
        └─deadline─► next step told … ─► unanswered (loud until a person takes it)

The chain passes over a step whose role has nobody on duty, tells the out-of-hours recipient last,
and ends: then everybody there who may see the alert is told. So with nobody on duty an alert goes
to the recipient at once, or is *unanswered* at once (hazard H9). An unanswered alert waits for
nothing: whoever comes on duty next, at the start of coverage or before, is told of it at once, and
so is everybody after, until one takes it on. It stays on top meanwhile; no high alert of the night
waits again for a nurse's fifteen minutes and then a doctor's.

An open alert always has a running deadline and an owner on duty or a chain that runs, or is
unanswered. Paused, its deadline is the pause's end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from server.domain.combinations import PREFIX as COMBINED
from server.domain.duty import Duty, Hours
from server.domain.early_warning import PREFIX as SCORE
from server.domain.instants import DAY, HOUR, MINUTE
from server.domain.kinds import REVIEW as REVIEW
from server.domain.kinds import Kind as Kind
from server.domain.kinds import sees
from server.domain.plans import Priority, Step
from server.domain.roles import Role
from server.errors import IllegalTransition, WrongInput

# Judgements of the hazard analysis (H4, H6), to be confirmed by a clinician.
FOLLOW_UP: Final = {Priority.HIGH: HOUR, Priority.MEDIUM: 4 * HOUR}
ACTIONABLE: Final = DAY
PAUSE_LONGEST: Final = {Priority.HIGH: DAY, Priority.MEDIUM: 7 * DAY, Priority.LOW: 7 * DAY}
# A later review is a slip of the year, and would be silence for good.
REVIEW_LONGEST: Final = 366 * DAY
# Who was not reached is looked for again by then; a high alert is never closed on that (H4).
NOT_REACHED_REVIEW: Final = DAY
# ``Alert.step`` once the out-of-hours recipient was told: past the steps of any chain.
RECIPIENT_TOLD: Final = 1000


class Outcome(StrEnum):
    """What came of an alert, as the person who closes it says."""

    TREATMENT_CHANGED = "treatment-changed"
    VISIT_ARRANGED = "visit-arranged"
    ADVICE_GIVEN = "advice-given"
    SENT_TO_EMERGENCY = "sent-to-emergency"
    NOT_REACHED = "patient-not-reached"
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
    OFF_DUTY = "off-duty"
    HANDED_OVER = "handed-over"
    CAME_ON_DUTY = "came-on-duty"
    PAUSE_ENDED = "pause-ended"
    SUPERSEDED = "superseded"
    CALL_DUE = "call-due"
    VISIT_OVERDUE = "visit-overdue"


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
    """One row of the record. ``step`` counts the chain's steps already told or passed over.

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


def raised(alert: Alert, chain: Sequence[Step], now: int, duty: Duty) -> Change:
    """Start the life of a new alert that its maker filled with its first evidence.

    A pause in force (``paused_until``) holds messages back to its end. Evidence older than the
    actionable time goes on the worklist at the next coverage hours (hazard H6).
    """
    if alert.paused_until is not None:
        return Change(replace(alert, deadline_at=alert.paused_until, step=0, told=alert.newest))
    if alert.newest_at < now - ACTIONABLE:
        return Change(replace(alert, deadline_at=duty.hours.next_start(now), step=0))
    return _start_chain(alert, chain, now, Reason.RAISED, duty)


def gathered(
    alert: Alert,
    evidence: Evidence,
    chain: Sequence[Step],
    now: int,
    duty: Duty,
    worse_by: int | None,
) -> Change:
    """Add one finding to an open alert, and tell again only where hazard H4 says so."""
    after = with_evidence(alert, evidence)
    newer = alert.superseded or evidence.measured_at >= alert.newest_at
    again = alert.cleared_at is not None and newer
    if again:
        after = replace(after, cleared_at=None)
    if alert.paused_until is not None and not alert.superseded:
        # A pause is of what was known then: a value that is worse by the plan's step ends it.
        if evidence.measured_at < now - ACTIONABLE or not _worse(alert, evidence, worse_by):
            return Change(after)
        return _start_chain(replace(after, paused_until=None), chain, now, Reason.WORSE, duty)
    if evidence.measured_at < now - ACTIONABLE:
        return Change(_unclaimed_by(after, duty.hours.next_start(now)) if again else after)
    if alert.cleared_at is not None:
        return _start_chain(replace(after, cleared_at=None), chain, now, Reason.AGAIN, duty)
    if alert.step == 0 and alert.owner is None:
        # Old evidence opened it for the next coverage hours; this is of now.
        return _start_chain(after, chain, now, Reason.RAISED, duty)
    if not _worse(alert, evidence, worse_by):
        return Change(after)
    if alert.owner is not None:
        return _start_chain(after, chain, now, Reason.WORSE, duty)
    # Unclaimed: the running deadline must not move away, so only the word is repeated.
    return Change(replace(after, told=evidence.value), _said(after, chain, duty, Reason.WORSE))


def more_urgent(
    alert: Alert, priority: Priority, chain: Sequence[Step], now: int, duty: Duty
) -> Change:
    """Give an open alert a higher priority: its chain starts anew, taken on or not, and a pause
    ends, for that was of what was known then (hazard H4)."""
    graver = replace(alert, priority=priority, paused_until=None)
    return _start_chain(graver, chain, now, Reason.WORSE, duty)


def cleared(alert: Alert, now: int) -> Change:
    """Note that the condition ended. The alert stays listed and its chain runs on."""
    return Change(alert if alert.cleared_at is not None else replace(alert, cleared_at=now))


def superseded(alert: Alert, now: int, chain: Sequence[Step]) -> Change:
    """Note that late data no longer supports the alert: it stays open for a person to see why."""
    if alert.superseded:
        return Change(alert)
    telling = Telling(Reason.SUPERSEDED, chain[0].role, alert.owner)
    return Change(replace(cleared(alert, now).alert, superseded=True), (telling,))


def acknowledged(alert: Alert, *, by: str, now: int, hours: Hours) -> Change:
    """Take the alert on. Acknowledging twice keeps the first name.

    ``by`` is on duty: who takes an alert on comes on duty with it. Raises ``IllegalTransition``
    when it is closed.
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
            deadline_at=alert.paused_until or follow_up_at(alert.priority, now, hours),
        )
    )


def handed_over(alert: Alert, *, by: str, to: str, role: Role) -> Change:
    """Give one's own alert to a colleague on duty, who is told.

    The follow-up's deadline stays: a matter does not get more time by changing hands. Raises
    ``IllegalTransition`` when it is closed, or no longer the giver's.
    """
    _must_be_open(alert)
    if alert.owner != by:
        raise IllegalTransition(f"alert {alert.id} is not {by}'s")
    return Change(replace(alert, owner=to), (Telling(Reason.HANDED_OVER, role, to),))


def given_back(alert: Alert, chain: Sequence[Step], *, by: str, now: int, duty: Duty) -> Change:
    """Give one's own alert back to the team: it is nobody's, and its chain starts anew.

    Raises ``IllegalTransition`` when it is closed, or no longer the giver's.
    """
    _must_be_open(alert)
    if alert.owner != by:
        raise IllegalTransition(f"alert {alert.id} is not {by}'s")
    unowned = replace(alert, owner=None, acknowledged_at=None)
    if alert.paused_until is not None:
        return Change(unowned)
    return _start_chain(unowned, chain, now, Reason.HANDED_OVER, duty)


def left(alert: Alert, chain: Sequence[Step], now: int, duty: Duty) -> Change:
    """Act on people having gone off duty: nobody who knows of this alert may be gone.

    An owner who is not there loses it, and the chain starts anew with who is. Unclaimed, the
    chain starts anew when nobody is left whose answer it waits for. A pause runs on, unowned.
    """
    if alert.closed_at is not None:
        return Change(alert)
    if alert.owner is not None and not duty.reads(alert.owner):
        if alert.paused_until is not None:
            return Change(replace(alert, owner=None, acknowledged_at=None))
        return _start_chain(replace(alert, owner=None), chain, now, Reason.OFF_DUTY, duty)
    waits = alert.owner is None and alert.paused_until is None and not alert.unanswered
    if waits and alert.step > 0 and not _asked_is_there(alert, chain, duty):
        return _start_chain(alert, chain, now, Reason.OFF_DUTY, duty)
    return Change(alert)


def arrived(alert: Alert, *, who: str, duty: Duty) -> Change:
    """Tell an unanswered alert to somebody who came on duty. It stays unanswered until taken on."""
    if not alert.unanswered or alert.closed_at is not None:
        return Change(alert)
    if duty.recipient is not None and duty.recipient[0] == who:
        if _stays_in_team(alert):
            return Change(alert)
        return Change(alert, (Telling(Reason.CAME_ON_DUTY, duty.recipient[1], who),))
    if not sees(duty.team[who], alert.kind, alert.rule):
        return Change(alert)
    return Change(alert, (Telling(Reason.CAME_ON_DUTY, duty.team[who], who),))


def closed(alert: Alert, *, by: str, outcome: str, next_review_at: int | None, now: int) -> Change:
    """Finish the matter. Only a technical one may be finished without a next review.

    "Not reached" is no end: a high alert is not closed with it, and any other is looked at again
    within a day. Raises ``WrongInput`` for that, an unknown outcome, or a review that is not ahead
    or too far.
    """
    _must_be_open(alert)
    if outcome not in list(Outcome):
        raise WrongInput("an alert is closed with an outcome of the list")
    if next_review_at is None and alert.kind is not Kind.TECHNICAL:
        raise WrongInput("an alert about a patient is closed with a next review")
    if next_review_at is not None and not now < next_review_at <= now + REVIEW_LONGEST:
        raise WrongInput("the next review lies ahead, within a year")
    if outcome == Outcome.NOT_REACHED:
        if alert.priority is Priority.HIGH:
            raise WrongInput("a high alert stays open until the patient is reached")
        if next_review_at is None or next_review_at > now + NOT_REACHED_REVIEW:
            raise WrongInput("who was not reached is looked for again within a day")
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


def review_of(done: Alert, now: int) -> Alert:
    """Make the alert that a closed one's next review is due: low, or as urgent as before where
    the patient was not reached. ``raised`` starts its life like any alert's."""
    technical = done.kind is Kind.TECHNICAL
    return Alert(
        id=0,
        chc_id=done.chc_id,
        subject=done.subject,
        patient_id=done.patient_id,
        kind=Kind.TECHNICAL if technical else Kind.CLINICAL,
        rule=REVIEW + done.rule.removeprefix(REVIEW),
        priority=done.priority if done.outcome is Outcome.NOT_REACHED else Priority.LOW,
        raised_at=now,
        began_at=now,
        newest_at=now,
        deadline_at=None,
        previous_id=done.id,
    )


def paused(alert: Alert, *, until: int, now: int) -> Change:
    """Stop the messages of this rule of this patient until then. Raises ``WrongInput``."""
    _must_be_open(alert)
    longest = PAUSE_LONGEST[alert.priority]
    if not now < until <= now + longest:
        raise WrongInput(f"a pause of this priority ends by itself within {longest // HOUR} hours")
    told = alert.newest
    return Change(
        replace(alert, paused_until=until, deadline_at=until, unanswered=False, told=told)
    )


def resumed(alert: Alert, chain: Sequence[Step], now: int, duty: Duty) -> Change:
    """End a pause early: the chain starts, unless the condition is gone and somebody owns it.

    Raises ``IllegalTransition`` when it is not paused.
    """
    _must_be_open(alert)
    if alert.paused_until is None:
        raise IllegalTransition(f"alert {alert.id} is not paused")
    awake = replace(alert, paused_until=None)
    if alert.cleared_at is not None and alert.owner is not None:
        return Change(replace(awake, deadline_at=follow_up_at(alert.priority, now, duty.hours)))
    return _start_chain(awake, chain, now, Reason.PAUSE_ENDED, duty)


def deadline_passed(alert: Alert, chain: Sequence[Step], now: int, duty: Duty) -> Change:
    """Do what an open alert's passed deadline asks for."""
    if alert.paused_until is not None:
        awake = replace(alert, paused_until=None)
        return _start_chain(awake, chain, now, Reason.PAUSE_ENDED, duty)
    if alert.owner is not None:
        return _start_chain(alert, chain, now, Reason.FOLLOW_UP_PASSED, duty)
    reason = Reason.ESCALATED if alert.step else Reason.RAISED
    return _next_step(alert, chain, now, reason, duty)


def call_due(alert: Alert, chain: Sequence[Step], now: int, duty: Duty, *, used_up: bool) -> Change:
    """Say that a home that did not answer is to be called again; or, with the tries used up, that
    nobody said who goes there: then the chain starts anew, whoever has the alert.

    A chain that is further on goes on: its deadline must not move away. A pause ends first, where
    the tries are used up or nobody is left who would call.
    """
    if alert.closed_at is not None or alert.unanswered:
        return Change(alert)
    nobodys = alert.owner is None or not duty.reads(alert.owner)
    awake = replace(alert, paused_until=None)
    if nobodys and alert.paused_until is not None:
        reason = Reason.VISIT_OVERDUE if used_up else Reason.CALL_DUE
        return _start_chain(awake, chain, now, reason, duty)
    if used_up and not (alert.owner is None and alert.step > 0):
        return _start_chain(awake, chain, now, Reason.VISIT_OVERDUE, duty)
    if alert.owner is None or not duty.reads(alert.owner):
        return Change(alert)
    return Change(alert, (Telling(Reason.CALL_DUE, chain[0].role, alert.owner),))


def follow_up_at(priority: Priority, now: int, hours: Hours) -> int:
    """Return when an acknowledged alert must be closed, or else is unclaimed again (H4)."""
    if (wait := FOLLOW_UP.get(priority)) is not None:
        return now + wait
    return hours.next_working_day(now)


def is_low(rule: str) -> bool:
    """Tell whether a rule grows worse downwards."""
    if rule.startswith((COMBINED, SCORE)):
        return False
    return "-low-" in rule or "-fall" in rule


def _start_chain(
    alert: Alert, chain: Sequence[Step], now: int, reason: Reason, duty: Duty
) -> Change:
    """Make the alert unclaimed and tell the first who is there; a former owner is told too."""
    fresh = replace(
        alert, step=0, owner=None, acknowledged_at=None, unanswered=False, told=alert.newest
    )
    change = _next_step(fresh, chain, now, reason, duty)
    if alert.owner is not None and duty.reads(alert.owner):
        former = Telling(reason, chain[0].role, alert.owner)
        return Change(change.alert, (*change.tellings, former))
    return change


def _next_step(alert: Alert, chain: Sequence[Step], now: int, reason: Reason, duty: Duty) -> Change:
    """Tell the chain's next step that is there, then the recipient; else it is unanswered."""
    for place, step in enumerate(chain[alert.step :], alert.step + 1):
        if duty.has(step.role):
            after = replace(alert, step=place, deadline_at=now + step.minutes * MINUTE)
            return Change(after, (Telling(reason, step.role),))
    if duty.recipient is not None and alert.step < RECIPIENT_TOLD and not _stays_in_team(alert):
        name, role = duty.recipient
        deadline = now + chain[0].minutes * MINUTE
        after = replace(alert, step=RECIPIENT_TOLD, deadline_at=deadline)
        return Change(after, (Telling(reason, role, name),))
    after = replace(alert, unanswered=True, deadline_at=None, step=max(alert.step, len(chain)))
    return Change(after, _said(after, chain, duty, Reason.UNANSWERED))


def _asked_is_there(alert: Alert, chain: Sequence[Step], duty: Duty) -> bool:
    """Tell whether anybody of the step told last is on duty."""
    if alert.step >= RECIPIENT_TOLD:
        return duty.recipient is not None
    return duty.has(chain[min(alert.step, len(chain)) - 1].role)


def _said(alert: Alert, chain: Sequence[Step], duty: Duty, reason: Reason) -> tuple[Telling, ...]:
    """Tell everybody on duty down to the chain's step, also who came since it was told: of an
    unanswered alert everybody there who may see it, the coordinator too."""
    roles = dict.fromkeys(step.role for step in chain[: alert.step] if duty.has(step.role))
    if alert.unanswered:
        seeing = (role for role in Role if duty.has(role) and sees(role, alert.kind, alert.rule))
        roles.update(dict.fromkeys(seeing))
    tellings = [Telling(reason, role) for role in roles]
    knows = alert.step >= RECIPIENT_TOLD or (alert.unanswered and not _stays_in_team(alert))
    if knows and duty.recipient is not None:
        tellings.append(Telling(reason, duty.recipient[1], duty.recipient[0]))
    return tuple(tellings)


def _stays_in_team(alert: Alert) -> bool:
    """Tell whether its evidence was old when it was raised: such never leaves the team (H6)."""
    return alert.newest_at < alert.raised_at - ACTIONABLE


def _unclaimed_by(alert: Alert, latest: int) -> Alert:
    """Make sure that somebody is told by then: the chain starts anew, no later than it would.

    An unanswered alert stays one: everybody there was told, and it is loud.
    """
    if alert.unanswered:
        return alert
    deadline = min(alert.deadline_at, latest) if alert.deadline_at is not None else latest
    step = alert.step if alert.owner is None else 0
    return replace(alert, owner=None, acknowledged_at=None, step=step, deadline_at=deadline)


def with_evidence(alert: Alert, evidence: Evidence) -> Alert:
    """Gather one finding: worst, newest and since when; nobody is told by this.

    A value that may be somebody else's never stands as the patient's number beside one that is
    hers: it is listed, and counts as the number only while there is no other (hazard H14).
    """
    if alert.superseded:
        alert = _emptied(alert, evidence.measured_at)
    alert = replace(alert, began_at=min(alert.began_at, evidence.measured_at))
    hers = alert.confirmed and alert.cleared_at is None
    if hers and not evidence.confirmed:
        return alert
    if evidence.confirmed and not alert.confirmed:
        alert = replace(alert, worst=None, newest_at=evidence.measured_at)
    return _with_number(replace(alert, confirmed=evidence.confirmed), evidence)


def _with_number(alert: Alert, evidence: Evidence) -> Alert:
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
    )


def _emptied(alert: Alert, at: int) -> Alert:
    """Forget what is not in force any more, and why: it is no value, confirms nothing, and what was
    told of it, or paused, says nothing of what comes now."""
    return replace(
        alert,
        worst=None,
        told=None,
        paused_until=None,
        newest_at=at,
        began_at=at,
        confirmed=False,
        superseded=False,
        detail=None,
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
