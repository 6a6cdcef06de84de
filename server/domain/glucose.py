"""How much of the glucose lay in range: 70 to 180 mg/dL.

Time in range is defined for continuous measurement, with at least 70 % of the data (Battelino 2019,
Diabetes Care 42:1593). Of single readings only their share can be said, and is named so.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from server.domain.instants import DAY, MINUTE

LOW: Final = 700  # tenths of mg/dL
HIGH: Final = 1800
# The slowest continuous monitors give a value every fifteen minutes.
_CONTINUOUS_EVERY: Final = 15 * MINUTE
_DATA_NEEDED_PCT: Final = 70


class InRange(NamedTuple):
    """Counts of values below, in and above the range; ``continuous``: they say time."""

    below: int
    inside: int
    above: int
    continuous: bool

    @property
    def total(self) -> int:
        """How many values there are."""
        return self.below + self.inside + self.above


def in_range(values: Sequence[tuple[int, int]]) -> InRange:
    """Count (measured at, scaled value); a LO is below the range, a HI above it."""
    below = sum(value < LOW for _, value in values)
    above = sum(value > HIGH for _, value in values)
    return InRange(below, len(values) - below - above, above, _continuous(values))


def _continuous(values: Sequence[tuple[int, int]]) -> bool:
    if len(values) < 2:
        return False
    span = values[-1][0] - values[0][0]
    return span >= DAY and len(values) * _CONTINUOUS_EVERY * 100 >= span * _DATA_NEEDED_PCT
