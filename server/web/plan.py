"""A patient's plan: proposed from a protocol or the plan in force, looked at in advance, confirmed.

Two steps: a draft is written, and on its own page stands what it changes and what it would have
raised; only there a doctor confirms it.
"""

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from server.domain.calls import TRIES, TRIES_MAX
from server.domain.chains import chains_by_name
from server.domain.instants import end_of_day
from server.domain.kinds import Kind, works
from server.domain.plans import SIDES, Plan
from server.domain.priorities import Priority
from server.domain.roles import Role
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.directory import Patient, PlanRow
from server.ports.store import Transaction
from server.services import drafting, planning
from server.services.duty import uncovered_of
from server.services.shipped import protocols
from server.web.catalogues import N_
from server.web.patient import find
from server.web.proposal import decision, shown
from server.web.visit import Here, Id, Visit, people
from server.web.wording import row_at

router = APIRouter()
IN_FORCE: Final = "in-force"
DRAFT: Final = "draft-"


@router.get("/patients/{patient_id}/plan")
def show(visit: Here, patient_id: Id) -> Response:
    """Show the versions, and a form to propose another."""
    return _page(visit, patient_id, visit.query.get("from", ""))


@router.post("/patients/{patient_id}/plan")
def propose(visit: Here, patient_id: Id) -> Response:
    """Write a draft; what is wrong with it is said, and the form is kept."""
    start = visit.form.get("from", "")
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        current = row_at(tx.directory.plans(patient_id), visit.now)
        try:
            if start == IN_FORCE and visit.form.get("shown") != shown(current):
                raise WrongInput("from: another version came into force meanwhile: begin again")
            plan = drafting.drafted(_base(tx, patient, start, visit.now), visit.form)
            asked = visit.form.get("until", "")
            until = _end_of(asked, patient) if asked else None
            version = planning.propose(tx, visit.user, patient, plan, visit.now, until)
        except WrongInput as error:
            wrong = str(error)
        else:
            return visit.see(f"/patients/{patient_id}/plan/{version}")
    return _page(visit, patient_id, start, wrong)


@router.get("/patients/{patient_id}/plan/{version}")
def draft(visit: Here, patient_id: Id, version: Id) -> Response:
    """Show one version: what it changes, and what it would have raised."""
    return _version_page(visit, patient_id, version)


@router.post("/patients/{patient_id}/plan/{version}/confirm")
def confirm(visit: Here, patient_id: Id, version: Id) -> Response:
    """Put a draft in force, in the doctor's name."""
    asked = visit.form.get("until", "")
    try:
        with visit.site.store.write() as tx:
            patient = find(tx, visit, patient_id)
            row = _row(tx, patient, version)
            if not row.is_draft:
                raise IllegalTransition(f"version {version} is no draft")
            current = row_at(tx.directory.plans(patient_id), visit.now)
            if visit.form.get("shown") != shown(current):
                raise IllegalTransition("another version came into force since the page was shown")
            until = _end_of(asked, patient) if asked else None
            planning.confirm(tx, visit.user, patient, row, until, visit.now)
    except IllegalTransition:
        return _version_page(visit, patient_id, version, 409)
    except WrongInput as error:
        field = "plan-until" if str(error).startswith("until") else "confirm"
        return _version_page(visit, patient_id, version, 422, {field: _WRONG[field]})
    visit.site.changes.notify()
    return visit.see(f"/patients/{patient_id}/plan?done=confirmed")


@router.post("/patients/{patient_id}/plan/{version}/decline")
def decline(visit: Here, patient_id: Id, version: Id) -> Response:
    """Say no to a draft, with a reason; the patient's page shows what is next."""
    because = visit.form.get("because", "").strip()
    try:
        with visit.site.store.write() as tx:
            patient = find(tx, visit, patient_id)
            row = _row(tx, patient, version)
            planning.decline(tx, visit.user, patient, row, because, visit.now)
    except IllegalTransition:
        return _version_page(visit, patient_id, version, 409)
    except WrongInput:
        return _version_page(visit, patient_id, version, 422, {"because": _WRONG["because"]})
    visit.site.changes.notify()
    return visit.see(f"/patients/{patient_id}?done=declined")


@router.post("/patients/{patient_id}/plan/{version}/withdraw")
def withdraw(visit: Here, patient_id: Id, version: Id) -> Response:
    """Take back one's own draft."""
    try:
        with visit.site.store.write() as tx:
            patient = find(tx, visit, patient_id)
            planning.withdraw(tx, visit.user, patient, _row(tx, patient, version), visit.now)
    except IllegalTransition:
        return _version_page(visit, patient_id, version, 409)
    visit.site.changes.notify()
    return visit.see(f"/patients/{patient_id}/plan?done=withdrawn")


