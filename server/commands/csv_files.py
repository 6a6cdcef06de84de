"""CSV files that people give to a command: columns by name, instants with an offset."""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from server.domain.instants import from_datetime
from server.errors import WrongInput


def lines(path: Path, *columns: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each line's place (file and line, for an error) and the text in these columns.

    Raises ``WrongInput`` where the file cannot be read or has no such column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if lacking := set(columns) - set(reader.fieldnames or ()):
                raise WrongInput(f"{path}: has no column {', '.join(sorted(lacking))}")
            for fields in reader:
                where = f"{path}, line {reader.line_num}"
                yield where, [(fields[name] or "").strip() for name in columns]
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def instant(text: str, where: str) -> int:
    """Read ISO 8601 with an offset, in ms. Raises ``WrongInput`` naming the place."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongInput(f"{where}: time {text!r} is not ISO 8601") from error
    if moment.tzinfo is None:
        raise WrongInput(f"{where}: time {text!r} has no offset")
    return from_datetime(moment)
