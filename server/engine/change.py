"""Change over n hours: a value minus the lowest (rise) or highest (fall) value of the hours before.

The window reaches exactly so many hours back, its far end included; the bound is absolute, or a
share of the base. A slot keeps its newest values only: where more fell into the window, ``covers``
says so, and the slot is judged from its history.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.domain.instants import HOUR
from server.domain.window_rules import CHANGES_MAX, HOURS_MAX
from server.engine.instant import Instants, Now
from server.engine.rules import CHANGE_BIT, COMPARATOR, ChangeRule, Compiled

KEPT: Final = 32
REACH_MAX: Final = HOURS_MAX * HOUR
_LONG_AGO: Final = -(2**61)
_PERCENT: Final = 100_000  # a bound in thousandths of a percent
# ``at`` and ``value`` are the newest values in a ring, ``count`` how many there ever were.
ROW: Final = np.dtype(
    [
        ("at", "<i8", KEPT),
        ("reach", "<i8", CHANGES_MAX),
        ("exceeds", "<i8", CHANGES_MAX),
        ("count", "<i8"),
        ("value", "<i4", KEPT),
        ("sign", "<i4", CHANGES_MAX),
        ("inclusive", "<i4", CHANGES_MAX),
        ("percent", "<i4", CHANGES_MAX),
    ]
)
Memory = list[tuple[int, int]]
"""(at, value) of the values within the longest window, oldest first."""


def wanted(rules: Compiled) -> bool:
    """Tell whether the rules have a change."""
    return bool(rules.changes)


def judge(rules: Compiled, memory: Memory, now: Now) -> list[int]:
    """Return the bits of the changes that a value is beyond, and remember it."""
    found = [
        CHANGE_BIT + place
        for place, rule in enumerate(rules.changes)
        if _beyond(rule, [value for at, value in memory if at >= now.at - rule.reach], now.value)
    ]
    while memory and memory[0][0] < now.at - REACH_MAX:
        del memory[0]
    memory.append((now.at, now.value))
    return found


def _beyond(rule: ChangeRule, before: list[int], value: int) -> bool:
    if not before:
        return False
    base = min(before) if rule.sign > 0 else max(before)
    change = rule.sign * (value - base)
    if rule.percent:
        return change * _PERCENT > rule.exceeds * base - rule.inclusive
    return change > rule.exceeds - rule.inclusive


def covers(
    rows: NDArray[np.void], first_at: NDArray[np.int64], values: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Tell for each row whether it has every value that the windows of its coming ``values``
    reach, the first of them at ``first_at``."""
    never_full = rows["count"] + values - 1 <= KEPT
    older = rows["at"].min(axis=1) < first_at - rows["reach"].max(axis=1)
    return np.asarray(never_full | (older & (values == 1)))


def covers_one(row: np.void, at: int) -> bool:
    """Tell the same of one row and one value to come."""
    oldest = row["at"][row["count"] % KEPT]
    return bool(row["count"] <= KEPT or oldest < at - row["reach"].max())


def judge_rows(rows: NDArray[np.void], now: Instants) -> NDArray[np.int64]:
    """Do the same for many slots, a value each."""
    found = np.zeros(len(rows), np.int64)
    for place in range(CHANGES_MAX):
        if np.count_nonzero(reach := rows["reach"][:, place]):
            inside = rows["at"] >= (now.at - reach)[:, None]
            sign = rows["sign"][:, place].astype(np.int64)
            # Signed, so that the base of a rise and of a fall is the lowest; none is hugely high.
            signed = np.where(inside, rows["value"] * sign[:, None], COMPARATOR).min(axis=1)
            change, exceeds = now.value * sign - signed, rows["exceeds"][:, place]
            percent = rows["percent"][:, place] != 0
            left = np.where(percent, change * _PERCENT, change)
            right = np.where(percent, exceeds * (signed * sign), exceeds)
            beyond = left > right - rows["inclusive"][:, place]
            beyond &= (signed != COMPARATOR) & (reach > 0)
            found |= beyond.astype(np.int64) << CHANGE_BIT + place
    row, place_of = np.arange(len(rows)), rows["count"] % KEPT
    rows["at"][row, place_of], rows["value"][row, place_of] = now.at, now.value
    rows["count"] += 1
    return found


def empty(count: int) -> NDArray[np.void]:
    """Make rows that remember nothing and judge nothing."""
    rows = np.zeros(count, ROW)
    rows["at"] = _LONG_AGO
    return rows


def write(row: np.void, rules: Compiled) -> None:
    """Write the rules in force into a row."""
    for name in ("reach", "exceeds", "sign", "inclusive", "percent"):
        row[name] = 0
        for place, rule in enumerate(rules.changes):
            row[name][place] = getattr(rule, name)


def load(row: np.void) -> Memory:
    """Read a row's memory."""
    pairs = sorted(zip(range(KEPT), row["at"].tolist(), row["value"].tolist(), strict=True),
                   key=lambda one: (one[0] - int(row["count"])) % KEPT)  # fmt: skip
    return [(at, value) for _, at, value in pairs if at != _LONG_AGO]


def store(row: np.void, memory: Memory) -> None:
    """Write a memory into a row, of which the newest values are kept."""
    row["at"], row["value"], row["count"] = _LONG_AGO, 0, len(memory)
    first = max(0, len(memory) - KEPT)
    for number, (at, value) in enumerate(memory[first:], first):
        row["at"][number % KEPT], row["value"][number % KEPT] = at, value
