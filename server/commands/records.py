"""The shape that ``user``, ``patient``, ``device`` and ``plan`` share.

An action takes one record as options (``--family-name Rossi``) or, without options, any number
of records as JSON lines on standard input: all are taken in one transaction, or none. Each is
written on the audit record. A mistake names the line and the key, and the exit status is 1.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from server import settings
from server.clock import now_ms
from server.domain.roles import Role
from server.errors import ServerError, WrongInput
from server.ports.store import Transaction
from server.stores.opening import open_database

_SHAPE: Final = """Give one record as options, or any number of records as JSON lines on standard
input, with the options' names as keys (family_name): all are taken in one transaction, or
none, and each is written on the audit record. A mistake names the line and the key, and the exit
status is 1."""
# What an option wants, as shown beside it.
HINTS: Final = {
    "address": ("AA:BB:CC:DD:EE:FF", "the device's Bluetooth identity address"),
    "author": ("USER", "who wrote the draft"),
    "born_on": ("YYYY-MM-DD", "date of birth"),
    "by": ("USER", "the doctor who confirms"),
    "chc": ("NAME", "the Community Health Centre; a new name makes a new one"),
    "family_name": ("NAME", "as on the health card"),
    "from": ("INSTANT", "from when on: ISO 8601 with offset, 2026-11-01T08:00:00+01:00"),
    "full_name": ("NAME", "as colleagues know it"),
    "given_name": ("NAME", "as on the health card"),
    "hours": ("HOURS", "when the team reads: 'Mon-Fri 08:00-20:00, Sat 08:00-14:00'"),
    "label": ("TEXT", "what is written on the device"),
    "language": ("CODE", "it, en or fr for staff; the language to speak with a patient"),
    "name": ("USER", "the name to sign in with"),
    "password": ("TEXT", "better given on standard input: options can be seen by others"),
    "patient": ("REFERENCE", "the CHC's own number of the patient"),
    "phone": ("NUMBER", "where the home is reached"),
    "carer": ("NAME", "who else is phoned"),
    "carer_phone": ("NUMBER", "where the carer is reached"),
    "carer_language": ("LANGUAGE", "which language the carer speaks"),
    "plan": ("JSON", "the plan's body: thresholds, gains, expected, chain"),
    "profile": ("PROFILE", "the name of a file in device_profiles/, without .toml"),
    "changes": ("JSON", "what is other than in the protocol: a plan's body, by code or name"),
    "reason": ("TEXT", "why the plan differs from its protocol"),
    "without": ("NAMES", "rules that are left out, and codes whose limits are: 'spo2 weight-…'"),
    "protocol": ("NAME", "a protocol that comes with Vicino, or a TOML file"),
    "recipient": ("USER", "who is told out of hours: an account, not a number to phone"),
    "recipient_hours": ("HOURS", "when that person can be told"),
    "reference": ("REFERENCE", "the CHC's own number: the only name a patient has in commands"),
    "role": ("ROLE", ", ".join(Role)),
    "sex": ("TEXT", "as the patient says"),
    "stand_in": ("USER", "who is told in the recipient's place, while they are away"),
    "stand_in_from": ("INSTANT", "from when on, ISO 8601 with offset"),
    "stand_in_until": ("INSTANT", "until when, ISO 8601 with offset"),
    "until": ("INSTANT", "until when: ISO 8601 with offset"),
    "user": ("NUMBER", "the user index of this patient on the device, where it has users"),
    "version": ("NUMBER", "as printed when the draft was written"),
    "zone": ("ZONE", "IANA time zone of the home"),
}

Record = TypeVar("Record", bound=Struct)
Handle = Callable[[Transaction, Any, int], int | str]


class Action(NamedTuple):
    """One action on records: the record's type, what does it, and a help text."""

    record: type[Struct]
    handle: Handle
    help: str


def add_record_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    noun: str,
    summary: str,
    actions: dict[str, Action],
    listing: Callable[[Transaction], Iterator[dict[str, object]]],
) -> None:
    """Add ``noun`` with its actions and ``list`` to the program's commands."""
    parser = subparsers.add_parser(noun, help=summary, description=summary)
    verbs = parser.add_subparsers(dest="action", required=True)
    for verb, action in actions.items():
        one = verbs.add_parser(verb, help=action.help, description=f"{action.help} {_SHAPE}")
        one.add_argument("--settings", type=Path, required=True, metavar="FILE")
        for field in msgspec.structs.fields(action.record):
            metavar, hint = HINTS[field.encode_name]
            one.add_argument(
                f"--{field.encode_name.replace('_', '-')}",
                dest=f"x_{field.encode_name}",
                metavar=metavar,
                help=hint if field.required else f"{hint} (may be left out)",
            )
        one.set_defaults(run=_taker(noun, verb, action))
    one = verbs.add_parser("list", help=f"print every {noun} as JSON lines")
    one.add_argument("--settings", type=Path, required=True, metavar="FILE")
    one.set_defaults(run=_lister(listing))


def _taker(noun: str, verb: str, action: Action) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        records = list(_records(args, action.record))
        who = f"{getpass.getuser()}@command"
        database = open_database(settings.load(args.settings, os.environ))
        with database.write() as tx:
            for number, record in enumerate(records, 1):
                try:
                    result = action.handle(tx, record, now_ms())
                except ServerError as error:
                    raise WrongInput(f"{noun} {verb}, record {number}: {error}") from error
                tx.audit(who, f"{noun}-{verb}", now_ms(), detail=str(result))
                print(result)
        database.close()
        return 0

    return run


def _lister(
    listing: Callable[[Transaction], Iterator[dict[str, object]]],
) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        database = open_database(settings.load(args.settings, os.environ))
        with database.read() as tx:
            for row in listing(tx):
                print(msgspec.json.encode(row).decode())
        database.close()
        return 0

    return run


def _records(args: argparse.Namespace, record: type[Record]) -> Iterator[Record]:
    names = [field.encode_name for field in msgspec.structs.fields(record)]
    given = {name: text for name in names if (text := getattr(args, f"x_{name}")) is not None}
    if given:
        yield _converted(given, record, "the options")
        return
    for number, line in enumerate(sys.stdin, 1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=record)
            except msgspec.MsgspecError as error:
                raise WrongInput(f"line {number}: {error}") from error


def _converted(given: dict[str, str], record: type[Record], where: str) -> Record:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(record)}
    values = {
        name: msgspec.json.decode(text) if isinstance(fields[name], type(Struct)) else text
        for name, text in given.items()
    }
    try:
        return msgspec.convert(values, record, strict=False)
    except msgspec.MsgspecError as error:
        raise WrongInput(f"{where}: {error}") from error
