"""How often those may ask who need not sign in: by address and in all, in memory."""

from collections import Counter
from threading import Lock
from typing import Final

from server.domain.instants import MINUTE

WINDOW: Final = 10 * MINUTE
# A technician mistypes; the box of a home asks once an hour at most, once in five minutes while
# somebody is to agree.
PER_ADDRESS_MAX: Final = 20
# Also bounds the memory: so many addresses at most are remembered.
IN_ALL_MAX: Final = 300


class Pace:
    """Counts within windows of ten minutes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._window = 0
        self._asked: Counter[str] = Counter()

    def allows(self, address: str, now: int) -> bool:
        """Count one try; tell whether it may go on."""
        with self._lock:
            if self._window != now // WINDOW:
                self._window = now // WINDOW
                self._asked.clear()
            if self._asked.total() >= IN_ALL_MAX or self._asked[address] >= PER_ADDRESS_MAX:
                return False
            self._asked[address] += 1
            return True
