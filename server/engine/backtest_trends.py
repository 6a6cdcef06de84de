"""Trends along time: each value's window as a difference of running sums.

What each rule means is said in ``trend``. Sums are whole numbers; where a rule's two sides are
too near for floating point they are compared exactly.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.engine.backtest_numbers import Numbers, Truth, Whole
from server.engine.rules import TrendKind, TrendRule
from server.engine.trend import LONG

_THOUSAND: Final = 1000
_NEAR: Final = 1e-9
# Sums of larger numbers could leave 63 bits: such a series is folded.
_SAFE: Final = 2.0**61


class Sums:
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
        most = int((np.arange(1, len(day) + 1) - self.numbers.since(day, LONG.days_kept)).max())
        return largest * max(most**2, len(day)) < _SAFE

    @cached_property
    def n(self) -> Whole:
        if self._every:
            return np.arange(len(self.value) + 1)
        return self._running(np.ones_like(self.value))

    @cached_property
    def v(self) -> Whole:
        return self._running(self.value)

    @cached_property
    def vv(self) -> Whole:
        return self._running(self.value * self.value)

    @cached_property
    def t(self) -> Whole:
        return self._running(self.numbers.day)

    @cached_property
    def tt(self) -> Whole:
        return self._running(self.numbers.day * self.numbers.day)

    @cached_property
    def tv(self) -> Whole:
        return self._running(self.numbers.day * self.value)

    @cached_property
    def firsts(self) -> NDArray[np.intp]:
        """Where the first steady value of each day stands."""
        some = self.numbers.steady.nonzero()[0]
        day = self.numbers.day.take(some)
        return np.asarray(some[np.append(True, day[1:] != day[:-1])[: len(some)]])

    @cached_property
    def days(self) -> Whole:
        """How many days with a steady value there were."""
        return np.asarray(self.firsts.searchsorted(np.arange(len(self.value) + 1)))

    def _running(self, column: Whole) -> Whole:
        sums = np.zeros(len(column) + 1, np.int64)
        np.cumsum(column if self._every else column * self.numbers.steady, out=sums[1:])
        return sums

    def beyond(self, rule: TrendRule) -> Truth:
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

    def _over(self, since: NDArray[np.intp], until: NDArray[np.intp], name: str) -> Whole:
        sums: Whole = getattr(self, name)
        return sums.take(until) - sums.take(since)

    def _baseline(
        self,
        rule: TrendRule,
        some: NDArray[np.intp],
        n: Whole,
        v: Whole,
        varied: Whole,
        *_window: NDArray[np.intp],
    ) -> Truth:
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
        n: Whole,
        v: Whole,
        varied: Whole,
        since: NDArray[np.intp],
        until: NDArray[np.intp],
    ) -> Truth:
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
        self, n: Whole, v: Whole, since: NDArray[np.intp], until: NDArray[np.intp]
    ) -> tuple[Whole, Whole]:
        """Return n Σt² - (Σt)² and n Σtv - Σt Σv."""
        t = self._over(since, until, "t")
        tt, tv = self._over(since, until, "tt"), self._over(since, until, "tv")
        return n * tt - t * t, n * tv - t * v

    def _slope(self, rule: TrendRule, since: NDArray[np.intp], until: NDArray[np.intp]) -> Truth:
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
    possible: Truth,
    exactly: Callable[[int], bool],
) -> Truth:
    """Tell where left > right; where they are within rounding, ask for the exact verdict."""
    truth = possible & (left > right)
    unsure = possible & (np.abs(left - right) <= scale * _NEAR + 2)
    for at in unsure.nonzero()[0].tolist():
        truth[at] = exactly(at)
    return np.asarray(truth)
