"""One alert: why there is one, who was told, and what a person does with it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER
from server.domain.alerts import (
    NOT_REACHED_REVIEW,
    PAUSE_LONGEST,
    REVIEW_LONGEST,
    Alert,
    Kind,
    Outcome,
)
from server.domain.calls import AGAIN_MINUTES, CallResult
from server.domain.instants import DAY, HOUR, MINUTE, at_local, civil_day
from server.domain.kinds import sees, works
from server.domain.plans import Plan, Priority
from server.domain.roles import Action, Role, may
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.directory import PlanRow, User
from server.ports.store import Transaction
from server.ports.views import EvidenceRow, WorklistRow
from server.services import alert_work, asking_home, calling
from server.services.explaining import explain
from server.web.catalogues import N_
from server.web.phone import phone_of
from server.web.visit import Here, Id, Visit, people
from server.web.wording import row_at, source_of

router = APIRouter()
# Who answers alerts, and sees no patient.
_OUTSIDE: Final = [role for role in Role if not may(role, Action.SEE_PATIENTS)]
PAUSE_HOURS: Final = (1, 4, 8, 24, 72, 168)
TEXT_MAX: Final = 1000
REASON_MAX: Final = 250
_REVIEW_FILLED_MAX: Final = 30  # days


class _Sent(msgspec.Struct):
    """What an element shows of itself beside its values."""

    raw: str = ""
    characteristic: str = ""
    received_at: int | None = None
    flags: list[str] = []


@dataclass(frozen=True, slots=True)
class Proof:
    """One finding with the bytes it was made of."""

    row: EvidenceRow
    sent: _Sent


@router.get("/alerts/{alert_id}")
def show(visit: Here, alert_id: Id) -> Response:
    """Show the alert; of a patient's, the look is on the record."""
    return _page(visit, alert_id)


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(visit: Here, alert_id: Id) -> Response:
    """Take the alert on; who comes second learns who was first."""
    with visit.site.store.write() as tx:
        before = alert_work.find(tx, visit.user, alert_id)
        if before.owner is None:
            alert_work.acknowledge(tx, visit.user, alert_id, visit.now)
    if before.owner not in (None, visit.user.name):
        return _page(visit, alert_id, 409, taken=before.owner)
    return _done(visit, alert_id, "acknowledged")


@router.post("/alerts/{alert_id}/note")
def note(visit: Here, alert_id: Id) -> Response:
    """Write a note."""
    text = visit.form.get("text", "").strip()
    if not text:
        return _page(visit, alert_id, 422, wrong={"text": N_("Write something first.")})
    if len(text) > TEXT_MAX:
        return _page(visit, alert_id, 422, wrong={"text": N_("At most 1000 characters.")})
    return _do(
        visit,
        alert_id,
        "noted",
        lambda tx: alert_work.note(tx, visit.user, alert_id, text, visit.now),
    )


@router.post("/alerts/{alert_id}/pause")
def pause(visit: Here, alert_id: Id) -> Response:
    """Stop this rule's messages for some hours."""
    reason, hours = visit.form.get("reason", "").strip(), visit.form.get("hours", "")
    wrong = {}
    if not reason:
        wrong["reason"] = N_("Say why: your colleagues will read it.")
    elif len(reason) > REASON_MAX:
        wrong["reason"] = N_("At most 250 characters.")
    if hours not in [str(one) for one in PAUSE_HOURS]:
        wrong["hours"] = N_("Choose until when.")
    if wrong:
        return _page(visit, alert_id, 422, wrong=wrong)
    until = visit.now + int(hours) * HOUR
    return _do(
        visit,
        alert_id,
        "paused",
        lambda tx: alert_work.pause(tx, visit.user, alert_id, until, reason, visit.now),
    )


@router.post("/alerts/{alert_id}/resume")
def resume(visit: Here, alert_id: Id) -> Response:
    """End a pause before its time."""
    return _do(
        visit,
        alert_id,
        "resumed",
        lambda tx: alert_work.resume(tx, visit.user, alert_id, visit.now),
    )


@router.post("/alerts/{alert_id}/hand-over")
def hand_over(visit: Here, alert_id: Id) -> Response:
    """Give one's own alert to a colleague on duty."""
    to = visit.form.get("to", "")
    if to not in [one.name for one in visit.colleagues]:
        return _page(visit, alert_id, 422, wrong={"to": N_("Choose a colleague who is on duty.")})
    return _do(
        visit,
        alert_id,
        "handed-over",
        lambda tx: alert_work.hand_over(tx, visit.user, alert_id, to, visit.now),
    )


