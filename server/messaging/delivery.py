"""The loop that sends what is due: a few letters at a time, and not a second one over a channel.

A receiver that stalls holds one worker for ten seconds. From its second try on it shares half of
the workers with the others that fail, so that whoever can be reached is.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from server.errors import StoreUnavailable
from server.ports.store import Store
from server.services.delivering import Letter, Post, due_letters, note_failed, note_sent

WORKERS: Final = 4
_LOOK_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


class Delivery:
    """``jitter`` returns a number from 0 up to 1, drawn anew each time."""

    def __init__(
        self, store: Store, post: Post, now: Callable[[], int], jitter: Callable[[], float]
    ) -> None:
        self._store, self._post, self._now, self._jitter = store, post, now, jitter
        # What was sent stays here until its fate is recorded.
        self._under_way: dict[int, tuple[Letter, Future[str | None]]] = {}

    def run(self, stopping: threading.Event) -> None:
        """Send until told to stop, then wait for what is under way."""
        away = False
        with ThreadPoolExecutor(WORKERS, "courier") as pool:
            while not stopping.wait(_LOOK_SECONDS):
                try:
                    self.look(pool)
                    away = False
                except StoreUnavailable as error:
                    if not away:
                        log.error("messages wait for the store: %s", error)
                    away = True
        try:
            self._record()
        except StoreUnavailable as error:
            log.error("what was sent last is not recorded, and will be sent again: %s", error)

    def look(self, pool: ThreadPoolExecutor) -> None:
        """Record what has come back, and send what is due. Raises ``StoreUnavailable``."""
        self._record()
        with self._store.read() as tx:
            if not tx.channels.waiting(self._now(), 1, self._under_way):
                return
        with self._store.write() as tx:
            letters = due_letters(tx, self._now(), self._under_way)
        for letter in letters:
            if self._may_leave(letter):
                future = pool.submit(self._post.send, letter)
                self._under_way[letter.channel_id] = letter, future

    def _may_leave(self, letter: Letter) -> bool:
        failing = sum(one.failing for one, _ in self._under_way.values())
        busy = len(self._under_way)
        return busy < WORKERS and not (letter.failing and failing >= WORKERS // 2)

    def _record(self) -> None:
        for channel_id, (letter, future) in list(self._under_way.items()):
            if not future.done():
                continue
            error = future.result()
            with self._store.write() as tx:
                if error is None:
                    note_sent(tx, letter, self._now())
                else:
                    note_failed(tx, letter, error, self._now(), self._jitter())
            del self._under_way[channel_id]
            if (error is not None) is not letter.failing:
                word = "works again" if error is None else "fails"
                log.warning("channel %d %s", channel_id, word)
