"""Rules over windows along time: all windows of a series at once.

What each rule means is said in ``gain``, ``change``, ``trend`` and ``average``.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.engine.average import A_HALF, DAYS
from server.engine.backtest_numbers import Numbers, Truth, Whole, numbers_of
from server.engine.backtest_series import Places, Series, Stretch
from server.engine.backtest_trends import Sums
from server.engine.rules import (
    AVERAGE_BIT,
    CHANGE_BIT,
    COMPARATOR,
    THRESHOLDS,
    TREND_BIT,
    UNLIMITED,
    AverageRule,
    ChangeRule,
    Compiled,
)

_TRENDS: Final = frozenset({"trend", "long trend"})
_FAMILIES: Final = _TRENDS | {"gain", "change", "average"}
_PERCENT: Final = 100_000


class Windows:
    """One series, with what was found out of it: two plans have most of their rules in common."""

    def __init__(self, series: Series, zone_name: str) -> None:
        self._series, self._zone_name = series, zone_name
        self._truths: dict[tuple[object, ...], Truth] = {}

    @cached_property
    def numbers(self) -> Numbers:
        return numbers_of(self._series, self._zone_name)

    @cached_property
    def sums(self) -> Sums:
        return Sums(self.numbers)

    def truth(self, rule: tuple[object, ...], judge: Callable[[], Truth]) -> Truth:
        """Return which numbers are beyond a rule, asked once."""
        if rule not in self._truths:
            self._truths[rule] = judge()
        return self._truths[rule]


def judge(
    stretches: list[Stretch], windows: Windows, families: set[str]
) -> dict[int, Places] | None:
    """Return what is beyond rules over windows, by bit; None where the series has to be folded."""
    if not families <= _FAMILIES:
        return None
    numbers = windows.numbers
    count = len(numbers.at)
    if not count:
        return {}
    if np.count_nonzero(numbers.half[1:] < numbers.half[:-1]):
        return None  # at midnight the clocks were set back: a day came again
    if families & _TRENDS and not windows.sums.safe:
        return None
    marks: dict[tuple[int, str], Truth] = {}
    for first, end, rules in stretches:
        whole = first == 0 and end > numbers.place[-1]
        own = slice(*numbers.place.searchsorted((first, end)).tolist())
        for bit, truth in _judge(rules, windows):
            key = bit, rules.names[bit]
            if whole:
                marks[key] = truth
                continue
            kept = marks.setdefault(key, np.zeros(count, np.bool_))
            kept[own] = truth[own]
    found: dict[int, list[Places]] = {}
    for (bit, _), truth in marks.items():
        places = numbers.place[truth]
        if len(places):
            begins = np.ones(len(places), np.bool_)
            begins[1:] = places[1:] != places[:-1] + 1
            last = places[np.append(begins[1:], True)]
            until = (last + 1).take(np.cumsum(begins) - 1)
            found.setdefault(bit, []).append(Places(places, begins, until))
    return {bit: _merged(parts) for bit, parts in found.items()}


def _merged(parts: list[Places]) -> Places:
    """Put the findings of one bit in order of time, whatever its rule was named when."""
    if len(parts) == 1:
        return parts[0]
    places, begins, until = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = places.argsort()
    return Places(places[order], begins[order], until[order])


def _judge(rules: Compiled, windows: Windows) -> Iterator[tuple[int, Truth]]:
    """Yield each rule's bit, and which values are beyond it."""
    numbers = windows.numbers
    key: tuple[object, ...]
    for place, (days, exceeds) in enumerate(zip(rules.gain_days, rules.exceeds, strict=True)):
        if days and exceeds != UNLIMITED:
            key = "gain", days, exceeds
            yield THRESHOLDS + place, windows.truth(key, partial(_gained, numbers, days, exceeds))
    for place, change in enumerate(rules.changes):
        key = "change", *change
        yield CHANGE_BIT + place, windows.truth(key, partial(_changed, numbers, change))
    for place, trend in enumerate(rules.trends):
        key = "trend", *trend
        yield TREND_BIT + place, windows.truth(key, partial(windows.sums.beyond, trend))
    for place, average in enumerate(rules.averages):
        key = "average", *average
        yield AVERAGE_BIT + place, windows.truth(key, partial(_averaged, numbers, average))


def _gained(numbers: Numbers, days: int, exceeds: int) -> Truth:
    day, begin = numbers.day, numbers.begin[:-1]
    # A day without a value begins where the next one does: that is no value of its own.
    first = np.where(begin < numbers.begin[1:], numbers.value.take(begin), COMPARATOR)
    base = np.full(len(first), COMPARATOR, np.int64)
    for back in range(1, days + 1):
        np.minimum(base[back:], first[:-back], out=base[back:])
    return np.asarray(numbers.value - base.take(day) > exceeds)


def _changed(numbers: Numbers, rule: ChangeRule) -> Truth:
    until = np.arange(len(numbers.at))
    since = numbers.at.searchsorted(numbers.at - rule.reach)
    signed = rule.sign * numbers.value
    lowest = _lowest(signed, since, until)
    change = signed - lowest
    has = since < until
    if rule.percent:
        beyond = change * _PERCENT > rule.exceeds * (lowest * rule.sign) - rule.inclusive
    else:
        beyond = change > rule.exceeds - rule.inclusive
    return np.asarray(has & beyond)


def _lowest(value: Whole, since: NDArray[np.intp], until: NDArray[np.intp]) -> Whole:
    """Return the lowest value from each ``since`` until before ``until``; of none, whatever."""
    length = np.maximum(until - since, 1)
    level = np.frexp(length)[1] - 1  # the largest power of two that fits
    lowest, result = value, value.copy()
    for power in range(int(level.max()) + 1):
        if power:
            half = 1 << power - 1
            lowest = np.minimum(lowest[:-half], lowest[half:])
        some = (level == power).nonzero()[0]
        last = np.maximum(until.take(some) - (1 << power), since.take(some))
        result[some] = np.minimum(lowest.take(since.take(some)), lowest.take(last))
    return result


def _averaged(numbers: Numbers, rule: AverageRule) -> Truth:
    half, day, steady = numbers.half, numbers.day, numbers.steady
    place = np.arange(len(day))
    before: Whole = np.cumsum(steady) - steady
    fresh = np.append(True, half[1:] != half[:-1])
    rank: Whole = before - before.take(np.maximum.accumulate(np.where(fresh, place, 0)))
    counts = steady & (rank < A_HALF)
    n = np.append(0, np.cumsum(counts))
    total = np.append(0, np.cumsum(np.where(counts, numbers.value, 0)))
    following = np.where(steady, place, len(day) - 1)
    following = np.minimum.accumulate(following[::-1])[::-1]
    # The first day with a value is dropped; what follows it begins after today where it is today.
    first = day.take(following.take(numbers.since(day, DAYS)))
    since = np.minimum(numbers.begin.take(first + 1), place + 1)
    own_n, own = n[1:] - n.take(since), total[1:] - total.take(since)
    limit = rule.sign * rule.exceeds * own_n - rule.inclusive
    return np.asarray((own_n >= rule.least) & (rule.sign * own > limit))