@router.post("/alerts/{alert_id}/close")
def close(visit: Here, alert_id: Id) -> Response:
    """Finish the alert with an outcome and the next review; go on to another limit if asked."""
    outcome = visit.form.get("outcome", "")
    review = _review_at(visit, outcome)
    wrong = {}
    if outcome not in list(Outcome):
        wrong["outcome"] = N_("Choose what came of it.")
    if review is None or review <= visit.now:
        wrong["review"] = N_("Choose a day from tomorrow on, within a year.")
    elif outcome == Outcome.NOT_REACHED and review > visit.now + NOT_REACHED_REVIEW:
        wrong["review"] = N_("Who was not reached is looked for again tomorrow at the latest.")
    if wrong or review is None:
        return _page(visit, alert_id, 422, wrong=wrong)
    return _do(
        visit,
        alert_id,
        "closed",
        lambda tx: alert_work.close(tx, visit.user, alert_id, outcome, review, visit.now),
        propose=visit.form.get("then") == "propose" and visit.may(Action.PROPOSE_PLAN),
    )


@router.post("/alerts/{alert_id}/call")
def call(visit: Here, alert_id: Id) -> Response:
    """Write what came of a call to the home, or what was done because nobody answered."""
    result, again = visit.form.get("result", ""), visit.form.get("again", "0")
    if result not in list(CallResult) or again not in map(str, (0, *AGAIN_MINUTES)):
        return _page(visit, alert_id, 422, wrong={"again": N_("Choose when to call again.")})
    wait = int(again) * MINUTE
    return _do(
        visit,
        alert_id,
        "called",
        lambda tx: calling.record(tx, visit.user, alert_id, CallResult(result), wait, visit.now),
    )


@router.post("/alerts/{alert_id}/measure-again")
def measure_again(visit: Here, alert_id: Id) -> Response:
    """Have the home asked for the measurement again."""

    def ask(tx: Transaction) -> Alert:
        alert = alert_work.find_to_work(tx, visit.user, alert_id)
        return asking_home.ask(tx, visit.user, alert_id, _plan_now(tx, alert, visit.now), visit.now)

    return _do(visit, alert_id, "home-asked", ask)


def _plan_now(tx: Transaction, alert: Alert, now: int) -> Plan | None:
    row = row_at(tx.directory.plans(alert.patient_id), now) if alert.patient_id else None
    return row.plan if row else None


def _do(
    visit: Visit,
    alert_id: int,
    done: str,
    change: Callable[[Transaction], Alert],
    *,
    propose: bool = False,
) -> Response:
    try:
        with visit.site.store.write() as tx:
            alert = change(tx)
    except IllegalTransition:
        return _page(visit, alert_id, 409, late=True)
    except WrongInput:
        return _page(visit, alert_id, 422, refused=True)
    if propose and alert.patient_id is not None:
        visit.site.changes.notify()
        return visit.see(f"/patients/{alert.patient_id}/plan?from=in-force&done={done}")
    return _done(visit, alert_id, done)


def _done(visit: Visit, alert_id: int, done: str) -> Response:
    visit.site.changes.notify()
    return visit.see(f"/alerts/{alert_id}?done={done}")


def _review_at(visit: Visit, outcome: str) -> int | None:
    """Return when the team begins to read on the chosen day, or None for none within a year.

    Tomorrow is within a day for who was not reached, however early in the morning it is.
    """
    try:
        day = date.fromisoformat(visit.form.get("review", "")).toordinal() - 719_163
    except ValueError:
        return None
    ahead = day - civil_day(visit.now, visit.zone_name)
    if not 0 <= ahead < REVIEW_LONGEST // DAY:
        return None
    assert visit.duty is not None  # noqa: S101 - whoever is signed in has a CHC
    begins = visit.duty.hours.next_start(at_local(day, 0, visit.zone_name) - 1)
    if outcome == Outcome.NOT_REACHED and ahead == 1:
        return min(begins, visit.now + NOT_REACHED_REVIEW)
    return begins


