"""A plan as a person fits it on a page: a draft, its preview, and its confirmation (hazard H8)."""

from datetime import timedelta
from typing import Final, NamedTuple

from server.domain.instants import DAY, to_datetime, zone
from server.domain.plans import Plan
from server.domain.roles import Action, Role, may
from server.engine.backtest_result import Outcome
from server.errors import IllegalTransition, NotPermitted, WrongInput
from server.ports.directory import Patient, PlanRow, User
from server.ports.store import Store, Transaction
from server.services.backtesting import MINUTES_AN_ALERT, Question, backtest
from server.services.setting_up import Confirmation, NewPlan, add_plan, confirm_plan

PREVIEW_DAYS: Final = (30, 90)
REASON_MAX: Final = 400


class Preview(NamedTuple):
    """What a draft and the plan in force would have raised over the last ``days``."""

    days: int
    tested: Outcome
    in_force: Outcome


def propose(
    tx: Transaction, user: User, patient: Patient, plan: Plan, now: int, until: int | None = None
) -> int:
    """Write a draft, to end ``until`` if the doctor agrees. Returns its version; it watches
    nothing yet."""
    if not may(Role(user.role), Action.PROPOSE_PLAN):
        raise NotPermitted(f"{user.role} may not propose a plan")
    new = NewPlan(
        patient=patient.reference,
        author=user.name,
        plan=plan,
        until=None if until is None else _spelled(until),
    )
    version = add_plan(tx, new, now)
    _record(tx, user, patient, "plan-proposed", version, now)
    return version


def confirm(
    tx: Transaction,
    user: User,
    patient: Patient,
    row: PlanRow,
    until: int | None,
    now: int,
) -> None:
    """Put a draft in force from now. Raises ``WrongInput`` where a second clinician is needed."""
    new = Confirmation(
        patient=patient.reference,
        version=row.version,
        by=user.name,
        from_=_spelled(now),
        until=None if until is None else _spelled(until),
    )
    confirm_plan(tx, new, now)
    _record(tx, user, patient, "plan-confirmed", row.version, now)


def decline(
    tx: Transaction, user: User, patient: Patient, row: PlanRow, because: str, now: int
) -> None:
    """Say no to a draft, with the reason that goes back to its author. Raises ``WrongInput``."""
    if not may(Role(user.role), Action.CONFIRM_PLAN):
        raise NotPermitted(f"{user.role} may not decline a plan")
    if not row.is_draft:
        raise IllegalTransition(f"version {row.version} is no draft")
    if not because or len(because) > REASON_MAX:
        raise WrongInput(f"because: 1 to {REASON_MAX} characters")
    tx.directory.decline_plan(patient.id, row.version, user.name, now, because)
    _record(tx, user, patient, "plan-declined", row.version, now)


def withdraw(tx: Transaction, user: User, patient: Patient, row: PlanRow, now: int) -> None:
    """Take back one's own draft. Raises ``IllegalTransition`` for what is no draft, and
    ``NotPermitted`` for a colleague's."""
    if not row.is_draft:
        raise IllegalTransition(f"version {row.version} is no draft")
    if row.author != user.name:
        raise NotPermitted(f"version {row.version} is {row.author}'s")
    tx.directory.decline_plan(patient.id, row.version, user.name, now, "")
    _record(tx, user, patient, "plan-withdrawn", row.version, now)


def preview(store: Store, chc: str, patient: Patient, plan: Plan, now: int) -> list[Preview]:
    """Judge the patient's last days by the draft and by what was in force."""
    today = to_datetime(now).astimezone(zone(patient.zone_name)).date()
    found: list[Preview] = []
    for days in PREVIEW_DAYS:
        if found and patient.enrolled_at > now - found[-1].days * DAY:
            break  # there is no more than that to judge
        question = Question(
            plan=plan,
            chc=chc,
            from_day=today - timedelta(days=days - 1),
            to_day=today,
            minutes_an_alert=MINUTES_AN_ALERT,
            only=patient.reference,
        )
        answer = backtest(store, question, now)
        found.append(Preview(days, answer.tested, answer.in_force))
    return found


def _spelled(instant: int) -> str:
    return to_datetime(instant).isoformat()


def _record(
    tx: Transaction, user: User, patient: Patient, what: str, version: int, now: int
) -> None:
    detail = f"version {version}"
    tx.audit(user.name, what, now, chc_id=patient.chc_id, patient_id=patient.id, detail=detail)
