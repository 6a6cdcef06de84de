"""``vicino-server backtest``: what a plan would have raised, before anybody confirms it."""

import argparse
import csv
import getpass
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from tqdm import tqdm

from server import settings
from server.clock import now_ms
from server.commands import csv_files
from server.commands.protocols import protocol
from server.domain.plans import Plan, parse_plan
from server.domain.priorities import Priority
from server.engine.backtest_result import LEAD_DAYS, Backtest, Event, Outcome, RuleCount, rules_of
from server.errors import NotFound, WrongInput
from server.ports.store import Store
from server.services import shipped
from server.services.backtesting import MINUTES_AN_ALERT, Question, backtest
from server.stores.opening import open_database

_HELP: Final = f"""Judge what is stored of everybody of a CHC by a plan, and by the plans that were
in force, and print how many alerts each would have raised by rule and priority, what they would
cost a nurse, and the difference. With --events: which events an alert preceded within {LEAD_DAYS}
days, and which it missed. The JSON names patients by the CHC's own numbers, never by name. Exit
status 2 where the input is wrong."""
_COLUMNS: Final = ("plan", "rule", "priority", "findings", "alerts", "alerts_per_patient_week")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command to the program's."""
    parser = subparsers.add_parser(
        "backtest", help="try a plan on what is stored", description=_HELP
    )
    parser.add_argument(
        "--plan",
        required=True,
        metavar="FILE",
        help=f"a plan's JSON, a protocol's TOML, or one of {', '.join(sorted(shipped.texts()))}",
    )
    parser.add_argument("--panel", required=True, metavar="CHC", help="whose patients, by name")
    for option, what in (("from", "first day, in each patient's zone"), ("to", "last day")):
        parser.add_argument(
            f"--{option}",
            dest=f"{option}_day",
            type=_day,
            required=True,
            metavar="YYYY-MM-DD",
            help=what,
        )
    parser.add_argument(
        "--cost-minutes",
        type=float,
        default=MINUTES_AN_ALERT,
        metavar="N",
        help="a nurse's minutes an alert (%(default)g: a judgement, state your own)",
    )
    parser.add_argument(
        "--events",
        type=Path,
        metavar="FILE",
        help="CSV with the columns patient, time (ISO 8601 with offset) and event",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the whole answer")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the counts by rule")
    parser.add_argument("--settings", type=Path, required=True, metavar="FILE")
    parser.set_defaults(run=run)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-01-31") from error


def run(args: argparse.Namespace) -> int:
    """Print the answer; returns the exit status."""
    try:
        if not 0 <= args.cost_minutes < float("inf"):
            raise WrongInput(f"--cost-minutes: {args.cost_minutes} is no number of minutes")
        question = Question(
            plan=_plan(args.plan),
            chc=args.panel,
            from_day=args.from_day,
            to_day=args.to_day,
            minutes_an_alert=args.cost_minutes,
            events=list(_events(args.events)) if args.events else [],
        )
        database = open_database(settings.load(args.settings, os.environ))
        try:
            answer = _asked(database, question)
        finally:
            database.close()
        _write(args, answer)
    except (WrongInput, NotFound) as error:
        print(f"vicino-server: {error}", file=sys.stderr)
        return 2
    for line in _lines(answer):
        print(line)
    return 0


