"""Gain over n civil days: a value minus the lowest of the *first* values of the days before.

The days are the 1 to n before the value's own (patient's zone); a base is the lowest of their
first values (hazard H13). More than 2 kg in 3 days: ESC, Heart Failure Matters; at least 1.36 kg
(3 lb) in 1 day, 2.27 kg (5 lb) in a week: Zhang 2009 (Eur J Heart Fail 11:420).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.engine.instant import Instants, Now
from server.engine.packed import take
from server.engine.rules import COMPARATOR, GAINS, THRESHOLDS, UNLIMITED, Compiled

BIT: Final = THRESHOLDS
DAYS_KEPT: Final = 8  # a gain looks back seven days
NO_DAY: Final = -(2**30)  # long ago, and no overflow when it is subtracted
# ``first`` is the first value of the civil day in ``day``, kept at the day's number modulo
# ``DAYS_KEPT``: a newer day overwrites only one that no window reaches any more. ``low`` is at most
# the lowest of them and ``least`` the lowest bound: nearly no value is so high above ``low``.
ROW: Final = np.dtype(
    [
        ("day", "<i4", DAYS_KEPT),
        ("first", "<i4", DAYS_KEPT),
        ("exceeds", "<i4", GAINS),
        ("days", "<i4", GAINS),
        ("low", "<i4"),
        ("least", "<i4"),
    ]
)
_WIDTH: Final = ROW.itemsize // 4
_LOW, _LEAST = _WIDTH - 2, _WIDTH - 1  # the last two fields, as numbers of a row
Memory = dict[int, tuple[int, int]]
"""Day and first value, by the day modulo ``DAYS_KEPT``."""


def wanted(rules: Compiled) -> bool:
    """Tell whether the rules have a gain."""
    return any(rules.gain_days)


def judge(rules: Compiled, memory: Memory, now: Now) -> list[int]:
    """Return the bits of the gains that a value is beyond, and remember it."""
    found = []
    for place, reach in enumerate(rules.gain_days):
        if not reach:
            continue
        bases = [first for day, first in memory.values() if now.day - reach <= day < now.day]
        if bases and now.value - min(bases) > rules.exceeds[place]:
            found.append(BIT + place)
    if (known := memory.get(now.day % DAYS_KEPT)) is None or known[0] < now.day:
        memory[now.day % DAYS_KEPT] = now.day, now.value
    return found


def judge_rows(rows: NDArray[np.void], now: Instants) -> NDArray[np.int64]:
    """Do the same for many slots, a value each."""
    found = np.zeros(len(rows), np.int64)
    some = (now.value - rows["low"] > rows["least"]).nonzero()[0]
    if len(some):
        found[some] = _gained(rows, some, now)
    _remember(rows, now)
    return found


def _gained(rows: NDArray[np.void], some: NDArray[np.intp], now: Instants) -> NDArray[np.int64]:
    """Judge some rows exactly, and make their ``low`` the lowest that a window still reaches."""
    found, value, kept = np.zeros(len(some), np.int64), now.value.take(some), take(rows, some)
    past, first = now.day.take(some)[:, None] - kept["day"], kept["first"]
    for rule in range(GAINS):
        if np.count_nonzero(days := kept["days"][:, rule]):
            inside = (past >= 1) & (past <= days[:, None])
            base = np.where(inside, first, COMPARATOR).min(axis=1)
            found |= (value - base > kept["exceeds"][:, rule]).astype(np.int64) << BIT + rule
    rows["low"][some] = np.where(past < DAYS_KEPT, first, COMPARATOR).min(axis=1)
    return found


def _remember(rows: NDArray[np.void], now: Instants) -> None:
    """Keep the first value of each slot's day."""
    flat = rows.view("<i4")  # measured: three times as fast as two indices into a field
    place = np.arange(0, len(flat), _WIDTH) + now.day % DAYS_KEPT
    fresh = (flat.take(place) < now.day).nonzero()[0]
    place, value = place.take(fresh), now.value.take(fresh)
    flat[place], flat[place + DAYS_KEPT] = now.day.take(fresh), value
    rows["low"][fresh] = np.minimum(rows["low"][fresh], value)


def judge_one(rows: NDArray[np.void], now: Now) -> int:
    """Judge one value of one row; only where it is surely no gain is it remembered."""
    flat = rows.view("<i4")
    if now.value - flat.item(_LOW) > flat.item(_LEAST):
        return 1
    place = now.day % DAYS_KEPT
    if flat.item(place) < now.day:
        flat[place], flat[place + DAYS_KEPT] = now.day, now.value
        flat[_LOW] = min(flat.item(_LOW), now.value)
    return 0


def empty(count: int) -> NDArray[np.void]:
    """Make rows that remember no day and judge nothing."""
    rows = np.zeros(count, ROW)
    rows["exceeds"] = rows["least"] = UNLIMITED
    rows["day"], rows["low"] = NO_DAY, COMPARATOR
    return rows


def write(row: np.void, rules: Compiled) -> None:
    """Write the rules in force into a row."""
    row["days"], row["exceeds"] = rules.gain_days, rules.exceeds
    row["least"] = min(rules.exceeds)


def load(row: np.void) -> Memory:
    """Read a row's memory."""
    pairs = zip(row["day"].tolist(), row["first"].tolist(), strict=True)
    return {day % DAYS_KEPT: (day, first) for day, first in pairs if day != NO_DAY}


def store(row: np.void, memory: Memory) -> None:
    """Write a memory into a row."""
    row["day"], row["first"], row["low"] = NO_DAY, 0, COMPARATOR
    for place, (day, first) in memory.items():
        row["day"][place], row["first"][place] = day, first
        row["low"] = min(first, row["low"])
