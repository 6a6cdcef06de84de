"""When a CHC's team reads, who is told out of hours and who stands in for them; the roster (H9)."""

from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from server.domain.duty import SHIFT_LONGEST, parse_hours
from server.domain.instants import DAY, HOUR
from server.domain.roles import Action, Role, may
from server.errors import NotFound, WrongInput
from server.ports.directory import Chc, User
from server.ports.store import Transaction
from server.services.duty import recipient_now
from server.services.setting_up import Name, chc_of, instant
from server.services.shifts import put_on

_COMMAND: Final = "command"
# What the column holds.
_HOURS_LENGTH: Final = 200
# Judgement: who is away for longer is no longer the recipient.
_STAND_IN_LONGEST: Final = 366 * DAY


class Agreement(Struct, forbid_unknown_fields=True, kw_only=True):
    """When a CHC's team reads, and who is told out of hours: an account, not a number to phone.

    Hours are written ``Mon-Fri 08:00-20:00, Sat 08:00-14:00``. From ``stand_in_from`` until
    ``stand_in_until`` (ISO 8601 with offset) the stand-in is told in the recipient's place. What
    is not given is the default, or nobody: an agreement is stated whole.
    """

    chc: Name
    hours: str | None = None
    recipient: str | None = None
    recipient_hours: str | None = None
    stand_in: str | None = None
    stand_in_from: str | None = None
    stand_in_until: str | None = None


class Shift(Struct, forbid_unknown_fields=True, kw_only=True):
    """A member of staff is on duty from now until then. ISO 8601 with offset."""

    name: str
    until: Annotated[str, Meta(max_length=40)]


def agree_hours(tx: Transaction, new: Agreement, now: int, by: str = _COMMAND) -> Chc:
    """Write a CHC's agreement; ``by`` signs it on the record.

    Who was the recipient of this moment, and is no longer, goes off duty. Raises ``WrongInput``
    naming the field.
    """
    chc = chc_of(tx, new.chc)
    agreed = checked(tx, new, chc, now)
    before = recipient_now(chc, now)
    tx.directory.set_hours(agreed)
    after = recipient_now(agreed, now)
    if before is not None and before != after:
        until = after[1] if after is not None and after[0] == before[0] else None
        tx.directory.set_duty(_member(tx, before[0], chc.id, "recipient").id, until)
    tx.audit(by, "hours-agreed", now, chc_id=chc.id, detail=_said(new))
    return agreed


def begin_shift(tx: Transaction, new: Shift, now: int) -> str:
    """Put a member of staff on duty, as a roster says."""
    until = instant(new.until)
    if not now < until <= now + SHIFT_LONGEST:
        raise WrongInput(f"until: a shift ends within {SHIFT_LONGEST // HOUR} hours")
    user = tx.directory.user(new.name)
    if user is None:
        raise NotFound(f"user {new.name}")
    put_on(tx, _member(tx, user.name, user.chc_id, "name"), until, _COMMAND, now)
    return new.name


def checked(tx: Transaction, new: Agreement, chc: Chc, now: int) -> Chc:
    """Return the CHC as it would be; nothing is written. Raises ``WrongInput`` naming the field."""
    if (new.recipient is None) != (new.recipient_hours is None):
        raise WrongInput("recipient: is given with recipient_hours, or not at all")
    for key, text in (("hours", new.hours), ("recipient_hours", new.recipient_hours)):
        if text is not None:
            parse_hours(text, chc.zone_name)
            if len(text) > _HOURS_LENGTH:
                raise WrongInput(f"{key}: at most {_HOURS_LENGTH} characters")
    if new.recipient is not None:
        _answers(tx, new.recipient, chc.id, "recipient")
    begins, ends = _stand_in(tx, new, chc, now)
    return chc._replace(
        hours=new.hours,
        recipient=new.recipient,
        recipient_hours=new.recipient_hours,
        stand_in=new.stand_in,
        stand_in_from=begins,
        stand_in_until=ends,
    )


def _stand_in(tx: Transaction, new: Agreement, chc: Chc, now: int) -> tuple[int | None, int | None]:
    if new.stand_in is None and new.stand_in_from is None and new.stand_in_until is None:
        return None, None
    if new.stand_in is None or new.stand_in_from is None or new.stand_in_until is None:
        raise WrongInput("stand_in: is given with stand_in_from and stand_in_until, or not at all")
    if new.recipient is None or new.stand_in == new.recipient:
        raise WrongInput("stand_in: stands in for a recipient, who is another")
    _answers(tx, new.stand_in, chc.id, "stand_in")
    begins, ends = instant(new.stand_in_from), instant(new.stand_in_until)
    if not max(now, begins) < ends or max(now - begins, ends - now) > _STAND_IN_LONGEST:
        raise WrongInput("stand_in_until: is after stand_in_from, not over, and within a year")
    return begins, ends


def _answers(tx: Transaction, name: str, chc_id: int, key: str) -> None:
    chosen = _member(tx, name, chc_id, key)
    if not may(Role(chosen.role), Action.WORK_CLINICAL):
        raise WrongInput(f"{key}: {name!r} answers no clinical alerts")


def _member(tx: Transaction, name: str, chc_id: int, key: str) -> User:
    """Return one of the CHC's staff who works alerts. Raises ``WrongInput``."""
    found = tx.directory.user(name)
    if found is None or found.chc_id != chc_id or not may(Role(found.role), Action.WORK_ALERTS):
        raise WrongInput(f"{key}: {name!r} is nobody of this CHC who works alerts")
    return found


def _said(new: Agreement) -> str:
    given = {key: value for key, value in structs.asdict(new).items() if key != "chc" and value}
    return "; ".join(f"{key} {value}" for key, value in given.items())
