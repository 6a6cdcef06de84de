"""A person asks the home to measure again, about an alert. It delays nothing (hazard H5)."""

from typing import Final

from contract.codes import Code
from server.domain.alerts import Alert
from server.domain.instants import MINUTE
from server.domain.plans import Gain, Plan, rule_of
from server.errors import IllegalTransition
from server.ports.directory import User
from server.ports.store import Transaction
from server.services import alert_work
from server.services.asking import COMMAND
from server.services.gateway_state import GATEWAY_SILENT_AFTER

# A judgement: who is asked over and over does not measure at all.
AGAIN_AFTER: Final = 10 * MINUTE
_EXPIRES: Final = 15 * MINUTE


def askable(tx: Transaction, alert: Alert, plan: Plan | None, now: int) -> tuple[str, Code] | None:
    """Return the gateway that can ask the home, and for what; None where none can, or was asked
    a moment ago."""
    code = _code_of(plan, alert.rule)
    if alert.patient_id is None or alert.closed_at is not None or code is None:
        return None
    home = tx.measurements.home(alert.patient_id)
    if home is None or not tx.commands.can_prompt(home.gateway, now - GATEWAY_SILENT_AFTER):
        return None
    if tx.commands.asked_since(home.gateway, code, now - AGAIN_AFTER):
        return None
    return home.gateway, code


def ask(tx: Transaction, user: User, alert_id: int, plan: Plan | None, now: int) -> Alert:
    """Have the home asked. Raises ``NotFound``, ``NotPermitted``, or ``IllegalTransition`` where
    nobody can be asked now."""
    alert = alert_work.find_to_work(tx, user, alert_id)
    if (found := askable(tx, alert, plan, now)) is None:
        raise IllegalTransition("the home cannot be asked now")
    gateway, code = found
    tx.commands.add(
        chc_id=alert.chc_id,
        gateway=gateway,
        name=COMMAND,
        code=code,
        now=now,
        expires_at=now + _EXPIRES,
    )
    detail = f"alert {alert.id} {code}"
    tx.audit(
        user.name,
        "repeat-asked",
        now,
        chc_id=alert.chc_id,
        patient_id=alert.patient_id,
        detail=detail,
    )
    return alert


def _code_of(plan: Plan | None, rule: str) -> Code | None:
    found = rule_of(plan, rule) if plan is not None else None
    if isinstance(found, Gain):
        return Code.WEIGHT
    code: Code | None = getattr(found, "code", None)
    return code
