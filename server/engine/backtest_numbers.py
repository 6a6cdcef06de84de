"""A series' values with their civil days, for the rules over windows along time."""

from bisect import bisect_right
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.instants import DAY, MINUTE
from server.engine.backtest_series import Series
from server.engine.instant import NOON, offset
from server.engine.rules import COMPARATOR

Whole = NDArray[np.int64]
Truth = NDArray[np.bool_]
_QUARTER: Final = 15 * MINUTE
_TERM: Final = 128


class Numbers(NamedTuple):
    """The values that are numbers; ``place`` is in the series. ``day`` counts civil days of the
    zone from the first one, ``half`` their halves: noon begins another. ``begin`` is where each
    day, or the next that has a value, begins."""

    place: NDArray[np.intp]
    at: Whole
    value: Whole
    steady: Truth
    day: Whole
    half: Whole
    begin: NDArray[np.intp]

    def since(self, newest: Whole, days: int) -> NDArray[np.intp]:
        """Return where windows of so many days begin that end with the day ``newest``."""
        return self.begin.take(np.maximum(newest - (days - 1), 0))


def numbers_of(series: Series, zone_name: str) -> Numbers:
    place = (np.abs(series.value) != COMPARATOR).nonzero()[0]
    at, value, steady = series.at, series.value.astype(np.int64), series.steady
    if len(place) < len(at):
        at, value, steady = at.take(place), value.take(place), steady.take(place)
    halves = (at + offsets(at, zone_name)) // NOON
    first = int(halves[0]) // 2 if len(halves) else 0
    half = halves - 2 * first
    day = half >> 1
    span = int(day[-1]) + 2 if len(day) else 0
    return Numbers(place, at, value, steady, day, half, day.searchsorted(np.arange(span)))


def offsets(at: Whole, zone_name: str) -> Whole:
    """Return by how many ms the zone's wall clock is ahead at instants in ascending order."""
    if not len(at):
        return np.zeros(0, np.int64)
    # Whole terms of days, so that many series ask for the same.
    first, last = (int(at[end]) // DAY // _TERM for end in (0, -1))
    since, ahead = _changes(zone_name, first * _TERM, (last + 1) * _TERM)
    return np.asarray(ahead.take(since.searchsorted(at, side="right") - 1))


@lru_cache(maxsize=512)
def _changes(zone_name: str, first_day: int, last_day: int) -> tuple[Whole, Whole]:
    """Return from when which offset holds: it changes on a full quarter of an hour, and at most
    once a day (see ``instant``)."""
    a_day = DAY // _QUARTER
    since, ahead = [first_day * DAY], [offset(first_day * a_day, zone_name)]
    for day in range(first_day, last_day):
        new = offset((day + 1) * a_day, zone_name)
        if new != ahead[-1]:
            quarters = range(day * a_day, (day + 1) * a_day + 1)
            old = ahead[-1]
            where = bisect_right(
                quarters, False, key=lambda quarter: offset(quarter, zone_name) != old
            )
            since.append(quarters[where] * _QUARTER)
            ahead.append(new)
    return np.array(since, np.int64), np.array(ahead, np.int64)