# Who may stand in a plan's chain, by the chain's name.
_TELLABLE: Final = {
    **{
        priority.value: [role for role in Role if works(role, Kind.CLINICAL, "")]
        for priority in Priority
    },
    "adherence": [role for role in Role if works(role, Kind.ADHERENCE, "")],
}
_WRONG: Final = {
    "from": N_("What you began with has changed meanwhile, or waits no more: begin again."),
    "because": N_("Say why: at most 400 characters."),
    "plan-until": N_("Choose a day from today on, or none."),
    "confirm": N_("This plan watches less than is usual: another clinician must confirm it."),
}


def _at_field(problem: str) -> dict[str, str]:
    """Say at its field what is wrong with a draft; empty where it is no single field's."""
    key, _, reason = problem.partition(": ")
    if key.endswith(SIDES) and reason.startswith("outside"):
        return {key: N_("No value of a person can be there: look at the number.")}
    if key.endswith(SIDES) and reason.startswith("crossed"):
        return {key: N_("The limits are crossed: this one must not be below the one before it.")}
    if key.endswith(SIDES):
        return {key: N_("Write a number, or nothing for no limit.")}
    if key == "until":
        return {"plan-until": _WRONG["plan-until"]}
    if key == "from":
        return {key: _WRONG[key]}
    if key.endswith("-minutes") or key == "call-tries":
        return {key: N_("Write a whole number.")}
    if key.startswith("chain-"):
        return {
            f"{key}-0-role": N_("Somebody must be told: choose a role, and one minute at least.")
        }
    return {key: N_("Say why the plan differs: at most 400 characters.")} if key == "reason" else {}


def _page(visit: Visit, patient_id: int, start: str, problem: str = "") -> Response:
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "plan-seen")
        plans = tx.directory.plans(patient_id)
        content: dict[str, Any] = {"people": people(tx)}
        bases = {IN_FORCE, *protocols(), *(f"{DRAFT}{row.version}" for row in _waiting(plans))}
        base = _base(tx, patient, start, visit.now) if start in bases else None
    current = row_at(plans, visit.now)
    began_with = current if start == IN_FORCE else _draft(plans, start)
    return visit.page(
        "plan.html",
        422 if problem else 200,
        **content,
        patient=patient,
        w=visit.words(patient.zone_name),
        plans=plans[::-1],
        current=current,
        proposed_until=began_with and began_with.in_force_until,
        shown=shown(current),
        protocols=protocols(),
        base=base,
        start=start,
        problem=problem,
        wrong=_at_field(problem),
        sides=SIDES,
        chains=chains_by_name(base) if base else {},
        tellable=_TELLABLE,
        tries=TRIES,
        tries_max=TRIES_MAX,
        steps_max=drafting.STEPS_MAX,
    )


def _version_page(
    visit: Visit,
    patient_id: int,
    version: int,
    status: int = 200,
    wrong: dict[str, str] | None = None,
) -> Response:
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "plan-seen", f"version {version}")
        row = _row(tx, patient, version)
        plans = tx.directory.plans(patient_id)
        content: dict[str, Any] = {
            "people": people(tx),
            "nobody_covers": uncovered_of(tx.directory.chc_by_id(patient.chc_id)),
        }
    return visit.page(
        "plan_version.html",
        status,
        **content,
        **decision(visit, patient, plans, row),
        patient=patient,
        w=visit.words(patient.zone_name),
        stale=status == 409,
        wrong=wrong or {},
    )


def _base(tx: Transaction, patient: Patient, start: str, now: int) -> Plan:
    """Return what a draft begins with. Raises ``WrongInput`` for neither."""
    if start in protocols():
        return protocols()[start].plan()
    plans = tx.directory.plans(patient.id)
    if start == IN_FORCE:
        return current.plan if (current := row_at(plans, now)) else Plan()
    if row := _draft(plans, start):
        return row.plan
    raise WrongInput("from: choose a protocol, the plan in force, or a draft that waits")


def _draft(plans: list[PlanRow], start: str) -> PlanRow | None:
    return next((row for row in _waiting(plans) if start == f"{DRAFT}{row.version}"), None)


def _waiting(plans: list[PlanRow]) -> list[PlanRow]:
    return [row for row in plans if row.is_draft]


def _row(tx: Transaction, patient: Patient, version: int) -> PlanRow:
    found = (row for row in tx.directory.plans(patient.id) if row.version == version)
    if (row := next(found, None)) is None:
        raise NotFound(f"plan version {version}")
    return row


def _end_of(day: str, patient: Patient) -> int:
    try:
        return end_of_day(day, patient.zone_name)
    except ValueError as error:
        raise WrongInput(f"until: {day!r} is no day") from error
