"""Trends over civil days: crossover, baseline, spread and slope, from sums of each day.

What each means and its source is said beside its form in the plan (``domain.window_rules``). With
n values v on days t of the window, S and Q the sums of v and v²:

    crossover  mean of the short window - mean of the long one > bound
    baseline   (n v - S)² (n - 1) > k² n (n Q - S²), of the days before the value's own
    spread     SD about the least-squares line of v over t: R > bound² n (n - 2) D, where
               D = n Σt² - (Σt)², R = (n Q - S²) D - (n Σtv - Σt S)²
    slope      (n Σtv - Σt S) / D beyond 1.5 bounds, or within half a bound; between them more
               than half of the pairs of days' first values rise (or fall) faster than the bound

All of it is decided in whole numbers. The form for many rows reckons in floating point first, and
asks the exact form where the two sides are too near for that.
"""

from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.window_rules import TRENDS_MAX
from server.engine.instant import Instants, Now
from server.engine.rules import TREND_BIT, Compiled, TrendKind, TrendRule

DAYS_KEPT: Final = 32
NO_DAY: Final = -(2**30)
_THOUSAND: Final = 1000
# Sums of more values than this could leave the 53 bits that floating point is exact in.
_MANY: Final = 10_000
_NEAR: Final = 1e-9
# The steady values of each civil day, at the day's number modulo ``DAYS_KEPT``; then the rules.
ROW: Final = np.dtype(
    [
        ("sum", "<i8", DAYS_KEPT),
        ("squares", "<i8", DAYS_KEPT),
        ("exceeds", "<i8", TRENDS_MAX),
        ("day", "<i4", DAYS_KEPT),
        ("n", "<i4", DAYS_KEPT),
        ("first", "<i4", DAYS_KEPT),
        *((name, "<i4", TRENDS_MAX) for name in TrendRule._fields if name != "exceeds"),
    ]
)


class Day(NamedTuple):
    """One civil day's steady values."""

    day: int
    n: int
    sum: int
    squares: int
    first: int


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


def judge_rows(rows: NDArray[np.void], now: Instants) -> NDArray[np.int64]:
    """Do the same as ``judge`` for many slots, a value each."""
    _remember(rows, now)
    found = np.zeros(len(rows), np.int64)
    for place in range(TRENDS_MAX):
        kinds = rows["kind"][:, place]
        if not np.count_nonzero(kinds):
            continue
        for kind in TrendKind:
            if len(some := (kinds == kind).nonzero()[0]):
                judged = _judge_kind(kind, rows[some], place, now.only(some))
                found[some] |= judged.astype(np.int64) << TREND_BIT + place
    return found


def _remember(rows: NDArray[np.void], now: Instants) -> None:
    row = now.steady.nonzero()[0]
    day, value = now.day.take(row), now.value.take(row).astype(np.int64)
    place = day % DAYS_KEPT
    new = rows["day"][row, place] < day
    fresh = new.nonzero()[0]
    at = row[fresh], place[fresh]
    rows["day"][at], rows["first"][at] = day[fresh], value[fresh]
    rows["n"][at], rows["sum"][at], rows["squares"][at] = 0, 0, 0
    same = (rows["day"][row, place] == day).nonzero()[0]
    at = row[same], place[same]
    rows["n"][at] += 1
    rows["sum"][at] += value[same]
    rows["squares"][at] += value[same] ** 2


class _Window(NamedTuple):
    """The days inside a rule's window, row by row, and the sums over them."""

    ago: NDArray[np.int32]
    inside: NDArray[np.bool_]
    n_of: NDArray[np.int32]
    sum_of: NDArray[np.int64]
    n: NDArray[np.int64]
    total: NDArray[np.int64]
    sign: NDArray[np.float64]
    bound: NDArray[np.float64]