def _asked(store: Store, question: Question) -> Backtest:
    now = now_ms()
    with tqdm(desc="back-test", unit="patient", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        answer = backtest(store, question, now, progress)
    who, detail = f"{getpass.getuser()}@command", f"{question.from_day} to {question.to_day}"
    with store.write() as tx:
        chc = tx.directory.chc(question.chc)
        tx.audit(who, "backtest", now, chc_id=chc.id if chc else None, detail=detail)
    return answer


def _plan(name: str) -> Plan:
    """Read a plan's JSON, or a protocol. Raises ``WrongInput`` naming file, key and reason."""
    path = Path(name)
    if name in shipped.texts() or path.suffix == ".toml":
        return protocol(name).plan()
    try:
        text = path.read_bytes()
    except OSError as error:
        raise WrongInput(f"{name}: {error.strerror}") from error
    try:
        return parse_plan(text)
    except WrongInput as error:
        raise WrongInput(f"{name}: {error}") from error


def _events(path: Path) -> Iterator[Event]:
    for where, (patient, time, event) in csv_files.lines(path, "patient", "time", "event"):
        yield Event(patient, csv_files.instant(time, where), event)


def _write(args: argparse.Namespace, answer: Backtest) -> None:
    try:
        if args.json:
            whole = msgspec.json.format(msgspec.json.encode(answer), indent=2)
            args.json.write_bytes(whole + b"\n")
        if args.csv:
            with args.csv.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(_COLUMNS)
                for plan, outcome in (("tested", answer.tested), ("in-force", answer.in_force)):
                    writer.writerows(
                        (plan, *(getattr(one, name) for name in _COLUMNS[1:]))
                        for one in outcome.rules
                    )
    except OSError as error:
        raise WrongInput(f"{error.filename}: {error.strerror}") from error


def _lines(answer: Backtest) -> Iterator[str]:
    """Say the answer for a terminal."""
    tested, in_force, difference = answer.tested, answer.in_force, answer.difference
    yield (
        f"{answer.chc}, {answer.from_day} to {answer.to_day}: {answer.patients} patients,"
        f" {answer.patient_weeks:.1f} patient-weeks, {answer.observations} observations"
        f" ({answer.held_or_unsure} held or unsure, left out)"
    )
    if answer.inputs_behind:
        yield f"NOT COMPLETE: the chart store does not know the last {answer.inputs_behind} inputs"
    yield ""
    yield f"{'alerts (per patient-week)':44} {'tested plan':>20} {'plan in force':>20}"
    for rule, priority in rules_of((tested, in_force)):
        cells = [_cell(outcome, rule, priority) for outcome in (tested, in_force)]
        yield f"{priority:6} {rule:37} {cells[0]:>20} {cells[1]:>20}"
    totals = [_count(one.alerts, one.alerts_per_patient_week) for one in (tested, in_force)]
    yield f"{'all':44} {totals[0]:>20} {totals[1]:>20}"
    minutes = [f"{one.nurse_minutes_per_week:.1f}" for one in (tested, in_force)]
    label = f"nurse minutes a week, {answer.minutes_an_alert:g} an alert"
    yield f"{label:44} {minutes[0]:>20} {minutes[1]:>20}"
    yield (
        f"difference: {difference.alerts:+d} alerts, {difference.alerts_per_patient_week:+.3f} per"
        f" patient-week, {difference.nurse_minutes_per_week:+.1f} nurse minutes a week"
    )
    yield from _event_lines(answer)
    yield ""
    yield from answer.assumptions


def _event_lines(answer: Backtest) -> Iterator[str]:
    every = len(answer.tested.events)
    if not every + answer.events_outside:
        return
    yield ""
    for plan, outcome in (("tested plan", answer.tested), ("plan in force", answer.in_force)):
        yield (
            f"{plan}: of {every} events an alert preceded {outcome.events_preceded} within"
            f" {LEAD_DAYS} days; {100 * outcome.chance:.0f} % would be preceded by chance"
        )
        for one in outcome.events:
            said = f"{one.lead_hours:.1f} h before: {one.rule}" if one.rule else "missed"
            yield f"  {one.patient} {one.at.isoformat()} {one.event}: {said}"
    if answer.events_outside:
        yield f"{answer.events_outside} events lie outside of the days and were not looked at"


def _cell(outcome: Outcome, rule: str, priority: Priority) -> str:
    found = (one for one in outcome.rules if (one.rule, one.priority) == (rule, priority))
    one: RuleCount | None = next(found, None)
    return _count(one.alerts, one.alerts_per_patient_week) if one else "0"


def _count(alerts: int, rate: float) -> str:
    return f"{alerts} ({rate:.3f})"
