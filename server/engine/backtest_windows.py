"""Rules over windows along time: each value's window as a difference of running sums.

What each rule means is said in ``gain``, ``change``, ``trend`` and ``average``. Sums are whole
numbers; where a rule's two sides are too near for floating point they are compared exactly.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache, partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.instants import DAY, MINUTE
from server.engine.average import A_HALF, DAYS
from server.engine.backtest_series import Places, Series, Stretch
from server.engine.instant import NOON, offset
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
    TrendKind,
    TrendRule,
)
from server.engine.trend import DAYS_KEPT

_FAMILIES: Final = frozenset({"gain", "change", "trend", "average"})
_QUARTER: Final = 15 * MINUTE
_TERM: Final = 128
_PERCENT: Final = 100_000
_THOUSAND: Final = 1000
_NEAR: Final = 1e-9
# Sums of larger numbers could leave 63 bits: such a series is folded.
_SAFE: Final = 2.0**61
_Whole = NDArray[np.int64]
_Truth = NDArray[np.bool_]


class Numbers(NamedTuple):
    """The values that are numbers; ``place`` is in the series. ``day`` counts civil days of the
    zone from the first one, ``half`` their halves: noon begins another. ``begin`` is where each
    day, or the next that has a value, begins."""

    place: NDArray[np.intp]
    at: _Whole
    value: _Whole
    steady: _Truth
    day: _Whole
    half: _Whole
    begin: NDArray[np.intp]

    def since(self, newest: _Whole, days: int) -> NDArray[np.intp]:
        """Return where windows of so many days begin that end with the day ``newest``."""
        return self.begin.take(np.maximum(newest - (days - 1), 0))


class Windows:
    """One series, with what was found out of it: two plans have most of their rules in common."""

    def __init__(self, series: Series, zone_name: str) -> None:
        self._series, self._zone_name = series, zone_name
        self._truths: dict[tuple[object, ...], _Truth] = {}

    @cached_property
    def numbers(self) -> Numbers:
        return _numbers(self._series, self._zone_name)

    @cached_property
    def sums(self) -> "_Sums":
        return _Sums(self.numbers)

    def truth(self, rule: tuple[object, ...], judge: Callable[[], _Truth]) -> _Truth:
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
    if "trend" in families and not windows.sums.safe:
        return None
    marks: dict[tuple[int, str], _Truth] = {}
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


def _judge(rules: Compiled, windows: Windows) -> Iterator[tuple[int, _Truth]]:
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


def _numbers(series: Series, zone_name: str) -> Numbers:
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


def offsets(at: _Whole, zone_name: str) -> _Whole:
    """Return by how many ms the zone's wall clock is ahead at instants in ascending order."""
    if not len(at):
        return np.zeros(0, np.int64)
    # Whole terms of days, so that many series ask for the same.
    first, last = (int(at[end]) // DAY // _TERM for end in (0, -1))
    since, ahead = _changes(zone_name, first * _TERM, (last + 1) * _TERM)
    return np.asarray(ahead.take(since.searchsorted(at, side="right") - 1))


@lru_cache(maxsize=512)
def _changes(zone_name: str, first_day: int, last_day: int) -> tuple[_Whole, _Whole]:
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


def _gained(numbers: Numbers, days: int, exceeds: int) -> _Truth:
    day, begin = numbers.day, numbers.begin[:-1]
    # A day without a value begins where the next one does: that is no value of its own.
    first = np.where(begin < numbers.begin[1:], numbers.value.take(begin), COMPARATOR)
    base = np.full(len(first), COMPARATOR, np.int64)
    for back in range(1, days + 1):
        np.minimum(base[back:], first[:-back], out=base[back:])
    return np.asarray(numbers.value - base.take(day) > exceeds)


def _changed(numbers: Numbers, rule: ChangeRule) -> _Truth:
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


def _lowest(value: _Whole, since: NDArray[np.intp], until: NDArray[np.intp]) -> _Whole:
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


def _averaged(numbers: Numbers, rule: AverageRule) -> _Truth:
    half, day, steady = numbers.half, numbers.day, numbers.steady
    place = np.arange(len(day))
    before: _Whole = np.cumsum(steady) - steady
    fresh = np.append(True, half[1:] != half[:-1])
    rank: _Whole = before - before.take(np.maximum.accumulate(np.where(fresh, place, 0)))
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


class _Sums:
    """Running sums over the steady values, with a zero before the first; each only when a rule
    asks for it. A value v and its day t count from the series' first: none of the rules minds."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.value = numbers.value - numbers.value[0]
        self._every = bool(numbers.steady.all())

    @cached_property
    def safe(self) -> bool:
        """Tell whether no sum, and no product of two within a window, leaves 63 bits."""
        day = self.numbers.day
        largest = float(max(self.value.max(), -self.value.min(), day[-1], 1)) ** 2
        most = int((np.arange(1, len(day) + 1) - self.numbers.since(day, DAYS_KEPT)).max())
        return largest * max(most**2, len(day)) < _SAFE

    @cached_property
    def n(self) -> _Whole:
        if self._every:
            return np.arange(len(self.value) + 1)
        return self._running(np.ones_like(self.value))

    @cached_property
    def v(self) -> _Whole:
        return self._running(self.value)

    @cached_property
    def vv(self) -> _Whole:
        return self._running(self.value * self.value)

    @cached_property
    def t(self) -> _Whole:
        return self._running(self.numbers.day)

    @cached_property
    def tt(self) -> _Whole:
        return self._running(self.numbers.day * self.numbers.day)

    @cached_property
    def tv(self) -> _Whole:
        return self._running(self.numbers.day * self.value)

    @cached_property
    def firsts(self) -> NDArray[np.intp]:
        """Where the first steady value of each day stands."""
        some = self.numbers.steady.nonzero()[0]
        day = self.numbers.day.take(some)
        return np.asarray(some[np.append(True, day[1:] != day[:-1])[: len(some)]])

    @cached_property
    def days(self) -> _Whole:
        """How many days with a steady value there were."""
        return np.asarray(self.firsts.searchsorted(np.arange(len(self.value) + 1)))

    def _running(self, column: _Whole) -> _Whole:
        sums = np.zeros(len(column) + 1, np.int64)
        np.cumsum(column if self._every else column * self.numbers.steady, out=sums[1:])
        return sums

    def beyond(self, rule: TrendRule) -> _Truth:
        """Tell which values are beyond the rule."""
        day = self.numbers.day
        until = np.arange(1, len(day) + 1)
        newest = day
        if rule.kind == TrendKind.BASELINE:
            until, newest = self.numbers.begin.take(day), day - 1
        since = self.numbers.since(newest, rule.days)
        if rule.kind == TrendKind.SLOPE:
            return self._slope(rule, since, until)
        n, v = self._over(since, until, "n"), self._over(since, until, "v")
        enough = n >= rule.least
        if rule.kind == TrendKind.CROSSOVER:
            recent = self.numbers.since(day, rule.short)
            short_n, short = self._over(recent, until, "n"), self._over(recent, until, "v")
            gap = rule.sign * (short * n - v * short_n)
            limit = rule.exceeds * n * short_n - rule.inclusive
            return np.asarray(enough & (short_n > 0) & (gap > limit))
        some = enough.nonzero()[0]
        truth = np.zeros(len(day), np.bool_)
        if len(some):
            n, v = n.take(some), v.take(some)
            varied = n * self._over(since.take(some), until.take(some), "vv") - v * v
            judged = self._baseline if rule.kind == TrendKind.BASELINE else self._spread
            truth[some] = judged(rule, some, n, v, varied, since.take(some), until.take(some))
        return truth

    def _over(self, since: NDArray[np.intp], until: NDArray[np.intp], name: str) -> _Whole:
        sums: _Whole = getattr(self, name)
        return sums.take(until) - sums.take(since)

    def _baseline(
        self,
        rule: TrendRule,
        some: NDArray[np.intp],
        n: _Whole,
        v: _Whole,
        varied: _Whole,
        *_window: NDArray[np.intp],
    ) -> _Truth:
        off = rule.sign * (n * self.value.take(some) - v)
        left = off.astype(np.float64) ** 2 * (n - 1) * float(_THOUSAND**2)
        right = np.float64(rule.exceeds**2) * n * varied

        def exactly(at: int) -> bool:
            own_off, own_n = int(off[at]), int(n[at])
            limit = rule.exceeds**2 * own_n * int(varied[at]) - rule.inclusive
            return own_off**2 * (own_n - 1) * _THOUSAND**2 > limit

        return _compared(left, right, left + right, off > 0, exactly)

    def _spread(
        self,
        rule: TrendRule,
        some: NDArray[np.intp],
        n: _Whole,
        v: _Whole,
        varied: _Whole,
        since: NDArray[np.intp],
        until: NDArray[np.intp],
    ) -> _Truth:
        wide, slope = self._line(n, v, since, until)
        one_day = wide == 0
        unit = np.where(one_day, 1, wide)
        product = varied.astype(np.float64) * unit
        steep = np.where(one_day, 0.0, slope.astype(np.float64) ** 2)
        left = product - steep
        right = np.float64(rule.exceeds**2) * n * (n - 2) * unit

        def exactly(at: int) -> bool:
            own, own_n, spread = int(varied[at]), int(n[at]), int(wide[at])
            residual = own * spread - int(slope[at]) ** 2 if spread else own
            limit = rule.exceeds**2 * own_n * (own_n - 2) * (spread or 1)
            return residual > limit - rule.inclusive

        return _compared(left, right, product + steep + right, np.ones(len(some), bool), exactly)

    def _line(
        self, n: _Whole, v: _Whole, since: NDArray[np.intp], until: NDArray[np.intp]
    ) -> tuple[_Whole, _Whole]:
        """Return n Σt² - (Σt)² and n Σtv - Σt Σv."""
        t = self._over(since, until, "t")
        tt, tv = self._over(since, until, "tt"), self._over(since, until, "tv")
        return n * tt - t * t, n * tv - t * v

    def _slope(self, rule: TrendRule, since: NDArray[np.intp], until: NDArray[np.intp]) -> _Truth:
        n, v = self._over(since, until, "n"), self._over(since, until, "v")
        wide, slope = self._line(n, v, since, until)
        # In floating point: a product of these could leave 63 bits, where it is far from a limit.
        steep, limit = rule.sign * slope * (2.0 * _THOUSAND), float(rule.exceeds) * wide
        enough = self._over(since, until, "days") >= rule.least
        truth = enough & (steep > 3 * limit * (1 + _NEAR))
        near = enough & ~truth & (steep > limit * (1 - _NEAR))
        for at in near.nonzero()[0].tolist():
            exact = 2 * _THOUSAND * rule.sign * int(slope[at])
            if exact > 3 * rule.exceeds * int(wide[at]):
                truth[at] = True
            elif exact > rule.exceeds * int(wide[at]):
                truth[at] = self._majority(rule, int(since[at]), int(until[at]))
        return truth

    def _majority(self, rule: TrendRule, since: int, until: int) -> bool:
        """Tell whether more than half of the pairs of days' first values are steeper."""
        first, end = self.days[since], self.days[until]
        places = self.firsts[first:end]
        day, value = self.numbers.day.take(places), self.value.take(places)
        early, late = np.triu_indices(len(places), 1)
        rose = rule.sign * (value.take(late) - value.take(early)) * _THOUSAND
        steeper = rose > rule.exceeds * (day.take(late) - day.take(early)) - rule.inclusive
        return bool(2 * np.count_nonzero(steeper) > len(steeper))


def _compared(
    left: NDArray[np.floating],
    right: NDArray[np.floating],
    scale: NDArray[np.floating],
    possible: _Truth,
    exactly: Callable[[int], bool],
) -> _Truth:
    """Tell where left > right; where they are within rounding, ask for the exact verdict."""
    truth = possible & (left > right)
    unsure = possible & (np.abs(left - right) <= scale * _NEAR + 2)
    for at in unsure.nonzero()[0].tolist():
        truth[at] = exactly(at)
    return np.asarray(truth)
