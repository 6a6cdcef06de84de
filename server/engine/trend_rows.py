"""Trends of many rows, a value each: the same as ``trend.judge``, in arrays.

The sums over a rule's window stand in the row as of one civil day: a value of that day is added to
them, and the first of another day has them summed anew. It is reckoned in floating point first;
where the two sides are too near for that, the definition decides.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.window_rules import TRENDS_MAX
from server.engine.instant import Instants, Now
from server.engine.rules import TREND_BIT, TrendKind, TrendRule
from server.engine.trend import DAY_WIDTH, DAYS_KEPT, NO_DAY, ROW, RULE, SUMS, beyond, load

_THOUSAND: Final = 1000
_NEAR: Final = 1e-9
# More values than this in a window, and the sums' products might leave 63 bits: 4000² times the
# square of 700,000 (the largest number there is, of a weight in grams) does not.
_MANY: Final = 4000
# A row as numbers: the days, the rules, the day that their sums are of.
_WIDTH: Final = ROW.itemsize // 8
_KEPT: Final = DAYS_KEPT * DAY_WIDTH
_AS_OF: Final = _WIDTH - 1
_DAY, _N, _SUM, _SQUARES, _FIRST = range(DAY_WIDTH)
_KIND, _SHORT, _DAYS = (RULE.index(f"rule_{name}") for name in ("kind", "short", "days"))
_OWN: Final = SUMS.index("own_n")
_Ints = NDArray[np.int64]
_Numbers = NDArray[np.floating[Any]]
_Truths = NDArray[np.bool_]


class _Window(NamedTuple):
    """One rule with the sums over its windows, a column each: see ``trend.RULE``."""

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
    """Do the same as ``trend.judge`` for many slots, a value each."""
    grid = rows.view("<i8").reshape(len(rows), _WIDTH)
    day, value = now.day.astype(np.int64), now.value.astype(np.int64)
    _remember(grid, day, value, now.steady)
    _bring_up(grid, day, value, now.steady)
    found = np.zeros(len(rows), np.int64)
    for place in range(TRENDS_MAX):
        rule = _rule(grid, place)
        kinds = rule[:, _KIND]
        if not np.count_nonzero(kinds):
            break
        for kind in np.unique(kinds).tolist():
            if kind:
                some = (kinds == kind).nonzero()[0]
                judged = _judge(kind, rule[some], rows, some, place, now)
                found[some] |= judged.astype(np.int64) << TREND_BIT + place
    return found


def _rule(grid: _Ints, place: int) -> _Ints:
    first = _KEPT + place * len(RULE)
    return grid[:, first : first + len(RULE)]


def _remember(grid: _Ints, day: _Ints, value: _Ints, steady: _Truths) -> None:
    """Add the steady values to their days."""
    flat, base = grid.ravel(), np.arange(0, grid.size, _WIDTH)
    if np.count_nonzero(steady) < len(steady):
        base, day, value = base[steady], day[steady], value[steady]
    at = base + day % DAYS_KEPT * DAY_WIDTH
    known = flat.take(at)
    if np.count_nonzero(fresh := known < day):
        new = at[fresh]
        flat[new], flat[new + _FIRST] = day[fresh], value[fresh]
        flat[new + _N] = flat[new + _SUM] = flat[new + _SQUARES] = 0
    if np.count_nonzero(past := known > day):
        at, value = at[~past], value[~past]
    flat[at + _N] += 1
    flat[at + _SUM] += value
    flat[at + _SQUARES] += value * value


def _bring_up(grid: _Ints, day: _Ints, value: _Ints, steady: _Truths) -> None:
    """Make the sums those of the values' days."""
    stale = grid[:, _AS_OF] != day
    again, anew = (~stale & steady).nonzero()[0], stale.nonzero()[0]
    kept = _back(grid, anew, day.take(anew))
    for place in range(TRENDS_MAX):
        rule = _rule(grid, place)
        kinds = rule[:, _KIND]
        if not np.count_nonzero(kinds):
            break
        if len(again):
            _add(rule, again, kinds.take(again), value)
        if len(anew):
            rule[anew, : len(SUMS)] = _summed(kept, rule[anew])
    # After a doubted value its day may still be without one that counts: the next sums anew.
    grid[:, _AS_OF] = np.where(steady, day, NO_DAY)


def _back(grid: _Ints, some: NDArray[np.intp], day: _Ints) -> _Ints:
    """Return the days of some rows, today's first and as far back as any window looks; a day
    without a value is all zeros."""
    reach = max(int(_rule(grid, place)[:, _DAYS].max(initial=0)) for place in range(TRENDS_MAX))
    back = day[:, None] - np.arange(min(reach + 1, DAYS_KEPT))
    at = some[:, None] * _WIDTH + back % DAYS_KEPT * DAY_WIDTH
    kept = grid.ravel().take(at[:, :, None] + np.arange(DAY_WIDTH))
    kept[kept[:, :, _DAY] != back] = 0
    return kept


def _add(rule: _Ints, again: NDArray[np.intp], kinds: _Ints, value: _Ints) -> None:
    """Add a value to the sums of its day; a baseline's window ends before it."""
    in_window = (kinds > 0) & (kinds != TrendKind.BASELINE)
    some, in_short = again[in_window], again[kinds == TrendKind.CROSSOVER]
    own = value.take(some)
    rule[some, :3] += np.stack((np.ones_like(own), own, own * own), axis=1)
    own = value.take(in_short)
    rule[in_short, _OWN : _OWN + 2] += np.stack((np.ones_like(own), own), axis=1)


def _summed(kept: _Ints, rule: _Ints) -> _Ints:
    """Return the sums over the days of one rule's windows; ``kept`` are the days from today on
    back."""
    ago = np.arange(kept.shape[1])
    first = (rule[:, _KIND] == TrendKind.BASELINE).astype(np.int64)[:, None]
    inside = (ago >= first) & (ago < rule[:, _DAYS, None] + first)
    n, total = kept[:, :, _N] * inside, kept[:, :, _SUM] * inside
    recent = ago < rule[:, _SHORT, None]
    days, own_n = np.count_nonzero(n, axis=1), np.einsum("ij,ij->i", n, recent)
    return np.stack(
        (
            n.sum(axis=1),
            total.sum(axis=1),
            np.einsum("ij,ij->i", kept[:, :, _SQUARES], inside),
            -(n @ ago),
            -(total @ ago),
            n @ ago**2,
            np.where(rule[:, _KIND] == TrendKind.SLOPE, days, own_n),
            np.einsum("ij,ij->i", total, recent),
        ),
        axis=1,
    )


def _judge(
    kind: int,
    rule: _Ints,
    rows: NDArray[np.void],
    some: NDArray[np.intp],
    place: int,
    now: Instants,
) -> _Truths:
    """Judge one kind of rule, on some of the rows."""
    w = _Window(*rule.T)
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
        rule = TrendRule._make(row["rules"][place, len(SUMS) :].tolist())
        one = Now(int(now.at[at]), int(now.value[at]), int(now.day[at]), False, True)
        found[index] = beyond(rule, sorted(load(row).values()), one)
    return found
