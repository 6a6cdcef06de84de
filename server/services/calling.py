"""Phone in hand: what came of a call, by when the next is due, and who goes there at last (H4)."""

from server.domain import alerts as life
from server.domain.alerts import Alert, Kind
from server.domain.calls import TRIES, CallResult, due_after
from server.domain.duty import Duty
from server.errors import IllegalTransition, WrongInput
from server.ports.calls import Call
from server.ports.directory import User
from server.ports.store import Transaction
from server.services import alert_work
from server.services.duty import duties
from server.services.matters import chains_of, keep, plans_in_force

_POLLER = "poller"
DUE_MAX = 100


def record(
    tx: Transaction, user: User, alert_id: int, result: CallResult, again: int, now: int
) -> Alert:
    """Write what came of a call; whoever calls takes an alert on that is nobody's.

    Raises ``WrongInput`` for an alert that is about no patient, and for an ``again``
    (milliseconds) that is too long for it.
    """
    alert = alert_work.find_to_work(tx, user, alert_id)
    if alert.patient_id is None or alert.kind is Kind.TECHNICAL:
        raise WrongInput("only about a patient's alert is a home called")
    if alert.closed_at is not None:
        raise IllegalTransition(f"alert {alert.id} is closed")
    if alert.owner is None:
        alert = alert_work.acknowledge(tx, user, alert_id, now)
    tries, most = tries_of(tx.calls.of(alert.id)) + 1, tries_allowed(tx, alert, now)
    due_at = due_after(result, tries, most, alert.priority, again, now)
    used_up = result is CallResult.NO_ANSWER and tries >= most
    tx.calls.add(Call(0, alert.chc_id, alert.id, user.name, now, result, used_up, due_at))
    said = f"alert {alert.id}"
    if due_at is not None:
        said += f" {tries}/{most}"
    what = f"call-{result}" if result in (CallResult.NO_ANSWER, CallResult.ANSWERED) else result
    tx.audit(user.name, what, now, chc_id=alert.chc_id, patient_id=alert.patient_id, detail=said)
    return alert


def tries_of(calls: list[Call]) -> int:
    """Return how often nobody has answered since somebody last did."""
    count = 0
    for call in calls:
        count = count + 1 if call.result == CallResult.NO_ANSWER else 0
    return count


def tries_allowed(tx: Transaction, alert: Alert, now: int) -> int:
    """Return after how many tries somebody goes there: as the plan in force says."""
    plan = plans_in_force(tx, [alert], now).get(alert.patient_id)
    return (plan.call_tries if plan else None) or TRIES


def remind(tx: Transaction, now: int) -> int:
    """Tell whose next call is due; where somebody should have gone there, everybody is told anew.

    Returns how many were told.
    """
    due = tx.calls.due(now, DUE_MAX)
    by_chc = duties(tx, now) if due else {}
    for call in due:
        tx.calls.end(call.id, now)
        alert = tx.alerts.get(call.alert_id)
        if alert is not None:
            _remind(tx, call, alert, by_chc[call.chc_id], now)
    return len(due)


def _remind(tx: Transaction, call: Call, alert: Alert, duty: Duty, now: int) -> None:
    chain = chains_of(tx, [alert], now)[alert.id]
    change = life.call_due(alert, chain, now, duty, used_up=call.used_up)
    if alert.paused_until is not None and change.alert.paused_until is None:
        tx.alerts.end_pauses(alert, now)
    keep(tx, change, now)
    tx.audit(
        _POLLER,
        "visit-overdue" if call.used_up else "call-due",
        now,
        chc_id=alert.chc_id,
        patient_id=alert.patient_id,
        detail=f"alert {alert.id}",
    )
