"""What a member of staff does with an alert: each a transaction with its line on the record."""

from collections.abc import Sequence
from typing import Final

from server.domain import alerts as life
from server.domain.alerts import Alert, Change
from server.domain.kinds import sees, works
from server.domain.repeats import inner_of
from server.domain.roles import Action, Role, may
from server.domain.within import is_within
from server.errors import NotFound, NotPermitted, WrongInput
from server.ports.directory import User
from server.ports.store import Transaction
from server.services.duty import duty_of
from server.services.matters import chains_of, keep
from server.services.shifts import come_on

# Whom all is given to that is given to nobody by name; no account can have this name.
TEAM: Final = "*"


def find(tx: Transaction, user: User, alert_id: int) -> Alert:
    """Return an alert of the user's CHC that their role may see. Raises ``NotFound``."""
    alert = tx.alerts.get(alert_id)
    if alert is None or alert.chc_id != user.chc_id or not may_see(user, alert):
        raise NotFound(f"alert {alert_id}")
    return alert


def may_see(user: User, alert: Alert) -> bool:
    """Tell whether an alert of their CHC is one that a member of staff may look at."""
    return sees(Role(user.role), alert.kind, alert.rule)


def may_work(user: User, alert: Alert) -> bool:
    """Tell whether it is theirs to answer: a coordinator's once nobody has, and what they own."""
    role = Role(user.role)
    if works(role, alert.kind, alert.rule):
        return True
    taken = alert.unanswered or alert.owner == user.name
    return taken and may(role, Action.TAKE_UNANSWERED)


def find_to_work(tx: Transaction, user: User, alert_id: int) -> Alert:
    """Return an alert that is the user's to answer. Raises ``NotFound`` and ``NotPermitted``."""
    alert = find(tx, user, alert_id)
    if not may_work(user, alert):
        raise NotPermitted(f"{user.role} answers no alert like {alert_id} yet")
    return alert


def acknowledge(tx: Transaction, user: User, alert_id: int, now: int) -> Alert:
    """Take an alert on, and the inner one within it. Who came second gets the alert back with the
    first one's name on it."""
    alert = find_to_work(tx, user, alert_id)
    duty = duty_of(tx, alert.chc_id, now)
    inner = _within(tx, alert) if alert.owner is None else []
    for one in (alert, *inner):
        change = life.acknowledged(one, by=user.name, now=now, hours=duty.hours)
        _done(tx, user, one, change, "alert-acknowledged", "", now)
    if not duty.reads(user.name):
        come_on(tx, user, now)
    return find(tx, user, alert_id)


def _within(tx: Transaction, alert: Alert) -> list[Alert]:
    """Return the alert of the inner limit that is one matter with this one, if there is one."""
    inner = tx.alerts.open_of([alert.subject]).get((alert.subject, inner_of(alert.rule)))
    return [inner] if inner is not None and is_within(inner, alert) else []


def hand_over(tx: Transaction, user: User, alert_id: int, to: str, now: int) -> Alert:
    """Give one's own alert, and the inner one within it, to a colleague. Raises ``WrongInput`` for
    one who is not on duty."""
    alert = find_to_work(tx, user, alert_id)
    colleague = _colleague(tx, user, to, now)
    for inner in _within(tx, alert):
        _hand_over(tx, user, inner, colleague, now)
    return _hand_over(tx, user, alert, colleague, now)


def hand_over_all(tx: Transaction, user: User, to: str, now: int) -> int:
    """Give every alert one owns to a colleague, or back to the ``TEAM``, as one act; return how
    many. Raises ``WrongInput`` for a colleague who does not answer all of them."""
    own = tx.alerts.owned_by(user.name)
    if to == TEAM:
        _give_back(tx, user, own, now)
        return len(own)
    colleague = _colleague(tx, user, to, now)
    for alert in own:
        _hand_over(tx, user, alert, colleague, now)
    return len(own)


def _give_back(tx: Transaction, user: User, own: Sequence[Alert], now: int) -> None:
    chains, duty = chains_of(tx, own, now), duty_of(tx, user.chc_id, now)
    for alert in own:
        change = life.given_back(alert, chains[alert.id], by=user.name, now=now, duty=duty)
        _done(tx, user, alert, change, "alert-handed-over", "to", now)


def _colleague(tx: Transaction, user: User, name: str, now: int) -> User:
    found = tx.directory.user(name)
    mine = found is not None and found.chc_id == user.chc_id and found.name != user.name
    if found is None or not mine or not duty_of(tx, user.chc_id, now).reads(name):
        raise WrongInput(f"to: {name!r} is no colleague on duty")
    return found


def _hand_over(tx: Transaction, user: User, alert: Alert, to: User, now: int) -> Alert:
    if not works(Role(to.role), alert.kind, alert.rule):
        raise WrongInput(f"to: {to.name!r} answers no alerts like {alert.id}")
    change = life.handed_over(alert, by=user.name, to=to.name, role=Role(to.role))
    return _done(tx, user, alert, change, "alert-handed-over", f"to {to.name}", now)


def close(
    tx: Transaction, user: User, alert_id: int, outcome: str, next_review_at: int, now: int
) -> Alert:
    """Finish an alert with an outcome and the next review.

    Raises ``WrongInput`` for that of held measurements while one is held: the last decision about
    them closes it.
    """
    alert = find_to_work(tx, user, alert_id)
    if still_held(tx, alert):
        raise WrongInput("say first whose the held measurements are")
    change = life.closed(
        alert, by=user.name, outcome=outcome, next_review_at=next_review_at, now=now
    )
    # A pause was of this matter: the next breach after a close must tell (hazard H4).
    tx.alerts.end_pauses(alert, now)
    return _done(tx, user, alert, change, "alert-closed", outcome, now)


def still_held(tx: Transaction, alert: Alert) -> int:
    """Return how many measurements wait for what the alert asks: whose are they?"""
    if alert.rule != "measurement-held":
        return 0
    return tx.measurements.held_of(alert.subject.removeprefix("device:"))


def pause(tx: Transaction, user: User, alert_id: int, until: int, reason: str, now: int) -> Alert:
    """Stop the messages of this rule of this patient until then; it ends by itself."""
    alert = find_to_work(tx, user, alert_id)
    if not reason.strip():
        raise WrongInput("a pause needs a reason")
    if alert.patient_id is None:
        raise WrongInput("only alerts about a patient can be paused")
    change = life.paused(alert, until=until, now=now)
    tx.alerts.add_pause(alert, until=until, by=user.name, reason=reason.strip(), now=now)
    return _done(tx, user, alert, change, "alert-paused", reason.strip(), now)


def resume(tx: Transaction, user: User, alert_id: int, now: int) -> Alert:
    """End a pause before its time."""
    alert = find_to_work(tx, user, alert_id)
    chain = chains_of(tx, [alert], now)[alert.id]
    change = life.resumed(alert, chain, now, duty_of(tx, alert.chc_id, now))
    tx.alerts.end_pauses(alert, now)
    return _done(tx, user, alert, change, "pause-ended", "", now)


def note(tx: Transaction, user: User, alert_id: int, text: str, now: int) -> Alert:
    """Write a note on an alert."""
    alert = find_to_work(tx, user, alert_id)
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
