"""The server's clock: the only place that reads it. Everything below takes the time as a number."""

import threading
import time
from collections.abc import Callable
from typing import Final

# No time service moves a clock that was right by more; slewing stays far below between two looks.
JUMP_MS: Final = 60_000
# Longer than a time service takes that corrects itself; shorter than any deadline of an alert.
DOUBTED_MS: Final = 10 * 60_000


def now_ms() -> int:
    """Return milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Return milliseconds that only ever grow, since some start."""
    return time.monotonic_ns() // 1_000_000


class Clock:
    """The wall clock, held to the monotonic one: a jump is believed once it has lasted.

    A clock that jumps a day ahead and is corrected would otherwise have made every patient of a
    district miss a day, and every deadline pass. Meanwhile the time runs on as if there had been
    no jump. Safe for threads.
    """

    def __init__(
        self, wall: Callable[[], int] = now_ms, monotonic: Callable[[], int] = monotonic_ms
    ) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._lock = threading.Lock()
        self._offset = wall() - monotonic()
        self._seen: tuple[int, int] | None = None

    def now(self) -> int:
        """Return the time that is believed, in milliseconds since 1970 in UTC."""
        with self._lock:
            wall, monotonic = self._wall(), self._monotonic()
            if self._believed(wall - monotonic, monotonic):
                self._offset, self._seen = wall - monotonic, None
            return monotonic + self._offset

    @property
    def jumped_ms(self) -> int:
        """By how much the wall clock is away from the time that is believed; 0 where it is not."""
        self.now()
        seen = self._seen
        return seen[0] - self._offset if seen else 0

    def _believed(self, offset: int, monotonic: int) -> bool:
        """Tell whether the wall clock is; ``_seen`` is the jump's offset, and since when."""
        if abs(offset - self._offset) <= JUMP_MS:
            return True
        if self._seen is None or abs(offset - self._seen[0]) > JUMP_MS:
            self._seen = offset, monotonic
        return monotonic - self._seen[1] >= DOUBTED_MS
