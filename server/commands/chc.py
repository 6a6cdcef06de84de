"""``vicino-server chc hours|list``."""

import argparse
from collections.abc import Iterator
from datetime import datetime

from server.commands.records import Action, add_record_parser
from server.domain.duty import DEFAULT_HOURS, hours_text
from server.domain.instants import to_datetime
from server.ports.store import Transaction
from server.services.agreeing import Agreement, agree_hours
from server.services.duty import uncovered_of


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    help_text = "Agree when a CHC's team reads, and who is told out of hours."
    actions = {"hours": Action(Agreement, _agree, help_text)}
    add_record_parser(subparsers, "chc", "agree and list the hours of CHCs", actions, _listing)


def _agree(tx: Transaction, new: Agreement, now: int) -> str:
    """Agree, and print what is left over."""
    chc = agree_hours(tx, new, now)
    return f"{chc.name}: hours nobody covers: {hours_text(uncovered_of(chc)) or 'none'}"


def _listing(tx: Transaction) -> Iterator[dict[str, object]]:
    for chc in tx.directory.chcs():
        yield {
            "chc": chc.name,
            "zone": chc.zone_name,
            "hours": chc.hours or DEFAULT_HOURS,
            "hours_are_default": chc.hours is None,
            "recipient": chc.recipient,
            "recipient_hours": chc.recipient_hours,
            "stand_in": chc.stand_in,
            "stand_in_from": _said(chc.stand_in_from),
            "stand_in_until": _said(chc.stand_in_until),
            "nobody_covers": hours_text(uncovered_of(chc)),
        }


def _said(instant: int | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)