class _Sides(NamedTuple):
    """Beyond is ``left > right``, unless they are within ``scale`` of rounding; only where it is
    ``possible`` at all."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    scale: NDArray[np.float64]
    possible: NDArray[np.bool_]


def _judge_kind(
    kind: TrendKind, rows: NDArray[np.void], place: int, now: Instants
) -> NDArray[np.bool_]:
    w = _window(kind, rows, place, now)
    if kind == TrendKind.SLOPE:
        spread, slope = _lines(w)
        steep, wide = w.sign * slope * 2 * _THOUSAND, w.bound * spread
        enough = w.inside.sum(axis=1) >= rows["least"][:, place]
        clear, flat = steep > 3 * wide * (1 + _NEAR), steep <= wide * (1 - _NEAR)
        near = _each(rows, place, now, enough & ~clear & ~flat)
        return np.asarray(enough & clear | near)
    if kind == TrendKind.CROSSOVER:
        sides = _crossover(w, rows["short"][:, place])
    else:
        varied = _varied(w, rows)
        is_baseline = kind == TrendKind.BASELINE
        sides = _baseline(w, varied, now.value) if is_baseline else _spread(w, varied)
    enough = sides.possible & (w.n >= rows["least"][:, place])
    unsure = (np.abs(sides.left - sides.right) <= sides.scale * _NEAR + 2) | (w.n > _MANY)
    near = _each(rows, place, now, enough & unsure)
    return np.asarray(enough & ~unsure & (sides.left > sides.right) | near)


def _window(kind: TrendKind, rows: NDArray[np.void], place: int, now: Instants) -> _Window:
    ago = now.day[:, None] - rows["day"] - (kind == TrendKind.BASELINE)
    inside = (ago >= 0) & (ago < rows["days"][:, place][:, None])
    n_of, sum_of = np.where(inside, rows["n"], 0), np.where(inside, rows["sum"], 0)
    n, total = n_of.sum(axis=1), sum_of.sum(axis=1)
    sign, bound = rows["sign"][:, place], rows["exceeds"][:, place]
    return _Window(ago, inside, n_of, sum_of, n, total, sign * 1.0, bound * 1.0)


def _varied(w: _Window, rows: NDArray[np.void]) -> NDArray[np.float64]:
    """Return n Q - S²."""
    squares = np.where(w.inside, rows["squares"], 0).sum(axis=1)
    return np.asarray(w.n * squares - w.total**2, np.float64)


def _crossover(w: _Window, short: NDArray[np.int32]) -> _Sides:
    recent = w.inside & (w.ago < short[:, None])
    short_n = np.where(recent, w.n_of, 0).sum(axis=1)
    own = np.where(recent, w.sum_of, 0).sum(axis=1) * 1.0 * w.n
    other = w.total * 1.0 * short_n
    return _Sides(w.sign * (own - other), w.bound * w.n * short_n, own + other, short_n > 0)


def _baseline(w: _Window, varied: NDArray[np.float64], value: NDArray[np.int32]) -> _Sides:
    off = w.sign * (w.n * value - w.total)
    left, right = off**2 * (w.n - 1.0) * _THOUSAND**2, w.bound**2 * w.n * varied
    return _Sides(left, right, left + right, off > 0)


def _spread(w: _Window, varied: NDArray[np.float64]) -> _Sides:
    spread, slope = _lines(w)
    one_day = spread == 0
    left = np.where(one_day, varied, varied * spread - slope**2)
    right = w.bound**2 * w.n * (w.n - 2.0) * np.where(one_day, 1, spread)
    scale = varied * np.maximum(spread, 1) + slope**2 + right
    return _Sides(left, right, scale, w.n > 2)


def _lines(w: _Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return n Σt² - (Σt)² and n Σtv - Σt S of all rows."""
    time = np.where(w.inside, -w.ago, 0).astype(np.int64)
    times, crossed = (time * w.n_of).sum(axis=1), (time * w.sum_of).sum(axis=1)
    spread = w.n * (time**2 * w.n_of).sum(axis=1) - times**2
    return spread * 1.0, (w.n * crossed - times * w.total) * 1.0


def _each(
    rows: NDArray[np.void], place: int, now: Instants, which: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Decide some rows exactly, one by one."""
    found = np.zeros(len(rows), np.bool_)
    for index in which.nonzero()[0].tolist():
        row = rows[index]
        fields = {name: int(row[name][place]) for name in TrendRule._fields}
        one = Now(int(now.at[index]), int(now.value[index]), int(now.day[index]), False, True)
        found[index] = beyond(TrendRule(**fields), sorted(load(row).values()), one)
    return found


def empty(count: int) -> NDArray[np.void]:
    """Make rows that remember no day and judge nothing."""
    rows = np.zeros(count, ROW)
    rows["day"] = NO_DAY
    return rows


def write(row: np.void, rules: Compiled) -> None:
    """Write the rules in force into a row."""
    for name in TrendRule._fields:
        row[name] = 0
        for place, rule in enumerate(rules.trends):
            row[name][place] = getattr(rule, name)


def load(row: np.void) -> Memory:
    """Read a row's memory."""
    columns = (row[name].tolist() for name in Day._fields)
    days = (Day(*values) for values in zip(*columns, strict=True))
    return {one.day % DAYS_KEPT: one for one in days if one.day != NO_DAY}


def store(row: np.void, memory: Memory) -> None:
    """Write a memory into a row."""
    row["day"] = NO_DAY
    for name in ("n", "sum", "squares", "first"):
        row[name] = 0
    for place, one in memory.items():
        for name in Day._fields:
            row[name][place] = getattr(one, name)
