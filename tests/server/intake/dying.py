"""Intake in a process that is killed between its commit and its receipt.

python -m tests.server.intake.dying SETTINGS_JSON DATABASE_URL NOW_MS
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec

from server.intake.loop import Intake
from server.ports.store import Transaction
from server.settings import Settings
from server.stores.database import Database
from tests.server.intake.conftest import connection_of


class KilledAfterCommit:
    """A real store; the first transaction that was committed is the process's last act."""

    def __init__(self, store: Database) -> None:
        self._store = store

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._store.write() as tx:
            yield tx
        os.kill(os.getpid(), signal.SIGKILL)

    def read(self) -> AbstractContextManager[Transaction]:
        return self._store.read()


if __name__ == "__main__":
    chosen = msgspec.json.decode(sys.argv[1], type=Settings, dec_hook=lambda kind, text: kind(text))
    now = int(sys.argv[3])
    intake = Intake(
        connection_of(chosen),
        KilledAfterCommit(Database(sys.argv[2])),
        now=lambda: now,
        stored=lambda: None,
        replicate=False,
    )
    intake.run()
