"""``vicino-server judge``: check a rule against a paper, by hand and without a server."""

import argparse
import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, NamedTuple

from contract.codes import BY_NUMBER, DEFINITIONS, Code, possible, scaled, unscaled
from server.commands import csv_files
from server.commands.protocols import protocol
from server.domain.instants import zone
from server.domain.plans import Gain, Plan
from server.engine.rules import COMPARATOR, compile_version
from server.engine.series import Finding, Observation, families_of, fold, fresh
from server.errors import WrongInput
from server.services import shipped

_ZHANG: Final = "Zhang 2009 (Eur J Heart Fail 11:420)"
RULES: Final = {
    "weight-esc-2kg-3d": Gain(
        name="weight-esc-2kg-3d",
        source="ESC, Heart Failure Matters: more than 2 kg in 3 days",
        days=3,
        more_than=Decimal(2),
    ),
    "weight-1.36kg-1d": Gain(
        name="weight-1.36kg-1d",
        source=f"{_ZHANG}: 3 lb in a day",
        days=1,
        at_least=Decimal("1.36"),
    ),
    "weight-2.27kg-7d": Gain(
        name="weight-2.27kg-7d",
        source="patient advice in the USA: 5 lb in a week",
        days=7,
        at_least=Decimal("2.27"),
    ),
}
_MMOL: Final = "15074-8"  # glucose in mmol/L
_MG_PER_MMOL: Final = Decimal("18.016")
_LOINC: Final = {
    **{definition.loinc: code for code, definition in reversed(DEFINITIONS.items())},
    "59408-5": Code.SPO2,
    _MMOL: Code.GLUCOSE,
}
_HELP: Final = """Judge a series and print a JSON line for each measurement beyond a rule, in order
of measured_at: what is in force after the whole series, whatever order the file has. The CSV has
the columns time (ISO 8601 with offset), code (a word such as weight, or a LOINC code) and value, in
the unit of the contract; LO and HI are values below and above a device's range."""


class _Row(NamedTuple):
    time: str
    at: int
    code: Code
    value: int


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    parser = subparsers.add_parser("judge", help="judge a series by hand", description=_HELP)
    rules = parser.add_mutually_exclusive_group(required=True)
    rules.add_argument("--rule", choices=sorted(RULES), metavar="NAME", help=", ".join(RULES))
    rules.add_argument(
        "--protocol",
        metavar="FILE",
        help=f"a protocol's TOML file, or one of {', '.join(sorted(shipped.texts()))}",
    )
    parser.add_argument("--series", type=Path, required=True, metavar="CSV")
    parser.add_argument(
        "--zone", default="Europe/Rome", metavar="IANA", help="whose civil days (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; returns the exit status."""
    try:
        zone(args.zone)
    except (KeyError, ValueError) as error:
        raise WrongInput(f"--zone: {args.zone!r} is no IANA zone") from error
    plan = Plan(gains=[RULES[args.rule]]) if args.rule else protocol(args.protocol).plan()
    rows = list(_rows(args.series))
    for finding in _findings(plan, rows, args.zone):
        row, code = rows[finding.seq], BY_NUMBER[finding.code]
        shown = {
            "rule": finding.rule,
            "raised_at": row.time,
            "measured_at": row.time,
            "values": {code.value: _shown(code, finding.value)},
        }
        print(json.dumps(shown))
    return 0


def _findings(plan: Plan, rows: list[_Row], zone_name: str) -> list[Finding]:
    version = compile_version(1, -(2**60), zone_name, plan)
    found: list[Finding] = []
    for code in {row.code for row in rows}:
        series = [
            Observation(row.at, place, row.value, 0, place)
            for place, row in enumerate(rows)
            if row.code is code
        ]
        memory = fresh(families_of([version], code))
        found += fold(0, code, [version], memory, sorted(series))
    return sorted(found, key=lambda one: (one.at, one.seq))


def _shown(code: Code, value: int) -> float | int | str:
    if abs(value) == COMPARATOR:
        return "HI" if value > 0 else "LO"
    number = unscaled(code, value)
    return int(number) if number == number.to_integral_value() else float(number)


def _rows(path: Path) -> Iterator[_Row]:
    for where, fields in csv_files.lines(path, "time", "code", "value"):
        yield _row(fields, where)


def _row(fields: list[str], where: str) -> _Row:
    time, word, text = fields
    at = csv_files.instant(time, where)
    code = _LOINC.get(word) or (Code(word) if word in list(Code) else None)
    if code is None:
        raise WrongInput(
            f"{where}: code {word!r} is neither a word of the contract nor known LOINC"
        )
    return _Row(time, at, code, _value(code, word, text, where))


def _value(code: Code, word: str, text: str, where: str) -> int:
    if text in ("LO", "HI"):
        return COMPARATOR if text == "HI" else -COMPARATOR
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise WrongInput(f"{where}: value {text!r} is no number") from error
    number = number * _MG_PER_MMOL if word == _MMOL else number
    if not number.is_finite() or not possible(code, number):
        raise WrongInput(f"{where}: {code} {text} cannot be true")
    return scaled(code, number)
