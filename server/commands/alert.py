"""``vicino-server alert explain ID``: why there is an alert, with every verdict computed again."""

import argparse
import os
from pathlib import Path
from typing import Any

import msgspec

from contract.codes import BY_NUMBER, DEFINITIONS, unscaled
from server import settings
from server.domain.instants import to_datetime
from server.domain.plans import rule_of
from server.engine.rules import COMPARATOR
from server.services.explaining import Explained, explain, source_of
from server.stores.opening import open_database


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    parser = subparsers.add_parser("alert", help="explain an alert")
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser(
        "explain",
        help="say why there is an alert",
        description="Print an alert as JSON: its rule with source and plan version, the values"
        " down to gateway, epoch and seq, and whether each verdict, computed again from what is"
        " stored, is the same. No name of a patient is printed. Exit status 1 where one differs.",
    )
    one.add_argument("id", type=int, help="as in the address of the alert's page")
    one.add_argument("--settings", type=Path, required=True, metavar="FILE")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explain one alert; returns the exit status."""
    database = open_database(settings.load(args.settings, os.environ))
    try:
        with database.read() as tx:
            alert, explained = explain(tx, args.id)
    finally:
        database.close()
    equal = all(one.equal for one in explained)
    shown = {
        "alert": alert.id,
        "kind": alert.kind,
        "rule": alert.rule,
        "priority": alert.priority,
        "raised_at": to_datetime(alert.raised_at),
        "superseded": alert.superseded,
        "findings": [_finding(one) for one in explained],
        "equal": equal,
    }
    print(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
    return 0 if equal else 1


def _finding(one: Explained) -> dict[str, Any]:
    finding = one.finding
    code = BY_NUMBER[finding.code] if finding.code >= 0 else None
    value: Any = unscaled(code, finding.value) if code else finding.value
    if abs(finding.value) == COMPARATOR:
        value = "HI" if finding.value > 0 else "LO"
    return {
        "measured_at": to_datetime(finding.measured_at),
        "code": code,
        "value": value,
        "unit": DEFINITIONS[code].unit if code else None,
        "plan_version": finding.version,
        "rule": msgspec.to_builtins(rule_of(one.plan, finding.rule), str_keys=True),
        "source": source_of(one),
        "state": finding.state,
        "late": finding.late,
        "gateway": finding.gateway,
        "epoch": finding.epoch,
        "seq": finding.seq,
        "equal": one.equal,
    }
