"""The families' rules over many rows, or one, by compiled code: see ``compiled``."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.engine import compiled, gain, trend
from server.engine.instant import Instants, Now
from server.engine.rules import AVERAGE_BIT, CHANGE_BIT, TREND_BIT, TrendRule

_DECIDED: Final = (1 << compiled.UNSURE) - 1


class Fast(NamedTuple):
    """One family's rules: ``loop`` judges values on their rows, ``one`` a value of one row; ``bit``
    is that of the family's first rule."""

    bit: int
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
    "gain": Fast(gain.BIT, compiled.gain_loop, compiled.gained),
    "change": Fast(CHANGE_BIT, compiled.change_loop, compiled.changed),
    "trend": Fast(TREND_BIT, compiled.trend_loop, compiled.trended),
    "long trend": Fast(TREND_BIT, compiled.trend_loop, compiled.trended),
    "average": Fast(AVERAGE_BIT, compiled.average_loop, compiled.averaged),
}
limits_loop: Final = compiled.limits_loop
