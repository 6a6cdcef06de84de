"""What a member of staff does with an alert: each a transaction with its line on the record."""

from server.domain import alerts as life
from server.domain.alerts import Alert, Change
from server.errors import NotFound, WrongInput
from server.ports.directory import User
from server.ports.store import Transaction
from server.services.matters import keep


def find(tx: Transaction, user: User, alert_id: int) -> Alert:
    """Return an alert of the user's CHC. Raises ``NotFound`` for any other."""
    alert = tx.alerts.get(alert_id)
    if alert is None or alert.chc_id != user.chc_id:
        raise NotFound(f"alert {alert_id}")
    return alert


def acknowledge(tx: Transaction, user: User, alert_id: int, now: int) -> Alert:
    """Take an alert on. Who came second gets the alert back with the first one's name on it."""
    alert = find(tx, user, alert_id)
    zone_name = tx.directory.chc_by_id(alert.chc_id).zone_name
    change = life.acknowledged(alert, by=user.name, now=now, zone_name=zone_name)
    return _done(tx, user, alert, change, "alert-acknowledged", "", now)


def close(
    tx: Transaction, user: User, alert_id: int, outcome: str, next_review_at: int, now: int
) -> Alert:
    """Finish an alert with an outcome and the next review."""
    alert = find(tx, user, alert_id)
    change = life.closed(
        alert, by=user.name, outcome=outcome, next_review_at=next_review_at, now=now
    )
    # A pause was of this matter: the next breach after a close must tell (hazard H4).
    tx.alerts.end_pauses(alert, now)
    return _done(tx, user, alert, change, "alert-closed", outcome, now)


def pause(tx: Transaction, user: User, alert_id: int, until: int, reason: str, now: int) -> Alert:
    """Stop the messages of this rule of this patient until then; it ends by itself."""
    alert = find(tx, user, alert_id)
    if not reason.strip():
        raise WrongInput("a pause needs a reason")
    if alert.patient_id is None:
        raise WrongInput("only alerts about a patient can be paused")
    change = life.paused(alert, until=until, now=now)
    tx.alerts.add_pause(alert, until=until, by=user.name, reason=reason.strip(), now=now)
    return _done(tx, user, alert, change, "alert-paused", reason.strip(), now)


def note(tx: Transaction, user: User, alert_id: int, text: str, now: int) -> Alert:
    """Write a note on an alert."""
    alert = find(tx, user, alert_id)
    if not text.strip():
        raise WrongInput("a note needs a text")
    tx.alerts.add_note(alert, by=user.name, text=text.strip(), now=now)
    return _done(tx, user, alert, Change(alert), "alert-noted", "", now)


def _done(
    tx: Transaction, user: User, before: Alert, change: Change, what: str, detail: str, now: int
) -> Alert:
    if change.alert != before:
        keep(tx, change, now)
    tx.audit(
        user.name,
        what,
        now,
        chc_id=before.chc_id,
        patient_id=before.patient_id,
        detail=f"alert {before.id} {detail}".strip(),
    )
    return change.alert
