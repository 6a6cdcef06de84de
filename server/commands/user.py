"""``vicino-server user add|duty|end-sessions|list``."""

import argparse
from collections.abc import Iterator

from msgspec import Struct

from server.commands.records import Action, add_record_parser
from server.domain.instants import to_datetime
from server.ports.store import Transaction
from server.services import accounts, sessions
from server.services.agreeing import Shift, begin_shift
from server.services.setting_up import chc_of


class NewUser(Struct, forbid_unknown_fields=True, kw_only=True):
    """A member of staff. Give the password on standard input, not as an option others can see."""

    name: str
    full_name: str
    role: str
    chc: str
    password: str
    language: str = "it"


class Ended(Struct, forbid_unknown_fields=True, kw_only=True):
    """A member of staff who is to be signed out everywhere."""

    name: str


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    actions = {
        "add": Action(NewUser, _add, "Add members of staff."),
        "duty": Action(Shift, begin_shift, "Put members of staff on duty, as a roster says."),
        "end-sessions": Action(Ended, _end_sessions, "Sign members of staff out everywhere."),
    }
    add_record_parser(
        subparsers, "user", "add and list members of staff, and put them on duty", actions, _listing
    )


def _add(tx: Transaction, new: NewUser, now: int) -> str:
    chc_of(tx, new.chc)
    accounts.add_user(
        tx,
        name=new.name,
        full_name=new.full_name,
        role=new.role,
        chc=new.chc,
        password=new.password,
        language=new.language,
    )
    return new.name


def _end_sessions(tx: Transaction, ended: Ended, now: int) -> int:
    return sessions.end_all(tx, ended.name, "command", now)


def _listing(tx: Transaction) -> Iterator[dict[str, object]]:
    for user in tx.directory.users():
        yield {
            "name": user.name,
            "role": user.role,
            "chc": tx.directory.chc_by_id(user.chc_id).name,
            "disabled": user.disabled_at is not None,
            "on_duty_until": to_datetime(user.on_duty_until) if user.on_duty_until else None,
        }
