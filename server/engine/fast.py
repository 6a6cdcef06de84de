"""The families' rules over many rows, or one, by compiled code: see ``compiled``."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.engine import average, change, compiled, gain, trend
from server.engine.instant import Instants, Now
from server.engine.rules import AVERAGE_BIT, CHANGE_BIT, TREND_BIT, TrendRule

_DECIDED: Final = (1 << compiled.UNSURE) - 1


class Fast(NamedTuple):
    """One family's rules: ``loop`` judges values on their rows, ``one`` a value of one row; ``bit``
    is that of the family's first rule."""

    bit: int
    empty: Callable[[int], NDArray[np.void]]
    loop: Callable[..., NDArray[np.int64]]
    one: Callable[..., int]

    def judge_rows(self, rows: NDArray[np.void], now: Instants) -> NDArray[np.int64]:
        """Do the same as the family's form in arrays."""
        found = self.loop(rows, np.arange(len(rows)), now.at, now.value, now.local, now.steady)
        for index in (found > _DECIDED).nonzero()[0].tolist():
            day = int(now.day[index])
            one = Now(int(now.at[index]), int(now.value[index]), day, False, True)
            found[index] = _decided(rows[index], int(found[index]), one)
        return found << self.bit

    def judge_run(
        self, rows: NDArray[np.void], own: NDArray[np.intp], now: Instants
    ) -> NDArray[np.int64] | None:
        """Judge values in order of time, several of a row; None where one is not decided."""
        found = self.loop(rows, own, now.at, now.value, now.local, now.steady)
        return None if np.count_nonzero(found > _DECIDED) else found << self.bit

    def judge_one(self, rows: NDArray[np.void], now: Now) -> int:
        """Do the same for one value of the first row."""
        found = self.one(rows, 0, *now)
        return (found if found <= _DECIDED else _decided(rows[0], found, now)) << self.bit


def _decided(row: np.void, found: int, now: Now) -> int:
    """Decide by the definition which of a row's unsure trends the value is beyond."""
    days, unsure = trend.days_of(row), found >> compiled.UNSURE
    found &= _DECIDED
    for place in range(unsure.bit_length()):
        rule = TrendRule._make(row["rules"][place].tolist())
        if unsure >> place & 1 and trend.beyond(rule, days, now):
            found |= 1 << place
    return found


FAST: Final = {
    "gain": Fast(gain.BIT, gain.empty, compiled.gain_loop, compiled.gained),
    "change": Fast(CHANGE_BIT, change.empty, compiled.change_loop, compiled.changed),
    "trend": Fast(TREND_BIT, trend.SHORT.empty, compiled.trend_loop, compiled.trended),
    "long trend": Fast(TREND_BIT, trend.LONG.empty, compiled.trend_loop, compiled.trended),
    "average": Fast(AVERAGE_BIT, average.empty, compiled.average_loop, compiled.averaged),
}
limits_loop: Final = compiled.limits_loop


def check() -> None:
    """Call all of it once: code that was kept, and cut by a power failure, fails here and not over
    a patient's values. Raises ``ImportError``."""
    try:
        none, nothing = np.zeros(0, np.int64), np.zeros(0, np.int32)
        for fast in FAST.values():
            rows = fast.empty(1)
            fast.loop(rows, none, none, nothing, none, none.astype(np.bool_))
            fast.one(rows, 0, 0, 0, 0, False, True)
    except Exception as error:
        raise ImportError(f"compiled rules do not run: {error!r}") from error
