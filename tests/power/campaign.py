"""A life of an outbox on a taped disk, and what it is after a power cut anywhere in it."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import apsw

from gateway.errors import OutboxUnavailable
from gateway.outbox import Outbox
from tests.gateway.measurements import make
from tests.power.spoken import Spoken
from tests.power.tape import Disk, Tape, left_after, taped

OPERATIONS = 400
_TABLES = ("meta", "waiting", "set_aside", "remembered")


@dataclass(frozen=True, slots=True)
class Done:
    """An operation had returned when the tape was so long; ``digest`` is of all tables then."""

    events: int
    digest: str
    stored: int


def digest_of(path: Path) -> str:
    """Name what stands in a file."""
    connection = sqlite3.connect(path)
    try:
        return _digest(connection)
    finally:
        connection.close()


def _digest(connection: Any) -> str:
    digest = hashlib.sha256()
    for table in _TABLES:
        for row in connection.execute(f"select * from {table} order by 1"):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


@contextmanager
def on(disk: Disk) -> Iterator[None]:
    """Let every outbox that is opened stand on this disk."""

    def connect(path: Path, **_options: object) -> Spoken:
        return Spoken(path, disk)

    with mock.patch("gateway.outbox.rows.sqlite3.connect", connect):
        yield


def live(path: Path, tape: Tape, random: Random, operations: int = OPERATIONS) -> list[Done]:
    """Store, forget, refuse, and restart now and then; return what stood there after each."""
    done = []
    with taped(tape) as disk, on(disk):
        outbox = Outbox(path)
        done.append(_noted(outbox, tape))
        for _ in range(operations):
            if random.random() < 0.02:
                outbox.close()
                outbox = Outbox(path)
            act(outbox, random)
            done.append(_noted(outbox, tape))
        outbox.close()
    return done


def act(outbox: Outbox, random: Random) -> int | None:
    """Do one thing that a gateway does; return the number of what was stored."""
    state = outbox.state()
    match random.choices(("store", "forget", "refuse"), (8, 2, 1))[0]:
        case "store":
            return outbox.store(make)
        case "forget" if state.depth:
            outbox.forget(state.epoch, random.randint(state.receipted + 1, state.next_seq - 1))
        case "refuse" if state.depth:
            seq = random.randint(state.receipted + 1, state.next_seq - 1)
            outbox.refuse(seq, seq, "test")
    return None


def _noted(outbox: Outbox, tape: Tape) -> Done:
    return Done(len(tape.events), _digest(outbox._rows), outbox.state().next_seq - 1)


def cut(tape: Tape, done: list[Done], folder: Path, random: Random) -> str | None:
    """Cut the power somewhere; return what is broken. What had returned is there whole, and what
    was under way is there whole or not at all."""
    at = random.randint(done[0].events, len(tape.events))
    for name, content in left_after(tape.events[:at], random).items():
        (folder / name).write_bytes(content)
    before = max(number for number, one in enumerate(done) if one.events <= at)
    path = folder / "outbox.db"
    try:
        outbox = Outbox(path)
    except OutboxUnavailable as error:
        return f"cut {at}: cannot be opened: {error}"
    try:
        damaged = outbox.state().damaged_files
        found = digest_of(path)
        stored = outbox.store(make)
    finally:
        outbox.close()
    possible = done[before : before + 2]
    if damaged:
        return f"cut {at}: taken for damaged"
    if found not in {one.digest for one in possible}:
        return f"cut {at}: neither operation {before} nor {before + 1} is what is left"
    if stored is None or stored - 1 not in {one.stored for one in possible}:
        return f"cut {at}: the next number is {stored}"
    return None


def fail(path: Path, number: int, lasts: int, error: type[apsw.Error]) -> tuple[bool, str | None]:
    """Let the ``number``-th call to the disk fail so, and the next ones up to ``lasts``.

    Returns whether anything failed at all, and what is broken: the outbox raises nothing but
    ``OutboxUnavailable``, and when the disk is well again holds what it had said it took.
    """
    tape, random = Tape(fails_at=number, lasts=lasts, error=error), Random(number)
    taken: list[int] = []
    with taped(tape) as disk, on(disk):
        try:
            _try(path, random, taken)
        except (OutboxUnavailable, OSError):
            pass
        except Exception as error:  # noqa: BLE001 - anything else is what we look for
            return True, f"{type(error).__name__}: {error}"
    failed = tape.calls >= number
    outbox = Outbox(path)
    try:
        state = outbox.state()
        waiting = {row[0] for row in outbox._rows.execute("select seq from waiting")}
    finally:
        outbox.close()
    if state.damaged_files:
        return failed, "taken for damaged"
    lost = [seq for seq in taken if seq > state.receipted and seq not in waiting]
    return failed, f"lost {lost}" if lost else None


def _try(path: Path, random: Random, taken: list[int]) -> None:
    """Live for a short while; what fails is tried once more, as the collector and uplink do."""
    outbox = Outbox(path)
    try:
        for _ in range(12):
            try:
                stored = act(outbox, random)
            except OutboxUnavailable:
                continue
            if stored is not None:
                taken.append(stored)
    finally:
        outbox.close()
