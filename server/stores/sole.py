"""One serving process a database: the engine owns its log, and two owners would undo each other.

On SQLite a locked file beside the database, on PostgreSQL an advisory lock of a session of its own.
Both end with the process, however it ends.
"""

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, exc, text

from server.errors import DatabaseTaken, StoreUnavailable
from server.stores.database import Database

# Any number that nobody else on this database uses for a lock.
_LOCK: Final = 0x766963696E6F
# A host that lost its power holds its session no longer than this: it may be the one that returns.
_SILENT_SECONDS: Final = {"idle": 10, "interval": 5, "count": 3}


class Sole:
    """The right to serve a database. ``keep`` is called again and again while serving."""

    def __init__(self, database: Database) -> None:
        """Take the right. Raises ``DatabaseTaken`` or ``StoreUnavailable``."""
        self._database = database
        self._file: IO[str] | None = None
        self._session: Connection | None = None
        self.keep()

    def keep(self) -> None:
        """Make sure that the right is still ours: a restarted PostgreSQL has forgotten it.

        Raises ``DatabaseTaken`` when another has it now, ``StoreUnavailable`` while nobody knows.
        """
        if self._database.is_sqlite:
            self._file = self._file or _locked(Path(f"{self._database.engine.url.database}.lock"))
            return
        try:
            if self._session is None:
                self._session = _session(self._database)
            self._session.execute(text("SELECT 1"))
        except exc.DBAPIError as error:
            self.close()
            raise StoreUnavailable(str(error.orig)) from error

    def close(self) -> None:
        """Give the right up."""
        if self._file is not None:
            self._file.close()
        if self._session is not None:
            with suppress(exc.DBAPIError):
                self._session.invalidate()
                self._session.close()
        self._file = self._session = None


def _locked(path: Path) -> IO[str]:
    try:
        file = path.open("w")
    except OSError as error:
        raise StoreUnavailable(str(error)) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise DatabaseTaken(f"{path}: another server runs on this database") from error
    return file


def _session(database: Database) -> Connection:
    session = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    for name, value in _SILENT_SECONDS.items():
        session.execute(text(f"SET tcp_keepalives_{name} = {value}"))
    if not session.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar():
        session.invalidate()
        session.close()
        raise DatabaseTaken("another server runs on this PostgreSQL database")
    return session
