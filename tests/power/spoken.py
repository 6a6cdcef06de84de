"""An apsw connection that speaks as the standard library's does: only apsw lets us own the disk.

SQLite is another build of it, with the same file formats; what is left after a cut is opened by
the standard library's.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from tests.power.tape import Disk


class Answer:
    """A cursor's rows, and what the statement changed."""

    def __init__(self, rows: list[Any], rowcount: int, lastrowid: int) -> None:
        self._rows, self.rowcount, self.lastrowid = iter(rows), rowcount, lastrowid

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


class Spoken:
    """As much of ``sqlite3.Connection`` as the outbox uses."""

    def __init__(self, path: Path, disk: Disk) -> None:
        with _translated():
            self._connection = apsw.Connection(str(path), vfs=disk.vfs_name)

    def execute(self, statement: str, values: Iterable[Any] = ()) -> Answer:
        connection = self._connection
        with _translated():
            rows = list(connection.execute(statement, tuple(values)))
            return Answer(rows, connection.changes(), connection.last_insert_rowid())

    def executemany(self, statement: str, rows: Iterable[Any]) -> None:
        with _translated():
            self._connection.executemany(statement, [tuple(row) for row in rows])

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def close(self) -> None:
        # As the standard library's: a checkpoint that fails while closing is no error.
        with suppress(apsw.Error):
            self._connection.close(True)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        code = getattr(error, "extendedresult", apsw.SQLITE_IOERR)
        kind = sqlite3.OperationalError
        if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            kind = sqlite3.DatabaseError
        raised = kind(str(error))
        raised.sqlite_errorcode = code
        raise raised from error
