"""Recorded series of real people, read as they are and set into a zone and a start date."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

# A series by day number has no hours: people weigh themselves in the morning.
_WEIGHING: Final = time(7, 30)


class UnknownSeries(Exception):
    """The file's columns are those of no series we know."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One measurement of a series: whose, the device's local time, and its numbers as written."""

    subject: str
    at: datetime
    values: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns hold whose, when and what."""

    kind: str
    subject: str | None
    when: Callable[[dict[str, str]], datetime]
    values: tuple[str, ...]


def _stamp(row: dict[str, str]) -> datetime:
    return datetime.fromisoformat(row["timestamp_local"])


def _day(row: dict[str, str]) -> datetime:
    return datetime.combine(date(1970, 1, 1), _WEIGHING) + timedelta(days=int(row["day"]))


_LAYOUTS: Final = (
    _Layout("cuff", None, _stamp, ("systolic_mmHg", "diastolic_mmHg", "pulse_bpm")),
    _Layout("scale", "person", _day, ("weight_kg",)),
    _Layout("glucose meter", "subject", _stamp, ("glucose_mg_dL",)),
)


def read(path: Path, zone: ZoneInfo, start: date) -> tuple[str, list[Entry]]:
    """Read a series: which virtual device plays it, and its entries by time.

    The first civil day of the file becomes ``start``; local times stay what they are, but for
    those that do not exist in ``zone`` (an hour each spring): these are an hour later, as a clock
    that was set forward shows them. Raises ``UnknownSeries``.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        layout = next((one for one in _LAYOUTS if columns.issuperset(one.values)), None)
        if layout is None:
            raise UnknownSeries(f"{path}: no series we know has the columns {sorted(columns)}")
        entries = sorted(_entries(layout, reader), key=lambda entry: (entry.at, entry.subject))
    if not entries:
        return layout.kind, []
    moved = datetime.combine(start, time()) - datetime.combine(entries[0].at.date(), time())
    return layout.kind, [
        Entry(entry.subject, _existing(entry.at + moved, zone), entry.values) for entry in entries
    ]


def _entries(layout: _Layout, rows: Iterable[dict[str, str]]) -> Iterator[Entry]:
    for row in rows:
        if any(not row[column] for column in layout.values):
            continue  # nobody measured: there is nothing to play
        values = tuple(Decimal(row[column]) for column in layout.values)
        yield Entry(row[layout.subject] if layout.subject else "1", layout.when(row), values)


def _existing(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
