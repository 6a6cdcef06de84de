"""Writing many rows at once, and reading what tables and charts show of a stored element."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec
from sqlalchemy import Connection, Table

_T = TypeVar("_T")
_CHUNK: Final = 500  # names in one IN list; SQLite and PostgreSQL both take far more


class Sent(msgspec.Struct):
    """The parts of an element that are shown beside its observations."""

    flags: list[str] = []
    origin: str = "device"


sent_decoder: Final = msgspec.json.Decoder(Sent)


def insert_new(
    connection: Connection, table: Table, rows: Sequence[tuple[object, ...]], columns: Iterable[str]
) -> None:
    """Insert plain tuples, leaving alone every row whose key is there already.

    This is the hot path: one prepared statement, no dictionary a row.
    """
    if not rows:
        return
    names = list(columns)
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    marks = ", ".join([mark] * len(names))
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
        " ON CONFLICT DO NOTHING",
        list(rows),
    )


def chunks(names: Sequence[_T]) -> list[Sequence[_T]]:
    """Cut a list into ones that a statement can name."""
    return [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
