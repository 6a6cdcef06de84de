"""Average by protocol: home blood pressure (Stergiou 2018, J Clin Hypertens 20:1116, table 3).

Of the last seven civil days the first one with a value is dropped; of each other day the first two
values of the morning and the first two of the afternoon and evening count; fewer than ``least``
(twelve) are insufficient, and no number. What a device flagged is kept out.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.instants import DAY
from server.domain.window_rules import AVERAGES_MAX
from server.engine.instant import NOON, Instants, Now
from server.engine.rules import AVERAGE_BIT, AverageRule, Compiled

DAYS: Final = 7
DAYS_KEPT: Final = 8
A_HALF: Final = 2  # values that count of each half of a day
NO_DAY: Final = -(2**30)
# ``n`` and ``sum`` of each day's two halves, at the day's number modulo ``DAYS_KEPT``.
ROW: Final = np.dtype(
    [
        ("exceeds", "<i8", AVERAGES_MAX),
        ("day", "<i4", DAYS_KEPT),
        ("n", "<i4", (DAYS_KEPT, 2)),
        ("sum", "<i4", (DAYS_KEPT, 2)),
        ("sign", "<i4", AVERAGES_MAX),
        ("inclusive", "<i4", AVERAGES_MAX),
        ("least", "<i4", AVERAGES_MAX),
    ]
)


class Day(NamedTuple):
    """One civil day's values that count: how many and their sum, before and after noon."""

    day: int
    n: tuple[int, int]
    sum: tuple[int, int]


_NO_DAY: Final = Day(NO_DAY, (0, 0), (0, 0))
Memory = dict[int, Day]
"""Days by their number modulo ``DAYS_KEPT``."""


def wanted(rules: Compiled) -> bool:
    """Tell whether the rules have an average."""
    return bool(rules.averages)


def judge(rules: Compiled, memory: Memory, now: Now) -> list[int]:
    """Remember a value, and return the bits of the averages that are beyond."""
    if now.steady:
        _remember(memory, now)
    n, total = counted(memory, now.day)
    return [
        AVERAGE_BIT + place
        for place, rule in enumerate(rules.averages)
        if n >= rule.least and rule.sign * total > rule.sign * rule.exceeds * n - rule.inclusive
    ]


def halves(values: Iterable[Now], today: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return how many of a series' values, in the order measured, count on ``today``, and their
    sum: before noon, and after it."""
    memory: Memory = {}
    for now in values:
        if now.steady:
            _remember(memory, now)
    window = _window(memory, today)
    before, after = (
        (sum(one.n[half] for one in window), sum(one.sum[half] for one in window))
        for half in (0, 1)
    )
    return before, after


def counted(memory: Memory, today: int) -> tuple[int, int]:
    """Return how many values count on ``today``, and their sum."""
    window = _window(memory, today)
    return sum(sum(one.n) for one in window), sum(sum(one.sum) for one in window)


def _window(memory: Memory, today: int) -> list[Day]:
    """Return the days that count: the last seven with a value, without the first."""
    return sorted(one for one in memory.values() if today - DAYS < one.day <= today)[1:]


def _remember(memory: Memory, now: Now) -> None:
    known = memory.get(now.day % DAYS_KEPT)
    if known is None or known.day < now.day:
        known = Day(now.day, (0, 0), (0, 0))
    n, total = list(known.n), list(known.sum)
    if known.day == now.day and n[now.afternoon] < A_HALF:
        n[now.afternoon] += 1
        total[now.afternoon] += now.value
    if known.day == now.day:
        memory[now.day % DAYS_KEPT] = Day(now.day, (n[0], n[1]), (total[0], total[1]))


def judge_rows(rows: NDArray[np.void], now: Instants) -> NDArray[np.int64]:
    """Do the same for many slots, a value each."""
    row = now.steady.nonzero()[0]
    day, half = now.day.take(row), (now.local.take(row) % DAY >= NOON).astype(np.intp)
    place = day % DAYS_KEPT
    fresh = (rows["day"][row, place] < day).nonzero()[0]
    at = row[fresh], place[fresh]
    rows["day"][at], rows["n"][at], rows["sum"][at] = day[fresh], 0, 0
    counts = (rows["day"][row, place] == day) & (rows["n"][row, place, half] < A_HALF)
    row, place, half = row[counts], place[counts], half[counts]
    rows["n"][row, place, half] += 1
    rows["sum"][row, place, half] += now.value.take(row)
    ago = now.day[:, None] - rows["day"]
    inside = (ago >= 0) & (ago < DAYS)
    inside &= ago < np.where(inside, ago, -1).max(axis=1)[:, None]  # without the first
    n = np.where(inside, rows["n"].sum(axis=2), 0).sum(axis=1)
    total = np.where(inside, rows["sum"].sum(axis=2), 0).sum(axis=1, dtype=np.int64)
    found = np.zeros(len(rows), np.int64)
    for rule in range(AVERAGES_MAX):
        sign, least = rows["sign"][:, rule].astype(np.int64), rows["least"][:, rule]
        limit = sign * rows["exceeds"][:, rule] * n - rows["inclusive"][:, rule]
        beyond = (sign != 0) & (n >= least) & (sign * total > limit)
        found |= beyond.astype(np.int64) << AVERAGE_BIT + rule
    return found


def empty(count: int) -> NDArray[np.void]:
    """Make rows that remember no day and judge nothing."""
    rows = np.zeros(count, ROW)
    rows["day"] = NO_DAY
    return rows


def write(row: np.void, rules: Compiled) -> None:
    """Write the rules in force into a row."""
    for name in AverageRule._fields:
        row[name] = 0
        for place, rule in enumerate(rules.averages):
            row[name][place] = getattr(rule, name)


def load(row: np.void) -> Memory:
    """Read a row's memory."""
    columns = (row["day"].tolist(), row["n"].tolist(), row["sum"].tolist())
    days = (Day(day, tuple(n), tuple(total)) for day, n, total in zip(*columns, strict=True))
    return {one.day % DAYS_KEPT: one for one in days if one.day != NO_DAY}


def store(row: np.void, memory: Memory) -> None:
    """Write a memory into a row."""
    days = [memory.get(place, _NO_DAY) for place in range(DAYS_KEPT)]
    row["day"], row["n"], row["sum"] = (list(column) for column in zip(*days, strict=True))
