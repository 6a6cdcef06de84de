"""Coming on duty and going off, and what that does to alerts (hazards H4 and H9).

A shift's end is a column like every deadline: the poller ends what has passed, puts the agreed
out-of-hours recipient on duty for the agreed hours, and looks every time for alerts whose people
are gone, whatever made them go.
"""

from typing import Final

from server.domain import alerts as life
from server.domain.alerts import Change
from server.domain.duty import shift_end
from server.domain.instants import to_datetime
from server.domain.roles import Action, Role, may
from server.errors import IllegalTransition, NotPermitted
from server.ports.directory import User
from server.ports.store import Transaction
from server.services.duty import duties, duty_of, hours_of, recipient_now
from server.services.matters import chains_of, keep

_POLLER: Final = "poller"


def come_on(tx: Transaction, user: User, now: int, by: str | None = None) -> int:
    """Put somebody on duty, or on for longer, and return until when.

    ``by`` is who does it, where it is another.
    """
    until = shift_end(hours_of(tx.directory.chc_by_id(user.chc_id)), now)
    put_on(tx, user, until, by or user.name, now)
    return until


def put_on(tx: Transaction, user: User, until: int, by: str, now: int) -> None:
    """Set the shift's end; who was off duty is told of every unanswered alert (H9).

    Raises ``NotPermitted`` for a role that works no alerts.
    """
    if not may(Role(user.role), Action.WORK_ALERTS):
        raise NotPermitted(f"{user.role} works no alerts")
    was_on = duty_of(tx, user.chc_id, now).reads(user.name)
    tx.directory.set_duty(user.id, until)
    tx.audit(
        by,
        "came-on-duty",
        now,
        chc_id=user.chc_id,
        detail=f"{user.name} until {to_datetime(until):%Y-%m-%dT%H:%MZ}",
    )
    if was_on:
        return
    duty = duty_of(tx, user.chc_id, now)
    for alert in tx.alerts.unanswered(user.chc_id):
        tx.alerts.tell(alert, life.arrived(alert, who=user.name, duty=duty).tellings, now)


def go_off(tx: Transaction, user: User, now: int, by: str | None = None) -> None:
    """End somebody's duty: what they own is unclaimed and told anew to who is there (H4).

    ``by`` is who ends it, where it is another.

    Raises ``IllegalTransition`` for the out-of-hours recipient while the agreed hours run: an
    agreement others rely on does not end by a click.
    """
    recipient = duty_of(tx, user.chc_id, now).recipient
    if recipient is not None and recipient[0] == user.name:
        raise IllegalTransition(f"{user.name} is on duty by agreement")
    _take_off(tx, user, by or user.name, now)
    settle(tx, now)


def _take_off(tx: Transaction, user: User, by: str, now: int) -> None:
    tx.directory.set_duty(user.id, None)
    tx.audit(by, "went-off-duty", now, chc_id=user.chc_id, detail=user.name)


def keep_shifts(tx: Transaction, now: int) -> int:
    """End the shifts that are over, begin agreed ones; return how many alerts moved."""
    for user in tx.directory.shifts_ended(now):
        _take_off(tx, user, _POLLER, now)
    for chc in tx.directory.chcs():
        agreed = recipient_now(chc, now)
        if agreed is None:
            continue
        name, until = agreed
        found = tx.directory.user(name)
        if found and found.disabled_at is None and (found.on_duty_until or 0) < until:
            put_on(tx, found, until, _POLLER, now)
    return settle(tx, now)


def settle(tx: Transaction, now: int) -> int:
    """Move every alert on whose owner, or all whom its chain told, are off duty; return how many.

    Asking the tables each time, and not who went, finds also what two moves at once have left.
    """
    alerts = tx.alerts.without_owner_on_duty(now) + tx.alerts.told_and_left(now)
    if not alerts:
        return 0
    by_chc, chains = duties(tx, now), chains_of(tx, alerts, now)
    moved = 0
    for alert in alerts:
        change = life.left(alert, chains[alert.id], now, by_chc[alert.chc_id])
        if change != Change(alert):
            moved += 1
            keep(tx, change, now)
            tx.audit(
                _POLLER,
                "left-by-duty",
                now,
                chc_id=alert.chc_id,
                patient_id=alert.patient_id,
                detail=f"alert {alert.id} of {alert.owner or 'nobody'}",
            )
    return moved
