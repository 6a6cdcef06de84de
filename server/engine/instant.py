"""One value at its instant, with its civil day: what the rules over windows are asked about."""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.domain.instants import DAY, HOUR, MINUTE, utc_offset

NOON: Final = 12 * HOUR
_QUARTER: Final = 15 * MINUTE


class Now(NamedTuple):
    """A number (no comparator) measured at ``at`` (ms UTC), on civil day ``day`` before or after
    noon. ``steady`` is False where the device flagged it: it is kept out of averages."""

    at: int
    value: int
    day: int
    afternoon: bool
    steady: bool


class Instants(NamedTuple):
    """Many of them, column by column; ``local`` is what the wall clock showed, in ms."""

    at: NDArray[np.int64]
    value: NDArray[np.int32]
    local: NDArray[np.int64]
    steady: NDArray[np.bool_]

    @property
    def day(self) -> NDArray[np.int32]:
        """The civil days, reckoned each time they are asked for."""
        return (self.local // DAY).astype(np.int32)


def now(at: int, value: int, zone_name: str, steady: bool) -> Now:
    """Return a value at its instant in a zone."""
    day, within = divmod(at + offset(at // _QUARTER, zone_name), DAY)
    return Now(at, value, day, within >= NOON, steady)


def offsets(
    at: NDArray[np.int64], zone: NDArray[np.int32], zones: list[str]
) -> NDArray[np.int64] | int:
    """Return by how many ms the wall clock is ahead at instants, each in its own zone (a place in
    ``zones``)."""
    # Every zone changes its offset on a full quarter of an hour of UTC, so one look is exact; and
    # never twice within a day, so two looks suffice for a short batch of one zone.
    if not len(at):
        return 0
    first, last = int(at.min()), int(at.max())
    one_zone = len(zones) == 1 or np.count_nonzero(zone == zone[0]) == len(zone)
    if one_zone and last - first < DAY:
        name = zones[int(zone[0])]
        if (ahead := offset(first // _QUARTER, name)) == offset(last // _QUARTER, name):
            return ahead
    looks, where = np.unique((at // _QUARTER) << 12 | zone, return_inverse=True)
    ahead_of = [offset(int(look) >> 12, zones[int(look) & 4095]) for look in looks]
    return np.array(ahead_of, np.int64)[where]


def offset(quarter: int, zone_name: str) -> int:
    """Return by how many ms a zone's wall clock is ahead in a quarter of an hour of UTC."""
    ahead = _offset_of_day(quarter * _QUARTER // DAY, zone_name)
    return _offset_of_quarter(quarter, zone_name) if ahead is None else ahead


@lru_cache(maxsize=4096)
def _offset_of_day(day: int, zone_name: str) -> int | None:
    """Return the offset of a whole day of UTC, or None where the zone changes it in that day."""
    first, last = utc_offset(day * DAY, zone_name), utc_offset(day * DAY + DAY - 1, zone_name)
    return first if first == last else None


@lru_cache(maxsize=4096)
def _offset_of_quarter(quarter: int, zone_name: str) -> int:
    return utc_offset(quarter * _QUARTER, zone_name)
