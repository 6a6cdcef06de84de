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

DAYS_KEPT: Final = 32
NO_DAY: Final = -(2**30)
_THOUSAND: Final = 1000
# What a rule's window holds, counted from the window's newest day on (``t`` is 0 then): n, Σv, Σv²,
# Σt, Σtv, Σt²; and of the short window n and Σv, or of a slope the number of days with a value.
SUMS: Final = ("n", "sum", "squares", "times", "crossed", "spread", "own_n", "own_sum")
RULE: Final = (*SUMS, *(f"rule_{name}" for name in TrendRule._fields))
# The steady values of each civil day (see ``Day``), at the day's number modulo ``DAYS_KEPT``; then
# each rule with the sums over its window as of the civil day ``as_of``: nothing but that day's
# values changes them on it.
DAY_WIDTH: Final = 5
ROW: Final = np.dtype(
    [
        ("kept", "<i8", (DAYS_KEPT, DAY_WIDTH)),
        ("rules", "<i8", (TRENDS_MAX, len(RULE))),
        ("as_of", "<i8"),
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
"""Days by their number modulo ``DAYS_KEPT``."""


def wanted(rules: Compiled) -> bool:
    """Tell whether the rules have a trend."""
    return bool(rules.trends)


def judge(rules: Compiled, memory: Memory, now: Now) -> list[int]:
    """Remember a value, and return the bits of the trends that it is beyond."""
    if now.steady:
        known = memory.get(now.day % DAYS_KEPT)
        if known is None or known.day < now.day:
            known = Day(now.day, 0, 0, 0, now.value)
        if known.day == now.day:
            memory[now.day % DAYS_KEPT] = Day(
                now.day,
                known.n + 1,
                known.sum + now.value,
                known.squares + now.value**2,
                known.first,
            )
    return [
        TREND_BIT + place
        for place, rule in enumerate(rules.trends)
        if beyond(rule, sorted(memory.values()), now)
    ]


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


def empty(count: int) -> NDArray[np.void]:
    """Make rows that remember no day and judge nothing."""
    rows = np.zeros(count, ROW)
    rows["kept"][:, :, 0] = rows["as_of"] = NO_DAY
    return rows


def write(row: np.void, rules: Compiled) -> None:
    """Write the rules in force into a row."""
    row["as_of"], row["rules"] = NO_DAY, 0
    for place, rule in enumerate(rules.trends):
        row["rules"][place, len(SUMS) :] = rule


def load(row: np.void) -> Memory:
    """Read a row's memory."""
    days = map(Day._make, row["kept"].tolist())
    return {one.day % DAYS_KEPT: one for one in days if one.day != NO_DAY}


def store(row: np.void, memory: Memory) -> None:
    """Write a memory into a row."""
    row["as_of"] = NO_DAY
    row["kept"] = [memory.get(place, _NO_DAY) for place in range(DAYS_KEPT)]
