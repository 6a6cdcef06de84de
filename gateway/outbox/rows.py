"""The outbox's file: its tables, how it is opened, and what its errors mean."""

import logging
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from contract.messages import element_decoder, encoder
from gateway.errors import OutboxUnavailable

_log = logging.getLogger(__name__)
_BUSY_SECONDS: Final = 5.0
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SCHEMA: Final = """
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists waiting (
    seq integer primary key, body blob not null, alone integer not null default 0,
    refused integer not null default 0, tombstone integer not null default 0);
create table if not exists set_aside (
    number integer primary key, body blob not null, reason text);
create table if not exists remembered (
    number integer primary key autoincrement, content_id text not null unique);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One element as it waits. ``alone``: it was in a refused envelope and travels by itself."""

    seq: int
    body: bytes
    alone: bool
    tombstone: bool


class Damaged(Exception):
    """The file is no longer a sound database."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, check it, and make its tables and epoch if they are not there.

    Every commit is on the disk when it returns (WAL with ``synchronous=FULL``).
    Raises ``Damaged``, or ``OutboxUnavailable`` when the disk does not let us.
    """
    with translated():
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            if connection.execute("pragma quick_check").fetchone() != ("ok",):
                raise Damaged(f"{path}: does not pass its check")
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, and the epoch with them in one commit."""
    connection.execute("begin immediate")
    for statement in _SCHEMA.strip().split(";\n"):
        connection.execute(statement)
    insert = "insert or ignore into meta values (?, ?)"
    started = {"epoch": new_epoch(), "next_seq": "1", "receipted": "0"}
    connection.executemany(insert, started.items())
    connection.execute("commit")


def new_epoch() -> str:
    """Make the name of one run of sequence numbers."""
    return secrets.token_hex(16)


def renumber(connection: sqlite3.Connection) -> None:
    """Give what waits the numbers 1, 2, 3 … of a new epoch; each keeps its content id.

    Oldest first, so that no number is given that another row still has.
    """
    waiting = [row[0] for row in connection.execute("select seq from waiting order by seq")]
    for seq, old in enumerate(waiting, 1):
        query = "select body from waiting where seq = ?"
        element = element_decoder.decode(connection.execute(query, (old,)).fetchone()[0])
        body = encoder.encode(msgspec.structs.replace(element, seq=seq))
        connection.execute("update waiting set seq = ?, body = ? where seq = ?", (seq, body, old))
    begun = {"epoch": new_epoch(), "next_seq": str(len(waiting) + 1), "receipted": "0"}
    connection.executemany("insert or replace into meta values (?, ?)", begun.items())


def connect_or_replace(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """Open the file; a damaged one is moved aside, kept, and a new one begun in its place."""
    try:
        return connect(path), None
    except Damaged as error:
        kept = path.with_name(f"{path.stem}-damaged-{time.time_ns()}{path.suffix}")
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(kept.with_name(kept.name + suffix))
        _log.error("outbox: %s; kept as %s, a new one is begun", error, kept)
        return connect(path), kept


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours: damage, or not now (disk full, locked, unreadable)."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGE:
            raise Damaged(str(error)) from error
        if isinstance(error, sqlite3.OperationalError):
            raise OutboxUnavailable(f"outbox: {error}") from error
        raise
