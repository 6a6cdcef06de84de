"""The rules over windows as compiled loops, for who has numba (extra ``compiled``).

Each moves a row on by one value and returns which of the family's rules it is beyond, the first in
bit 0, as its ``judge`` says. Bits from ``UNSURE`` on are trends where floating point cannot tell
the sides apart: the definition decides those. Numba keeps compiled code until this file is another,
or the layout of a row: what is taken from other modules is such layout, or never changes.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from server.domain.instants import DAY
from server.domain.window_rules import AVERAGES_MAX, CHANGES_MAX, TRENDS_MAX
from server.engine import average, change, gain
from server.engine.instant import NOON
from server.engine.rules import (
    ACTIVE_SHIFT,
    COMPARATOR,
    GAINS,
    INNER,
    LIMITS,
    OUTER,
    REGISTERS,
    THRESHOLDS,
    TrendKind,
)

UNSURE: Final = 32  # the bits above this: not decided
_NEAR: Final = 1e-9
_MANY: Final = 4000  # more values in a window, and products of sums might leave 63 bits
_PERCENT: Final = 100_000
_THOUSAND: Final = 1000
_CROSSOVER, _BASELINE, _SPREAD, _SLOPE = (int(kind) for kind in TrendKind)
_Call = TypeVar("_Call", bound=Callable[..., Any])
Ints = NDArray[np.int64]
Rows = Any  # a family's rows; numba knows their fields as attributes


def _compiled(function: _Call) -> _Call:
    try:
        return cast(_Call, njit(cache=True)(function))
    except RuntimeError:  # no folder that it may keep its code in
        return cast(_Call, njit(function))


@_compiled
def gained(
    rows: Rows, index: int, at: int, value: int, day: int, afternoon: bool, steady: bool
) -> int:
    """See ``gain.judge``."""
    row, found = rows[index], 0
    if value - row.low > row.least:
        for rule in range(GAINS):
            base = COMPARATOR
            for place in range(gain.DAYS_KEPT):
                if 1 <= day - row.day[place] <= row.days[rule]:
                    base = min(base, row.first[place])
            if base < COMPARATOR and value - base > row.exceeds[rule]:
                found |= 1 << rule
    place = day % gain.DAYS_KEPT
    if row.day[place] < day:
        row.day[place], row.first[place] = day, value
        lowest = COMPARATOR
        for other in range(gain.DAYS_KEPT):
            if day - row.day[other] < gain.DAYS_KEPT:
                lowest = min(lowest, row.first[other])
        row.low = lowest
    return found


@_compiled
def changed(
    rows: Rows, index: int, at: int, value: int, day: int, afternoon: bool, steady: bool
) -> int:
    """See ``change.judge``."""
    row, found = rows[index], 0
    for rule in range(CHANGES_MAX):
        if row.reach[rule] > 0:
            since, sign, base = at - row.reach[rule], row.sign[rule], COMPARATOR
            for place in range(change.KEPT):
                if row.at[place] >= since:
                    base = min(base, sign * row.value[place])
            left, right = sign * value - base, row.exceeds[rule]
            if row.percent[rule]:
                left, right = left * _PERCENT, right * (base * sign)
            if base != COMPARATOR and left > right - row.inclusive[rule]:
                found |= 1 << rule
    place = row.count % change.KEPT
    row.at[place], row.value[place] = at, value
    row.count += 1
    return found


@_compiled
def averaged(
    rows: Rows, index: int, at: int, value: int, day: int, afternoon: bool, steady: bool
) -> int:
    """See ``average.judge``."""
    row, place, half = rows[index], day % average.DAYS_KEPT, int(afternoon)
    if steady:
        if row.day[place] < day:
            row.day[place] = day
            row.n[place, 0] = row.n[place, 1] = row.sum[place, 0] = row.sum[place, 1] = 0
        if row.day[place] == day and row.n[place, half] < average.A_HALF:
            row.n[place, half] += 1
            row.sum[place, half] += value
    oldest, n, total = day, 0, 0
    for one in range(average.DAYS_KEPT):
        if day - average.DAYS < row.day[one] < oldest:
            oldest = row.day[one]
    for one in range(average.DAYS_KEPT):
        if oldest < row.day[one] <= day:
            n += row.n[one, 0] + row.n[one, 1]
            total += row.sum[one, 0] + row.sum[one, 1]
    found = 0
    for rule in range(AVERAGES_MAX):
        sign = row.sign[rule]
        limit = sign * row.exceeds[rule] * n - row.inclusive[rule]
        if sign and n >= row.least[rule] and sign * total > limit:
            found |= 1 << rule
    return found


@_compiled
def trended(
    rows: Rows, index: int, at: int, value: int, day: int, afternoon: bool, steady: bool
) -> int:
    """See ``trend.judge``."""
    row, found = rows[index], 0
    kept = row.kept
    if steady:
        today = kept[day % len(kept)]
        if today.day < day:
            today.day, today.first = day, value
            today.n, today.sum, today.squares = 0, 0, 0
        if today.day == day:
            today.n += 1
            today.sum += value
            today.squares += value * value
    for place in range(TRENDS_MAX):
        rule = row.rules[place]
        if rule[0]:
            found |= _beyond(kept, rule, value, day) << place
    return found


@_compiled
def _beyond(kept: Rows, rule: Ints, value: int, day: int) -> int:
    """Return 1, 0, or the bit of what is not decided."""
    kind, days, short, sign, exceeds, inclusive, least = rule
    newest = day - 1 if kind == _BASELINE else day
    n = total = squares = times = crossed = spread = own_n = own = filled = 0
    for ago in range(day - newest, day - newest + days):
        one = kept[(day - ago) % len(kept)]
        if one.day == day - ago:
            filled += 1
            n += one.n
            total += one.sum
            squares += one.squares
            times -= ago * one.n
            crossed -= ago * one.sum
            spread += ago * ago * one.n
            if ago < short:
                own_n += one.n
                own += one.sum
    if (filled if kind == _SLOPE else n) < least:
        return 0
    if n > _MANY:
        return 1 << UNSURE
    if kind == _CROSSOVER:
        gap = sign * (own * n - total * own_n)
        return int(own_n > 0 and gap > exceeds * n * own_n - inclusive)
    varied = float(n * squares - total * total)
    across, along = float(n * spread - times * times), float(n * crossed - times * total)
    if kind == _SLOPE:
        steep, wide = sign * along * 2 * _THOUSAND, exceeds * across
        if steep <= wide * (1 - _NEAR):
            return 0
        return 1 if steep > 3 * wide * (1 + _NEAR) else 1 << UNSURE
    if kind == _BASELINE:
        off = float(sign * (n * value - total))
        if off <= 0:
            return 0
        left, right = off**2 * (n - 1.0) * _THOUSAND**2, float(exceeds) ** 2 * varied * n
        scale = left + right
    else:
        right, scale = float(exceeds) ** 2 * n * (n - 2.0) * max(across, 1.0), varied
        left = varied
        if across > 0:
            left, scale = varied * across - along**2, varied * across + along**2
        scale += right
    if abs(left - right) <= scale * _NEAR + 2:
        return 1 << UNSURE
    return int(left > right)


# Four times the same loop: given the function as an argument, numba would keep no compiled code.
@_compiled
def gain_loop(rows: Rows, own: Ints, at: Ints, value: Ints, local: Ints, steady: Ints) -> Ints:
    """Judge values one after the other, each on its own row."""
    found = np.zeros(len(own), np.int64)
    for one in range(len(own)):
        day, afternoon = local[one] // DAY, local[one] % DAY >= NOON
        found[one] = gained(rows, own[one], at[one], value[one], day, afternoon, steady[one])
    return found


@_compiled
def change_loop(rows: Rows, own: Ints, at: Ints, value: Ints, local: Ints, steady: Ints) -> Ints:
    """Judge values one after the other, each on its own row."""
    found = np.zeros(len(own), np.int64)
    for one in range(len(own)):
        day, afternoon = local[one] // DAY, local[one] % DAY >= NOON
        found[one] = changed(rows, own[one], at[one], value[one], day, afternoon, steady[one])
    return found


@_compiled
def average_loop(rows: Rows, own: Ints, at: Ints, value: Ints, local: Ints, steady: Ints) -> Ints:
    """Judge values one after the other, each on its own row."""
    found = np.zeros(len(own), np.int64)
    for one in range(len(own)):
        day, afternoon = local[one] // DAY, local[one] % DAY >= NOON
        found[one] = averaged(rows, own[one], at[one], value[one], day, afternoon, steady[one])
    return found


@_compiled
def trend_loop(rows: Rows, own: Ints, at: Ints, value: Ints, local: Ints, steady: Ints) -> Ints:
    """Judge values one after the other, each on its own row."""
    found = np.zeros(len(own), np.int64)
    for one in range(len(own)):
        day, afternoon = local[one] // DAY, local[one] % DAY >= NOON
        found[one] = trended(rows, own[one], at[one], value[one], day, afternoon, steady[one])
    return found


@_compiled
def limits_loop(bits: Ints, limits: Rows, own: Ints, value: NDArray[Any], beside: Ints) -> Ints:
    """Judge values by their limits one after the other, see ``kernel``; ``beside`` is what each is
    beyond over windows. ``bits`` are those of the slots' rows, moved on in place."""
    found = np.zeros(len(own), np.int64)
    for one in range(len(own)):
        limit, before, given, passed = limits[own[one]], bits[own[one]], value[one], 0
        for place in range(2 * THRESHOLDS):
            signed = -given if place % THRESHOLDS < THRESHOLDS // 2 else given
            if signed > limit.bound[place]:
                passed |= 1 << place
        beyond = passed & LIMITS
        shift = (before << 1) & REGISTERS | (beyond >> 1) & 1 | (beyond << 6) & 256
        holds = (before >> ACTIVE_SHIFT) & (passed >> THRESHOLDS) | beyond & OUTER
        for inner in range(2):
            beyond_of = 0
            for bit in range(8):
                beyond_of += (shift >> 8 * inner + bit) & (limit.window >> bit) & 1
            if beyond_of >= limit.need:
                holds |= 2 << inner
        if abs(given) == COMPARATOR:
            holds |= beyond & INNER
        bits[own[one]] = shift | (holds | beside[one]) << ACTIVE_SHIFT
        found[one] = holds & beyond | beside[one]
    return found
