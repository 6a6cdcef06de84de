"""The rules as array operations, on rows of slots that each judge one observation.

What a rule means is said in ``series``, one observation after the other; this is the same for
thousands at once, and the property tests hold the two equal.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.domain.instants import DAY, MINUTE, utc_offset
from server.engine.rules import COMPARATOR, GAINS, SIGNS, THRESHOLDS
from server.engine.series import DAYS_KEPT
from server.engine.state import ACTIVE_SHIFT, take

_QUARTER: Final = 15 * MINUTE
_SIGNS: Final = np.array(SIGNS, np.int32)
_ONES: Final = np.array([bits.bit_count() for bits in range(256)], np.int64)
# Of the four limits, a bit each: the outer ones; the inner ones; the inner ones' bits, each moved
# to the lowest bit of its shift register.
_OUTER: Final = 0b1001
_INNER: Final = 0b0110
_ENTERING: Final = np.array([bits >> 1 & 1 | bits << 6 & 256 for bits in range(16)], np.int64)
_REGISTERS: Final = 0xFEFE  # both registers moved on by one place, and room for the newest


def judge(
    rows: NDArray[np.void],
    gains: NDArray[np.void],
    gaining: NDArray[np.intp],
    at: NDArray[np.int64],
    key: NDArray[np.int64],
    value: NDArray[np.int32],
    zones: list[str],
    found: NDArray[np.int64],
) -> None:
    """Judge one observation a row, moving ``rows`` and ``gains`` on in place.

    ``gains`` belong to the rows ``gaining``. ``found`` comes as zeros and gets a bit for each rule
    that the observation is beyond. Nearly every value is calm, and nothing held before it: those
    cost three comparisons.
    """
    stirred = rows["bits"] != 0
    stirred |= value < rows["calm"][:, 0]
    stirred |= value > rows["calm"][:, 1]
    if len(gaining):
        zone = rows["zone"][gaining]
        gained = _gain(gains, zone, at.take(gaining), value.take(gaining), zones)
        found[gaining] = gained
        stirred[gaining] |= gained != 0
    some = stirred.nonzero()[0]
    if len(some):
        beyond, bits = _thresholds(take(rows, some), value.take(some))
        rows["bits"][some] = bits | found[some] << ACTIVE_SHIFT
        found[some] |= beyond
    rows["last"][:, 0], rows["last"][:, 1] = at, key


def _thresholds(
    rows: NDArray[np.void], value: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rules found of each row, and its bits with the value judged.

    A row's four truths are packed into one number: whole columns are moved by few operations.
    """
    signed, bound, bits = value[:, None] * _SIGNS, rows["bound"], rows["bits"]
    beyond = _packed(signed > bound)
    near = _packed(signed > bound - rows["hysteresis"][:, None])
    need, window = rows["need"].astype(np.int64), rows["window"] * np.int64(0x0101)
    shift = (bits << 1 & _REGISTERS | _ENTERING.take(beyond)) & window
    holds = bits >> ACTIVE_SHIFT & near | beyond & _OUTER
    holds |= (_ONES.take(shift & 255) >= need).astype(np.int64) << 1
    holds |= (_ONES.take(shift >> 8) >= need).astype(np.int64) << 2
    holds |= np.where(np.abs(value) == COMPARATOR, beyond & _INNER, 0)
    return holds & beyond, shift | holds << ACTIVE_SHIFT


def _packed(truths: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pack rows of four truths into one number each, the first in bit 0."""
    return np.packbits(truths, axis=1, bitorder="little")[:, 0].astype(np.int64)


def _gain(
    gains: NDArray[np.void],
    zone: NDArray[np.uint16],
    at: NDArray[np.int64],
    value: NDArray[np.int32],
    zones: list[str],
) -> NDArray[np.int64]:
    """Judge the gains of weighings; a comparator has none, and is no base of one."""
    today = _civil_days(at, zone, zones)
    number = np.abs(value) != COMPARATOR
    every = np.count_nonzero(number) == len(number)
    result = np.zeros(len(value), np.int64)
    past = today[:, None] - gains["day"]
    for rule in range(GAINS):
        if np.count_nonzero(days := gains["days"][:, rule]):
            inside = (past >= 1) & (past <= days[:, None])
            # With no base the gain is hugely negative.
            base = np.where(inside, gains["first"], COMPARATOR).min(axis=1)
            beyond = value - base > gains["exceeds"][:, rule]
            result |= (beyond if every else beyond & number).astype(np.int64) << THRESHOLDS + rule
    # Only the first weighing of a civil day is remembered.
    row, kept = np.arange(len(gains)), today % DAYS_KEPT
    newer = gains["day"][row, kept] < today
    fresh = (newer if every else newer & number).nonzero()[0]
    row, kept = row.take(fresh), kept.take(fresh)
    gains["day"][row, kept], gains["first"][row, kept] = today.take(fresh), value.take(fresh)
    return result


def _civil_days(
    at: NDArray[np.int64], zone: NDArray[np.uint16], zones: list[str]
) -> NDArray[np.int32]:
    """Return the civil day of each instant in its own zone."""
    # Every zone changes its offset on a full quarter of an hour of UTC, so one look is exact; and
    # never twice within a day, so two looks suffice for a short batch of one zone.
    first, last = (int(at.min()), int(at.max())) if len(at) else (0, 0)
    if last - first < DAY and (zone == zone[:1]).all() and len(zone):
        name = zones[int(zone[0])]
        if (offset := _offset(first // _QUARTER, name)) == _offset(last // _QUARTER, name):
            return ((at + offset) // DAY).astype(np.int32)
    looks, where = np.unique((at // _QUARTER) << 12 | zone, return_inverse=True)
    offsets = [_offset(int(look) >> 12, zones[int(look) & 4095]) for look in looks]
    return ((at + np.array(offsets, np.int64)[where]) // DAY).astype(np.int32)


@lru_cache(maxsize=4096)
def _offset(quarter: int, zone_name: str) -> int:
    return utc_offset(quarter * _QUARTER, zone_name)
