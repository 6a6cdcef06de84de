"""Trends of many rows, a value each: the same as ``trend.Ring.judge``, in arrays.

It is reckoned in floating point first; where the two sides are too near for that, the definition
decides.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.window_rules import TRENDS_MAX
from server.engine.instant import Instants, Now
from server.engine.rules import TREND_BIT, TrendKind, TrendRule
from server.engine.trend import beyond, days_of

_THOUSAND: Final = 1000
_NEAR: Final = 1e-9
# More values than this in a window, and the sums' products might leave 63 bits: 4000² times the
# square of 700,000 (the largest number there is, of a weight in grams) does not.
_MANY: Final = 4000
_Ints = NDArray[np.int64]
_Numbers = NDArray[np.floating[Any]]
_Truths = NDArray[np.bool_]


class _Window(NamedTuple):
    """One rule, and what its window holds, a column each; times are days before the value (``t``
    of ``trend`` is negative), ``own`` are those of the short window, or of a slope the days that
    have a value."""

    n: _Ints
    sum: _Ints
    squares: _Ints
    times: _Ints
    crossed: _Ints
    spread: _Ints
    own_n: _Ints
    own_sum: _Ints
    kind: _Ints
    days: _Ints
    short: _Ints
    sign: _Ints
    exceeds: _Ints
    inclusive: _Ints
    least: _Ints


class _Sides(NamedTuple):
    """Beyond is ``left > right``, unless they are within ``scale`` of rounding; only where it is
    ``possible`` at all."""

    left: _Numbers
    right: _Numbers
    scale: _Numbers
    possible: _Truths


def judge_rows(rows: NDArray[np.void], now: Instants) -> _Ints:
    """Do the same as the rings' ``judge`` for many slots, a value each."""
    _remember(rows["kept"], now)
    found = np.zeros(len(rows), np.int64)
    for place in range(TRENDS_MAX):
        kinds = rows["rules"][:, place, 0]
        for kind in np.unique(kinds).tolist():
            if kind:
                some = (kinds == kind).nonzero()[0]
                judged = _judge(kind, rows, some, place, now)
                found[some] |= judged.astype(np.int64) << TREND_BIT + place
    return found


def _remember(kept: NDArray[np.void], now: Instants) -> None:
    """Add the steady values to their days."""
    row = now.steady.nonzero()[0]
    day, value = now.day.take(row), now.value.take(row).astype(np.int64)
    place = day % kept.shape[1]
    fresh = (kept["day"][row, place] < day).nonzero()[0]
    at = row[fresh], place[fresh]
    kept["day"][at], kept["first"][at] = day[fresh], value[fresh]
    for name in ("n", "sum", "squares"):
        kept[name][at] = 0
    own = (kept["day"][row, place] == day).nonzero()[0]
    at, value = (row[own], place[own]), value[own]
    kept["n"][at] += 1
    kept["sum"][at] += value
    kept["squares"][at] += value * value


def _window(rule: _Ints, kept: NDArray[np.void], day: NDArray[np.int32]) -> _Window:
    """Return one rule's windows of some rows, up to their values' days."""
    ago = day[:, None].astype(np.int64) - kept["day"]
    kind, days, short = (rule[:, place, None] for place in range(3))
    first = kind == TrendKind.BASELINE
    inside = (ago >= first) & (ago < days + first)
    n, total = kept["n"] * inside, kept["sum"] * inside
    ago = np.where(inside, -ago, 0)
    recent = ago > -short
    own_n, filled = (n * recent).sum(axis=1), np.count_nonzero(n, axis=1)
    return _Window(
        n.sum(axis=1),
        total.sum(axis=1),
        (kept["squares"] * inside).sum(axis=1),
        (n * ago).sum(axis=1),
        (total * ago).sum(axis=1),
        (n * ago * ago).sum(axis=1),
        np.where(kind[:, 0] == TrendKind.SLOPE, filled, own_n),
        (total * recent).sum(axis=1),
        *rule.T,
    )


def _judge(
    kind: int, rows: NDArray[np.void], some: NDArray[np.intp], place: int, now: Instants
) -> _Truths:
    """Judge one kind of rule, on some of the rows."""
    w = _window(rows["rules"][some, place], rows["kept"][some], now.day.take(some))
    if kind == TrendKind.SLOPE:
        spread, slope = _lines(w)
        steep, wide = w.sign * slope * 2 * _THOUSAND, w.exceeds * spread
        enough = w.own_n >= w.least
        clear, level = steep > 3 * wide * (1 + _NEAR), steep <= wide * (1 - _NEAR)
        near = _each(rows, place, some, now, enough & ~clear & ~level)
        return np.asarray(enough & clear | near)
    if kind == TrendKind.CROSSOVER:
        sides = _crossover(w)
    elif kind == TrendKind.BASELINE:
        sides = _baseline(w, now.value.take(some))
    else:
        sides = _spread(w)
    enough = sides.possible & (w.n >= w.least)
    unsure = np.abs(sides.left - sides.right) <= sides.scale * _NEAR + 2
    unsure |= w.n > _MANY
    near = _each(rows, place, some, now, enough & unsure)
    return np.asarray(enough & ~unsure & (sides.left > sides.right) | near)


def _crossover(w: _Window) -> _Sides:
    own, other = w.own_sum * 1.0 * w.n, w.sum * 1.0 * w.own_n
    bound = w.exceeds * 1.0 * w.n * w.own_n
    return _Sides(w.sign * 1.0 * (own - other), bound, own + other, w.own_n > 0)


def _baseline(w: _Window, value: NDArray[np.int32]) -> _Sides:
    off = w.sign * (w.n * value - w.sum) * 1.0
    left, right = off**2 * (w.n - 1.0) * _THOUSAND**2, w.exceeds**2 * _varied(w) * w.n
    return _Sides(left, right, left + right, off > 0)


def _spread(w: _Window) -> _Sides:
    spread, slope = _lines(w)
    varied, one_day = _varied(w), spread == 0
    left = np.where(one_day, varied, varied * spread - slope**2)
    right = w.exceeds**2 * w.n * (w.n - 2.0) * np.where(one_day, 1, spread)
    scale = varied * np.maximum(spread, 1) + slope**2 + right
    return _Sides(left, right, scale, w.n > 2)


def _varied(w: _Window) -> _Numbers:
    """Return n Σv² - (Σv)²."""
    return (w.n * w.squares - w.sum**2) * 1.0


def _lines(w: _Window) -> tuple[_Numbers, _Numbers]:
    """Return n Σt² - (Σt)² and n Σtv - Σt Σv."""
    spread = w.n * w.spread - w.times**2
    return spread * 1.0, (w.n * w.crossed - w.times * w.sum) * 1.0


def _each(
    rows: NDArray[np.void], place: int, some: NDArray[np.intp], now: Instants, which: _Truths
) -> _Truths:
    """Decide some rows exactly, one by one."""
    found = np.zeros(len(some), np.bool_)
    for index in which.nonzero()[0].tolist():
        row, at = rows[some[index]], int(some[index])
        rule = TrendRule._make(row["rules"][place].tolist())
        one = Now(int(now.at[at]), int(now.value[at]), int(now.day[at]), False, True)
        found[index] = beyond(rule, days_of(row), one)
    return found
