"""Rules over windows along time: each value's window as a difference of running sums.

What each rule means is said in ``gain``, ``change``, ``trend`` and ``average``. Sums are whole
numbers; where a rule's two sides are too near for floating point they are compared exactly.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
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
    GAINS,
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
    """The values that are numbers, with their civil day in the zone; ``place`` is in the series.

    ``half`` counts halves of days: the same before noon as the day's first value before noon.
    """

    place: NDArray[np.intp]
    at: _Whole
    value: _Whole
    steady: _Truth
    day: _Whole
    half: _Whole


def judge(
    stretches: list[Stretch], zone_name: str, series: Series, families: set[str]
) -> dict[int, Places] | None:
    """Return what is beyond rules over windows, by bit; None where the series has to be folded."""
    if not families <= _FAMILIES:
        return None
    numbers = _numbers(series, zone_name)
    count = len(numbers.at)
    if not count:
        return {}
    if np.count_nonzero(np.diff(numbers.half) < 0):
        return None  # at midnight the clocks were set back: a day came again
    sums = _Sums.of(numbers) if "trend" in families else None
    if sums is not None and not sums.safe:
        return None
    marks: dict[tuple[int, str], _Truth] = {}
    for first, end, rules in stretches:
        own = slice(*numbers.place.searchsorted((first, end)).tolist())
        for bit, truth in _judge(rules, numbers, sums, families):
            kept = marks.setdefault((bit, rules.names[bit]), np.zeros(count, np.bool_))
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


def _judge(
    rules: Compiled, numbers: Numbers, sums: "_Sums | None", families: set[str]
) -> Iterator[tuple[int, _Truth]]:
    """Yield each rule's bit, and which values are beyond it."""
    if "gain" in families:
        for place in range(GAINS):
            if rules.gain_days[place] and rules.exceeds[place] != UNLIMITED:
                yield (
                    THRESHOLDS + place,
                    _gained(numbers, rules.gain_days[place], rules.exceeds[place]),
                )
    for place, change in enumerate(rules.changes):
        yield CHANGE_BIT + place, _changed(numbers, change)
    for place, trend in enumerate(rules.trends):
        assert sums is not None  # noqa: S101 - a rule of a trend makes its family wanted
        yield TREND_BIT + place, sums.beyond(trend)
    for place, average in enumerate(rules.averages):
        yield AVERAGE_BIT + place, _averaged(numbers, average)


def _numbers(series: Series, zone_name: str) -> Numbers:
    place = (np.abs(series.value) != COMPARATOR).nonzero()[0]
    at = series.at.take(place)
    local = at + offsets(at, zone_name)
    day, within = np.divmod(local, DAY)
    half = 2 * day + (within >= NOON)
    value, steady = series.value.take(place).astype(np.int64), series.steady.take(place)
    return Numbers(place, at, value, steady, day, half)


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
    day = numbers.day - numbers.day[0]
    first_of_day = np.append(True, day[1:] != day[:-1])
    first = np.full(int(day[-1]) + 1, COMPARATOR, np.int64)
    first[day[first_of_day]] = numbers.value[first_of_day]
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
    count = len(day)
    before = np.append(0, np.cumsum(steady))
    rank = before[:-1] - before[half.searchsorted(half)]
    counts = steady & (rank < A_HALF)
    n = np.append(0, np.cumsum(counts))
    total = np.append(0, np.cumsum(np.where(counts, numbers.value, 0)))
    place = np.arange(count)
    following = np.where(steady, place, count - 1)
    following = np.minimum.accumulate(following[::-1])[::-1]
    since = day.searchsorted(day - DAYS, side="right")
    # The first day with a value is dropped; what follows it begins after today where it is today.
    since = day.searchsorted(day.take(following.take(since)), side="right")
    since = np.minimum(since, place + 1)
    own_n, own = n[1:] - n.take(since), total[1:] - total.take(since)
    limit = rule.sign * rule.exceeds * own_n - rule.inclusive
    return np.asarray((own_n >= rule.least) & (rule.sign * own > limit))


class _Sums(NamedTuple):
    """Running sums over the steady values (of time t in days and value v, each counted from the
    series' first), with a zero before the first."""

    numbers: Numbers
    value: _Whole
    n: _Whole
    v: _Whole
    vv: _Whole
    t: _Whole
    tt: _Whole
    tv: _Whole
    days: _Whole
    firsts: NDArray[np.intp]
    safe: bool

    @classmethod
    def of(cls, numbers: Numbers) -> "_Sums":
        v, t = numbers.value - numbers.value[0], numbers.day - numbers.day[0]
        steady = numbers.steady
        some = steady.nonzero()[0]
        day = t.take(some)
        first = np.append(True, day[1:] != day[:-1]) if len(some) else np.zeros(0, np.bool_)
        firsts = some[first]
        begins = np.zeros(len(t), np.int64)
        begins[firsts] = 1
        one, vv, tt, tv = np.ones_like(v), v * v, t * t, t * v
        n, sum_v, sum_vv, sum_t, sum_tt, sum_tv = (
            np.append(0, np.cumsum(np.where(steady, column, 0)))
            for column in (one, v, vv, t, tt, tv)
        )
        days = np.append(0, np.cumsum(begins))
        largest = float(max(np.abs(v).max(), t[-1], 1)) ** 2
        most = int((np.arange(1, len(t) + 1) - t.searchsorted(t - DAYS_KEPT)).max())
        safe = largest * max(most**2, len(t)) < _SAFE
        return cls(numbers, v, n, sum_v, sum_vv, sum_t, sum_tt, sum_tv, days, firsts, safe)

    def beyond(self, rule: TrendRule) -> _Truth:
        """Tell which values are beyond the rule."""
        day = self.numbers.day
        until = np.arange(1, len(day) + 1)
        newest = day
        if rule.kind == TrendKind.BASELINE:
            until, newest = day.searchsorted(day), day - 1
        since = np.minimum(day.searchsorted(newest - rule.days, side="right"), until)
        if rule.kind == TrendKind.SLOPE:
            return self._slope(rule, since, until)
        n, v = self._over(since, until, "n"), self._over(since, until, "v")
        enough = n >= rule.least
        if rule.kind == TrendKind.CROSSOVER:
            recent = day.searchsorted(day - rule.short, side="right")
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

        return (off > 0) & _compared(left, right, left + right, off > 0, exactly)

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
    truth = left > right
    unsure = possible & (np.abs(left - right) <= scale * _NEAR + 2)
    for at in unsure.nonzero()[0].tolist():
        truth[at] = exactly(at)
    return np.asarray(truth)
