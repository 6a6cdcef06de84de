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
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from server import settings
from server.clock import now_ms
from server.errors import ServerError, WrongInput
from server.ports.store import Transaction
from server.stores.opening import open_database

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
        one = verbs.add_parser(verb, help=action.help, description=f"{action.help} {__doc__}")
        one.add_argument("--settings", type=Path, required=True, metavar="FILE")
        for field in msgspec.structs.fields(action.record):
            one.add_argument(
                f"--{field.encode_name.replace('_', '-')}", dest=f"x_{field.encode_name}"
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
