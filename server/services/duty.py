"""Who of a CHC reads now, from the tables."""

from collections.abc import Sequence

from server.domain.duty import DEFAULT_HOURS, Duty, Hours, Span, parse_hours, uncovered
from server.domain.roles import Role
from server.ports.directory import Chc, User
from server.ports.store import Transaction


def hours_of(chc: Chc) -> Hours:
    """Return the hours in which a CHC's team reads."""
    return parse_hours(chc.hours or DEFAULT_HOURS, chc.zone_name)


def recipient_hours_of(chc: Chc) -> Hours | None:
    """Return the agreed hours of a CHC's out-of-hours recipient, where there is one."""
    if chc.recipient is None or chc.recipient_hours is None:
        return None
    return parse_hours(chc.recipient_hours, chc.zone_name)


def recipient_now(chc: Chc, now: int) -> tuple[str, int] | None:
    """Return who is told out of hours at this moment, and until when it is them.

    That is the end of their agreed hours, or the moment at which a stand-in takes over or goes:
    so a shift by agreement ends there by itself. None while no such hours run.
    """
    agreed = recipient_hours_of(chc)
    end = agreed.until(now) if agreed is not None else None
    if end is None or chc.recipient is None:
        return None
    begins, ends = chc.stand_in_from or 0, chc.stand_in_until or 0
    if chc.stand_in is None or ends <= now:
        return chc.recipient, end
    if now < begins:
        return chc.recipient, min(end, begins)
    return chc.stand_in, min(end, ends)


def uncovered_of(chc: Chc) -> list[Span]:
    """Return the hours of an ordinary week that nobody of a CHC has agreed to cover."""
    agreed = recipient_hours_of(chc)
    return uncovered(hours_of(chc), *([agreed] if agreed is not None else []))


def duty_of(tx: Transaction, chc_id: int, now: int) -> Duty:
    """Return who of one CHC reads now."""
    return duty_from(tx.directory.chc_by_id(chc_id), tx.directory.on_duty(chc_id, now), now)


def duties(tx: Transaction, now: int) -> dict[int, Duty]:
    """Return who reads now, by CHC."""
    users = tx.directory.on_duty(None, now)
    return {
        chc.id: duty_from(chc, [user for user in users if user.chc_id == chc.id], now)
        for chc in tx.directory.chcs()
    }


def duty_from(chc: Chc, users: Sequence[User], now: int) -> Duty:
    """Return who of a CHC reads now, of those who are on duty."""
    agreed = recipient_now(chc, now)
    last = agreed[0] if agreed is not None else None
    team = {user.name: Role(user.role) for user in users if user.name != last}
    recipient = next(((user.name, Role(user.role)) for user in users if user.name == last), None)
    return Duty(hours_of(chc), team, recipient)
