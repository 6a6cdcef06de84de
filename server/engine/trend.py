"""Trends over civil days: crossover, baseline, spread and slope, from sums of each day.

What each means and its source is said beside its form in the plan (``domain.window_rules``). With
n values v on days t of the window, S and Q the sums of v and v²:

    crossover  mean of the short window - mean of the long one > bound
    baseline   (n v - S)² (n - 1) > k² n (n Q - S²), of the days before the value's own
    spread     SD about the least-squares line of v over t: R > bound² n (n - 2) D, where
               D = n Σt² - (Σt)², R = (n Q - S²) D - (n Σtv - Σt S)²
    slope      (n Σtv - Σt S) / D beyond 1.5 bounds, or within half a bound; between them more
               than half of the pairs of days' first values rise (or fall) faster than the bound

All of it is decided in whole numbers; ``trend_rows`` is the form for many rows.
"""

from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.window_rules import TRENDS_MAX
from server.engine.instant import Now
from server.engine.rules import TREND_BIT, Compiled, TrendKind, TrendRule

NO_DAY: Final = -(2**30)
_THOUSAND: Final = 1000
DAY: Final = np.dtype(
    [
        ("sum", "<i8"),
        ("squares", "<i8"),
        ("day", "<i4"),
        ("n", "<i4"),
        ("first", "<i4"),
        ("_", "<i4"),
    ]
)


class Day(NamedTuple):
    """One civil day's steady values."""

    day: int
    n: int
    sum: int
    squares: int
    first: int


_NO_DAY: Final = Day(NO_DAY, 0, 0, 0, 0)
Memory = dict[int, Day]
"""Days by their number modulo the ring's ``days_kept``."""


class Ring:
    """The trends over more than ``above`` and less than ``days_kept`` civil days: most plans look
    back a week, and a row is copied whole.

    A row has the steady values of each civil day (see ``Day``), at the day's number modulo
    ``days_kept``; and the rules, each at its place in the plan, all zeros where it is not of this
    ring.
    """

    def __init__(self, days_kept: int, above: int = 0) -> None:
        self.days_kept, self.above = days_kept, above
        rules = (TRENDS_MAX, len(TrendRule._fields))
        self.row = np.dtype([("kept", DAY, days_kept), ("rules", "<i8", rules)])

    def own(self, rules: Compiled) -> list[tuple[int, TrendRule]]:
        """Return this ring's trends, each with its place among all of them."""
        places = enumerate(rules.trends)
        return [(at, one) for at, one in places if self.above < one.days < self.days_kept]

    def wanted(self, rules: Compiled) -> bool:
        """Tell whether the rules have such a trend."""
        return bool(self.own(rules))

    def judge(self, rules: Compiled, memory: Memory, now: Now) -> list[int]:
        """Remember a value, and return the bits of the trends that it is beyond."""
        if now.steady:
            self._remember(memory, now)
        days = sorted(memory.values())
        return [TREND_BIT + place for place, one in self.own(rules) if beyond(one, days, now)]

    def _remember(self, memory: Memory, now: Now) -> None:
        known = memory.get(now.day % self.days_kept)
        if known is None or known.day < now.day:
            known = Day(now.day, 0, 0, 0, now.value)
        if known.day == now.day:
            n, total = known.n + 1, known.sum + now.value
            squares = known.squares + now.value**2
            memory[now.day % self.days_kept] = Day(now.day, n, total, squares, known.first)

    def empty(self, count: int) -> NDArray[np.void]:
        """Make rows that remember no day and judge nothing."""
        rows = np.zeros(count, self.row)
        rows["kept"]["day"] = NO_DAY
        return rows

    def write(self, row: np.void, rules: Compiled) -> None:
        """Write the rules in force into a row."""
        row["rules"] = 0
        for place, rule in self.own(rules):
            row["rules"][place] = rule

    def load(self, row: np.void) -> Memory:
        """Read a row's memory."""
        return {one.day % self.days_kept: one for one in days_of(row)}

    def store(self, row: np.void, memory: Memory) -> None:
        """Write a memory into a row."""
        days = [memory.get(place, _NO_DAY) for place in range(self.days_kept)]
        for name, column in zip(Day._fields, zip(*days, strict=True), strict=True):
            row["kept"][name] = column


SHORT: Final = Ring(8)
LONG: Final = Ring(32, above=7)


def days_of(row: np.void) -> list[Day]:
    """Return the days that a row has, the oldest first."""
    columns = (row["kept"][name].tolist() for name in Day._fields)
    return sorted(one for one in map(Day, *columns) if one.day != NO_DAY)


def beyond(rule: TrendRule, days: list[Day], now: Now) -> bool:
    """Decide one rule exactly, from the days that are kept."""
    newest = now.day - 1 if rule.kind == TrendKind.BASELINE else now.day
    window = [one for one in days if newest - rule.days < one.day <= newest]
    n, total = sum(one.n for one in window), sum(one.sum for one in window)
    if rule.kind == TrendKind.SLOPE:
        return len(window) >= rule.least and _slopes(rule, window, now.day)
    if n < rule.least:
        return False
    if rule.kind == TrendKind.CROSSOVER:
        recent = [one for one in window if one.day > now.day - rule.short]
        short_n, short = sum(one.n for one in recent), sum(one.sum for one in recent)
        gap = rule.sign * (short * n - total * short_n)
        return short_n > 0 and gap > rule.exceeds * n * short_n - rule.inclusive
    varied = n * sum(one.squares for one in window) - total**2
    if rule.kind == TrendKind.BASELINE:
        off = rule.sign * (n * now.value - total)
        limit = rule.exceeds**2 * n * varied - rule.inclusive
        return off > 0 and off**2 * (n - 1) * _THOUSAND**2 > limit
    spread, slope = _line(window, now.day, n, total)
    residual = varied * spread - slope**2 if spread else varied
    return residual > rule.exceeds**2 * n * (n - 2) * (spread or 1) - rule.inclusive


def _slopes(rule: TrendRule, window: list[Day], today: int) -> bool:
    n, total = sum(one.n for one in window), sum(one.sum for one in window)
    spread, slope = _line(window, today, n, total)
    steep = rule.sign * slope * 2 * _THOUSAND
    if steep > 3 * rule.exceeds * spread:
        return True
    if steep <= rule.exceeds * spread:
        return False
    pairs = list(combinations(window, 2))
    steeper = sum(
        rule.sign * (late.first - early.first) * _THOUSAND
        > rule.exceeds * (late.day - early.day) - rule.inclusive
        for early, late in pairs
    )
    return steeper * 2 > len(pairs)


def _line(window: list[Day], today: int, n: int, total: int) -> tuple[int, int]:
    """Return n Σt² - (Σt)² and n Σtv - Σt S, with t counted from today."""
    times = sum((one.day - today) * one.n for one in window)
    crossed = n * sum((one.day - today) * one.sum for one in window) - times * total
    return n * sum((one.day - today) ** 2 * one.n for one in window) - times**2, crossed
