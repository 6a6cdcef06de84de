"""The rules as array operations, on rows of slots that each judge one observation.

What a rule means is said in ``series``, one observation after the other; this is the same for
thousands at once, and the property tests hold the two equal.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.engine.families import FAMILIES
from server.engine.instant import Instants
from server.engine.packed import take
from server.engine.rules import (
    ACTIVE_SHIFT,
    COMPARATOR,
    INNER,
    LIMITS,
    OUTER,
    REGISTERS,
    SIGNS,
    THRESHOLDS,
)
from server.engine.state import State

_SIGNS: Final = np.array(SIGNS * 2, np.int32)
_ONES: Final = np.array([bits.bit_count() for bits in range(256)], np.uint8)
# The inner limits' bits, each moved to the lowest bit of its shift register.
_ENTERING: Final = np.array([bits >> 1 & 1 | bits << 6 & 256 for bits in range(16)], np.int64)


class Touched(NamedTuple):
    """The touched rows of one family: whose each is (a place among the slots' rows, ascending),
    its place in the state's table, and the row by value."""

    owner: NDArray[np.intp]
    at: NDArray[Any]
    rows: NDArray[np.void]

    def of(self, owners: NDArray[np.intp]) -> "Touched":
        """Return copies for some slots' rows: ``owner`` counts among them, ``at`` is the place
        in this."""
        place = self.owner.searchsorted(owners)
        has = self.owner.take(place, mode="clip") == owners
        return Touched(has.nonzero()[0], place[has], take(self.rows, place[has]))

    def place_of(self, owner: int) -> int | None:
        """Return where a slot's row stands in this, or None."""
        place = int(self.owner.searchsorted(owner))
        return place if place < len(self.owner) and self.owner[place] == owner else None


class Values(NamedTuple):
    """Observations, column by column; see ``series.Observation``. ``local`` is what the wall clock
    showed, in ms; where no slot has rules over windows it may be anything."""

    at: NDArray[np.int64]
    key: NDArray[np.int64]
    value: NDArray[np.int32]
    steady: NDArray[np.bool_]
    local: NDArray[np.int64]

    def of(self, where: NDArray[np.intp]) -> "Values":
        """Return those at some places."""
        return Values(
            self.at.take(where),
            self.key.take(where),
            self.value.take(where),
            self.steady.take(where),
            self.local.take(where),
        )


def judge(
    state: State,
    slots: NDArray[Any],
    rows: NDArray[np.void],
    windows: dict[str, Touched],
    given: Values,
    found: NDArray[np.int64],
) -> None:
    """Judge one observation a slot, moving its ``rows`` and those of the families on in place.

    ``found`` comes as zeros and gets a bit for each rule that the observation is beyond. Nearly
    every value is calm, and nothing held before it: those cost three comparisons.
    """
    value = given.value
    stirred = rows["bits"] != 0
    stirred |= value < rows["calm"][:, 0]
    stirred |= value > rows["calm"][:, 1]
    if windows:
        _judge_windows(windows, given, found)
        stirred |= found != 0
    some = stirred.nonzero()[0]
    if len(some):
        limits, bits, bit = take(state.limits, slots.take(some)), rows["bits"], found.take(some)
        beyond, moved = _thresholds(bits.take(some), limits, value.take(some))
        bits[some] = moved | bit << ACTIVE_SHIFT
        found[some] = bit | beyond
    rows["last"][:, 0], rows["last"][:, 1] = given.at, given.key


def _judge_windows(windows: dict[str, Touched], given: Values, found: NDArray[np.int64]) -> None:
    """Ask each family about its rows; a comparator is no number, and has no part in any."""
    for family in FAMILIES:
        if (touched := windows.get(family.name)) is None:
            continue
        owner = touched.owner
        value = given.value.take(owner)
        number = np.abs(value) != COMPARATOR
        every = np.count_nonzero(number) == len(number)
        kept = slice(None) if every else number.nonzero()[0]
        owner = owner[kept]
        at, local, steady = given.at.take(owner), given.local.take(owner), given.steady.take(owner)
        now = Instants(at, value[kept], local, steady)
        moved = touched.rows[kept]
        found[owner] |= family.judge_rows(moved, now)
        if not every:
            touched.rows[kept] = moved


def _thresholds(
    bits: NDArray[np.int64], limits: NDArray[np.void], value: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rules found of each row, and its bits with the value judged.

    A row's truths are packed into one number: whole columns are moved by few operations.
    """
    passed = _packed(value[:, None] * _SIGNS > limits["bound"])  # the limits, and where they let go
    beyond = passed & LIMITS
    shift = bits << 1 & REGISTERS | _ENTERING.take(beyond)
    registers = shift.view(np.uint8).reshape(-1, 8)[:, :2]
    enough = _ONES.take(registers & limits["window"][:, None]) >= limits["need"][:, None]
    holds = bits >> ACTIVE_SHIFT & passed >> THRESHOLDS | beyond & OUTER | _packed(enough) << 1
    extreme = np.abs(value) == COMPARATOR
    if np.count_nonzero(extreme):
        holds |= np.where(extreme, beyond & INNER, 0)
    return holds & beyond, shift | holds << ACTIVE_SHIFT


def _packed(truths: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pack rows of up to eight truths into one number each, the first in bit 0."""
    return np.packbits(truths, axis=1, bitorder="little").ravel().astype(np.int64)