def _as_before(visit: Visit, before: Alert | None) -> tuple[str, str]:
    """Return the outcome and the day of the next review as at the last close of this rule, a month
    ahead at most; of a high alert nothing: what it comes to is never a habit."""
    if before is None or before.closed_at is None or before.next_review_at is None:
        return "", ""
    if before.priority is Priority.HIGH:
        return "", ""
    today = civil_day(visit.now, visit.zone_name)
    days = min(max(1, -(-(before.next_review_at - before.closed_at) // DAY)), _REVIEW_FILLED_MAX)
    return str(before.outcome), date.fromordinal(today + days + 719_163).isoformat()


def _page(
    visit: Visit,
    alert_id: int,
    status: int = 200,
    *,
    wrong: dict[str, str] | None = None,
    taken: str | None = None,
    late: bool = False,
    refused: bool = False,
) -> Response:
    with visit.site.store.write() as tx:
        row = tx.views.alert(visit.user.chc_id, alert_id)
        if row is None or not alert_work.may_see(visit.user, row.alert):
            raise NotFound(f"alert {alert_id}")
        content = _content(tx, row, visit.now)
        values = visit.may(Action.SEE_PATIENTS)
        phone = phone_of(tx, row.alert, content["history"], visit.now, values=values)
        plan = _plan_now(tx, row.alert, visit.now)
        askable = asking_home.askable(tx, row.alert, plan, visit.now)
        again = values and visit.query.get("replay") == "1"
        replayed = explain(tx, alert_id)[1] if again else []
        if row.alert.patient_id is not None:
            visit.looked_at(tx, row.alert.patient_id, "patient-seen", f"alert {alert_id}")
    return visit.page(
        "alert.html",
        status,
        **content,
        row=row,
        alert=row.alert,
        wrong=wrong or {},
        taken=taken,
        late=late,
        refused=refused,
        phone=phone,
        askable=askable[1] if askable else None,
        replayed=replayed,
        as_before=_as_before(visit, phone.before if phone else None),
        works=alert_work.may_work(visit.user, row.alert),
        colleagues=_colleagues(visit, row.alert),
        outcomes=_outcomes(row.alert),
        pause_hours=[h for h in PAUSE_HOURS if h * HOUR <= PAUSE_LONGEST[row.alert.priority]],
    )


def _content(tx: Transaction, row: WorklistRow, at: int) -> dict[str, Any]:
    alert = row.alert
    plans: list[PlanRow] = tx.directory.plans(alert.patient_id) if alert.patient_id else []
    past = tx.views.alerts_of(alert.patient_id) if alert.patient_id else []
    in_force = row_at(plans, alert.newest_at)
    proofs = []
    for one in tx.views.evidence(alert.id):
        proofs.append(Proof(one, msgspec.json.decode(one.element, type=_Sent)))
    return {
        "plans": plans,
        "plan": in_force,
        "source": source_of(in_force.plan if in_force else None, alert.rule),
        "proofs": proofs,
        "under": tx.views.under(alert) if alert.kind is Kind.TECHNICAL else [],
        "codes": BY_NUMBER,
        "given": tx.views.given(alert.id),
        "still_held": alert_work.still_held(tx, alert),
        "messages": tx.views.messages(alert.id),
        "deliveries": tx.views.deliveries(alert.id),
        "notes": tx.views.notes(alert.id),
        "read_outside": any(sees(role, alert.kind, alert.rule) for role in _OUTSIDE),
        "acts": tx.views.acts(alert),
        "history": [one for one in past if one.rule == alert.rule and one.id != alert.id][:20],
        "people": people(tx),
        "pause": tx.views.pauses(alert.chc_id, at).get((alert.patient_id, alert.rule)),
    }


def _colleagues(visit: Visit, alert: Alert) -> list[User]:
    """Return who of those on duty could take it over."""
    return [one for one in visit.colleagues if works(Role(one.role), alert.kind, alert.rule)]


def _outcomes(alert: Alert) -> list[Outcome]:
    """Return what may come of an alert; a high one stays open until the patient is reached."""
    technical = {Outcome.TECHNICAL_FIXED, Outcome.NO_ACTION_NEEDED}
    if alert.kind is Kind.TECHNICAL:
        return [one for one in Outcome if one in technical]
    high = alert.priority is Priority.HIGH
    return [one for one in Outcome if not (high and one is Outcome.NOT_REACHED)]
