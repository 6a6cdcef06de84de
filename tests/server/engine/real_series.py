"""Real people's series through every protocol: ``python -m tests.server.engine.real_series``.

Prints the table of ``docs/real-series.md``. The series stand beside the project, not in it.
"""

import csv
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contract.codes import Code, scaled
from server.domain.instants import civil_day, from_datetime
from server.domain.protocols import Protocol, parse_protocol
from server.engine.rules import compile_version
from server.engine.series import Observation, families_of, fold, fresh

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
ZONE = "Europe/Rome"
HEAD = (
    "| series | protocol | rule | values judged | findings | people with one | a person-week |",
    "|---|---|---|---|---|---|---|",
)


class Value(NamedTuple):
    person: str
    at: int
    code: Code
    value: Decimal


def home_blood_pressure() -> Iterator[Value]:
    for row in _rows("home_bp_one_person_108d.csv"):
        at = _local(datetime.fromisoformat(row["timestamp_local"]))
        yield Value("1", at, Code.SYSTOLIC, Decimal(row["systolic_mmHg"]))
        yield Value("1", at, Code.DIASTOLIC, Decimal(row["diastolic_mmHg"]))
        yield Value("1", at, Code.PULSE, Decimal(row["pulse_bpm"]))


def weights() -> Iterator[Value]:
    for row in _rows("daily_weight_6_people_63d.csv"):
        day = date(2026, 1, 5) + timedelta(days=int(row["day"]))
        if row["weight_kg"]:
            at = _local(datetime.combine(day, time(7)))
            yield Value(row["person"], at, Code.WEIGHT, Decimal(row["weight_kg"]))


def continuous_glucose() -> Iterator[Value]:
    for row in _rows("cgm_5_subjects.csv"):
        at = _local(datetime.fromisoformat(row["timestamp_local"]))
        yield Value(row["subject"], at, Code.GLUCOSE, Decimal(row["glucose_mg_dL"]))


def intensive_care() -> Iterator[Value]:
    """By the minute; 0.0 is no signal and never a value."""
    columns = {"ABPsys_mmHg": Code.SYSTOLIC, "ABPdia_mmHg": Code.DIASTOLIC,
               "PULSE_bpm": Code.PULSE, "SpO2_pct": Code.SPO2}  # fmt: skip
    start = _local(datetime.combine(date(2026, 1, 5), time()))
    for row in _rows("icu_numerics_1min.csv"):
        for column, code in columns.items():
            if row[column] and Decimal(row[column]) != 0:
                yield Value("1", start + int(row["minute"]) * 60_000, code, Decimal(row[column]))


SERIES = {
    "home blood pressure, 1 person, 108 days": home_blood_pressure,
    "weights, 6 healthy people, 63 days": weights,
    "continuous glucose, 5 people, a week": continuous_glucose,
    "intensive care by the minute, 1 patient": intensive_care,
}


def protocols() -> list[Protocol]:
    folder = files("server") / "protocols"
    return [
        parse_protocol(entry.read_text(encoding="utf-8"), entry.name)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    ]


def table() -> list[str]:
    """Return the table's lines, one a rule that something of the series could be judged by."""
    lines = list(HEAD)
    for name, series in SERIES.items():
        values = list(series())
        # A week is seven days on which the person measured anything.
        days = {(one.person, civil_day(one.at, ZONE)) for one in values}
        people = {person for person, _ in days}
        for protocol in protocols():
            lines += _of_protocol(name, values, protocol, len(days) / 7, len(people))
    return lines


def _of_protocol(
    name: str, values: list[Value], protocol: Protocol, weeks: float, people: int
) -> Iterator[str]:
    version = compile_version(1, 0, ZONE, protocol.plan())
    for code, rules in version.rules.items():
        judged = sorted(one for one in values if one.code is code)
        if not judged:
            continue
        found: dict[str, list[str]] = {rule: [] for rule in rules.names if rule}
        for person in {one.person for one in judged}:
            series = [
                Observation(one.at, place, scaled(code, one.value), 0, place)
                for place, one in enumerate(judged)
                if one.person == person
            ]
            memory = fresh(families_of([version], code))
            for finding in fold(0, code, [version], memory, sorted(series)):
                found[finding.rule].append(person)
        quiet = [rule for rule, persons in found.items() if not persons]
        quiet = [rule for rule in quiet if not rule.startswith("missing-")]
        start = f"| {name} | {protocol.name} |"
        if quiet:
            yield f"{start} {', '.join(quiet)} | {len(judged)} | 0 | 0 of {people} | 0 |"
        for rule, persons in found.items():
            if persons:
                rate = len(persons) / weeks
                yield (
                    f"{start} {rule} | {len(judged)} | {len(persons)} |"
                    f" {len(set(persons))} of {people} | {rate:.2f} |"
                )


def _local(moment: datetime) -> int:
    return from_datetime(moment.replace(tzinfo=ZoneInfo(ZONE)))


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


if __name__ == "__main__":
    print("\n".join(table()))
