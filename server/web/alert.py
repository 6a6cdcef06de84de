"""One alert: why there is one, who was told, and what a person does with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER
from server.domain.alerts import PAUSE_LONGEST, Alert, Kind, Outcome
from server.domain.calls import AGAIN_MINUTES, CallResult
from server.domain.instants import HOUR, MINUTE, civil_day
from server.domain.kinds import sees, works
from server.domain.plans import Plan, Priority
from server.domain.roles import Action, Role, may
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.directory import Patient, PlanRow, User
from server.ports.store import Transaction
from server.ports.views import EvidenceRow, WorklistRow
from server.services import alert_work, asking_home, calling
from server.services.explaining import explain
from server.web.alert_chart import codes_of
from server.web.catalogues import N_
from server.web.close_form import as_before, beside, closes_with, days_ahead, stamp, takeable
from server.web.gateway import HOMES_WITHIN
from server.web.phone import phone_of
from server.web.shown import shown
from server.web.visit import Here, Id, Visit, people
from server.web.wording import row_at, source_of
from server.web.worklist import next_of

router = APIRouter()
# Who answers alerts, and sees no patient.
_OUTSIDE: Final = [role for role in Role if not may(role, Action.SEE_PATIENTS)]
PAUSE_HOURS: Final = (1, 4, 8, 24, 72, 168)
TEXT_MAX: Final = 1000
REASON_MAX: Final = 250
PROOFS_SHOWN: Final = 5


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
    return page(visit, alert_id)


@router.post("/alerts/{alert_id}/note")
def note(visit: Here, alert_id: Id) -> Response:
    """Write a note."""
    text = visit.form.get("text", "").strip()
    if not text:
        return page(visit, alert_id, 422, wrong={"text": N_("Write something first.")})
    if len(text) > TEXT_MAX:
        return page(visit, alert_id, 422, wrong={"text": N_("At most 1000 characters.")})
    return do(
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
        return page(visit, alert_id, 422, wrong=wrong)
    until = visit.now + int(hours) * HOUR
    return do(
        visit,
        alert_id,
        "paused",
        lambda tx: alert_work.pause(tx, visit.user, alert_id, until, reason, visit.now),
    )


@router.post("/alerts/{alert_id}/resume")
def resume(visit: Here, alert_id: Id) -> Response:
    """End a pause before its time."""
    return do(
        visit,
        alert_id,
        "resumed",
        lambda tx: alert_work.resume(tx, visit.user, alert_id, visit.now),
    )


@router.post("/alerts/{alert_id}/call")
def call(visit: Here, alert_id: Id) -> Response:
    """Write what came of a call to the home, or what was done because nobody answered."""
    result, again = visit.form.get("result", ""), visit.form.get("again", "0")
    if result not in list(CallResult) or again not in map(str, (0, *AGAIN_MINUTES)):
        return page(visit, alert_id, 422, wrong={"again": N_("Choose when to call again.")})
    wait = int(again) * MINUTE

    def write(tx: Transaction) -> Alert:
        # A thumb that taps twice, or a page that a colleague overtook, counts no call twice.
        if visit.form.get("calls", "") not in ("", str(len(tx.calls.of(alert_id)))):
            raise IllegalTransition(f"another call about alert {alert_id} was written meanwhile")
        return calling.record(tx, visit.user, alert_id, CallResult(result), wait, visit.now)

    return do(visit, alert_id, "called", write, at="phone")


@router.post("/alerts/{alert_id}/measure-again")
def measure_again(visit: Here, alert_id: Id) -> Response:
    """Have the home asked for the measurement again."""

    def ask(tx: Transaction) -> Alert:
        alert = alert_work.find_to_work(tx, visit.user, alert_id)
        return asking_home.ask(tx, visit.user, alert_id, _plan_now(tx, alert, visit.now), visit.now)

    return do(visit, alert_id, "home-asked", ask)


def _plan_now(tx: Transaction, alert: Alert, now: int) -> Plan | None:
    row = row_at(tx.directory.plans(alert.patient_id), now) if alert.patient_id else None
    return row.plan if row else None


def do(
    visit: Visit,
    alert_id: int,
    key: str,
    change: Callable[[Transaction], Alert],
    *,
    propose: bool = False,
    at: str = "main",
) -> Response:
    """Make a change, and show the alert with what was done, or why it was not, at that place of
    its page; go on to propose another limit if asked."""
    try:
        with visit.site.store.write() as tx:
            alert = change(tx)
    except IllegalTransition:
        return page(visit, alert_id, 409, late=True)
    except WrongInput:
        return page(visit, alert_id, 422, refused=True)
    if propose and alert.patient_id is not None:
        visit.site.changes.notify()
        return visit.see(f"/patients/{alert.patient_id}/plan?from=in-force&done={key}")
    return done(visit, alert_id, key, at)


def done(visit: Visit, alert_id: int, key: str, at: str = "main") -> Response:
    """Tell every open page, and show the alert again, at that place of its page."""
    visit.site.changes.notify()
    return visit.see(f"/alerts/{alert_id}?done={key}#{at}")


def page(
    visit: Visit,
    alert_id: int,
    status: int = 200,
    *,
    wrong: dict[str, str] | None = None,
    taken: str | None = None,
    late: bool = False,
    refused: bool = False,
) -> Response:
    """Show the alert; a status other than 200 says that nothing was done, and why."""
    today = civil_day(visit.now, visit.zone_name)
    with visit.site.store.write() as tx:
        row = tx.views.alert(visit.user.chc_id, alert_id)
        if row is None or not alert_work.may_see(visit.user, row.alert):
            raise NotFound(f"alert {alert_id}")
        content = _content(tx, row, visit.user, visit.now)
        content["shown"] = shown(tx, visit.user, row.alert.patient_id, row.alert, visit.now)
        values = visit.may(Action.SEE_PATIENTS)
        phone = phone_of(tx, row.alert, content["history"], visit.now, values=values)
        plan = _plan_now(tx, row.alert, visit.now)
        askable = asking_home.askable(tx, row.alert, plan, visit.now)
        closed_now = visit.query.get("done") == "closed" and row.alert.closed_at is not None
        following = next_of(tx, visit) if closed_now else None
        again = values and visit.query.get("replay") == "1"
        replayed = explain(tx, alert_id)[1] if again else []
        for home in content["homes"]:
            visit.looked_at(tx, home.id, "contact-seen", f"alert {alert_id}")
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
        replayed=replayed[::-1],
        closed_now=closed_now,
        following=following,
        takeable=takeable(visit.user, row.alert, content["beside"]),
        as_before=as_before(row.alert, phone.before if phone else None, today),
        soon=days_ahead(today),
        closable=_closable(visit, row.alert, content["beside"]),
        works=alert_work.may_work(visit.user, row.alert),
        colleagues=_colleagues(visit, row.alert),
        outcomes=_outcomes(row.alert),
        pause_hours=[h for h in PAUSE_HOURS if h * HOUR <= PAUSE_LONGEST[row.alert.priority]],
    )


def _content(tx: Transaction, row: WorklistRow, user: User, at: int) -> dict[str, Any]:
    alert = row.alert
    plans: list[PlanRow] = tx.directory.plans(alert.patient_id) if alert.patient_id else []
    past = tx.views.alerts_of(alert.patient_id) if alert.patient_id else []
    past = [one for one in past if alert_work.may_see(user, one)]
    still_open = [alert, *beside(alert, past)]
    in_force = row_at(plans, alert.newest_at)
    rows = tx.views.evidence(alert.id)
    proofs = [Proof(one, msgspec.json.decode(one.element, type=_Sent)) for one in rows]
    return {
        "plans": plans,
        "plan": in_force,
        "source": source_of(in_force.plan if in_force else None, alert.rule),
        "proofs": proofs[::-1],
        "charted": codes_of(alert, rows) if may(Role(user.role), Action.SEE_PATIENTS) else [],
        "proofs_shown": PROOFS_SHOWN,
        "homes": _homes(tx, alert, at) if may(Role(user.role), Action.SEE_PATIENTS) else [],
        "under": tx.views.under(alert) if alert.kind is Kind.TECHNICAL else [],
        "codes": BY_NUMBER,
        "calls": tx.calls.unanswered(alert.chc_id),
        "given": tx.views.given(alert.id),
        "still_held": alert_work.still_held(tx, alert),
        "messages": tx.views.messages(alert.id),
        "deliveries": tx.views.deliveries(alert.id),
        "notes": tx.views.notes(alert.id),
        "read_outside": any(sees(role, alert.kind, alert.rule) for role in _OUTSIDE),
        "acts": tx.views.acts(alert),
        "beside": still_open[1:],
        "stamps": {one.id: stamp(one, tx.views.notes(one.id), user.name) for one in still_open},
        "history": [one for one in past if one.rule == alert.rule and one.id != alert.id][:20],
        "people": people(tx),
        "pause": tx.views.pauses(alert.chc_id, at).get((alert.patient_id, alert.rule)),
    }


def _homes(tx: Transaction, alert: Alert, at: int) -> list[Patient]:
    """Return whose homes a gateway's alert is about: somebody there may have to be called."""
    kind, _, name = alert.subject.partition(":")
    homes = tx.fleet.homes(name, at - HOMES_WITHIN) if kind == "gateway" else []
    return [one for one in homes if one.chc_id == alert.chc_id]


def _closable(visit: Visit, alert: Alert, others: list[Alert]) -> list[Alert]:
    """Return what may be closed with it by the reader."""
    mine = [one for one in others if alert_work.may_work(visit.user, one)]
    return [one for one in mine if closes_with(one, alert, visit.user.name)]


def _colleagues(visit: Visit, alert: Alert) -> list[User]:
    """Return who of those on duty could take it over."""
    return [one for one in visit.colleagues if works(Role(one.role), alert.kind, alert.rule)]


def _outcomes(alert: Alert) -> list[Outcome]:
    """Return what may come of an alert; a high one stays open until the patient is reached."""
    if alert.kind is Kind.TECHNICAL:
        return [Outcome.TECHNICAL_FIXED, Outcome.NO_ACTION_NEEDED]
    left_out = {Outcome.TECHNICAL_FIXED} if alert.kind is Kind.CLINICAL else set()
    if alert.priority is Priority.HIGH:
        left_out.add(Outcome.NOT_REACHED)
    return [one for one in Outcome if one not in left_out]
