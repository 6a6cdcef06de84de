"""A plan as a person fits it on a page: a draft, its preview, and its confirmation (hazard H8)."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

import msgspec

from server.domain.instants import to_datetime, zone
from server.domain.plan_changes import changes
from server.domain.plans import SIDES, Expected, Plan, Threshold, parse_plan, plan_json
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


def drafted(base: Plan, form: Mapping[str, str]) -> Plan:
    """Return the plan that a form makes of the one it shows. Raises ``WrongInput`` naming the key.

    Fields: ``CODE-SIDE`` a limit (empty: none), ``keep`` and a rule's name, ``due-CODE`` the time
    by which a measurement is expected (empty: it is not), ``reason``.
    """
    reason = form.get("reason", "").strip()
    if len(reason) > REASON_MAX:
        raise WrongInput(f"reason: at most {REASON_MAX} characters")
    rules = {
        name: [one for one in getattr(base, name) if f"keep-{one.name}" in form]
        for name in ("gains", "rules", "combinations")
    }
    plan = msgspec.structs.replace(
        base,
        thresholds=[one for old in base.thresholds if (one := _threshold(old, form)) is not None],
        expected=[
            Expected(code=one.code, due=due)
            for one in base.expectations()
            if (due := form.get(f"due-{one.code}", "").strip())
        ],
        reason=reason,
        **rules,
    )
    if not plan.watched() and plan.early_warning is None:
        raise WrongInput("plan: it watches nothing: an empty plan looks like calm")
    if changes(base, plan) and not reason:
        raise WrongInput("reason: say why the plan differs")
    return parse_plan(plan_json(plan))


def _threshold(old: Threshold, form: Mapping[str, str]) -> Threshold | None:
    limits = {
        side.replace("-", "_"): _limit(f"{old.code}-{side}", form.get(f"{old.code}-{side}", ""))
        for side in SIDES
    }
    if all(limit is None for limit in limits.values()):
        return None
    changed = limits != {side.replace("-", "_"): limit for side, limit in _limits_of(old)}
    source = "fitted to the patient" if changed else old.source
    return msgspec.structs.replace(old, **limits, source=source)


def _limits_of(threshold: Threshold) -> list[tuple[str, Decimal | None]]:
    return list(zip(SIDES, threshold.limits(), strict=True))


def _limit(key: str, text: str) -> Decimal | None:
    if not (text := text.strip().replace(",", ".")):
        return None
    try:
        limit = Decimal(text)
    except InvalidOperation as error:
        raise WrongInput(f"{key}: {text!r} is no number") from error
    if not limit.is_finite():
        raise WrongInput(f"{key}: {text!r} is no number")
    return limit


def propose(tx: Transaction, user: User, patient: Patient, plan: Plan, now: int) -> int:
    """Write a draft. Returns its version; it watches nothing yet."""
    if not may(Role(user.role), Action.PROPOSE_PLAN):
        raise NotPermitted(f"{user.role} may not propose a plan")
    version = add_plan(tx, NewPlan(patient=patient.reference, author=user.name, plan=plan), now)
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


def preview(store: Store, chc: str, patient: Patient, plan: Plan, now: int) -> list[Preview]:
    """Judge the patient's last days by the draft and by what was in force."""
    today = to_datetime(now).astimezone(zone(patient.zone_name)).date()
    found = []
    for days in PREVIEW_DAYS:
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
