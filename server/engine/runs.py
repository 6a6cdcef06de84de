"""Slots that came more than once in a batch, by compiled code: one value after the other."""

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from server.engine import families
from server.engine.instant import Instants
from server.engine.kernel import Touched, Values
from server.engine.packed import put, take
from server.engine.rules import COMPARATOR
from server.engine.state import State, no_limits

_log = logging.getLogger(__name__)


def _checked() -> Callable[..., NDArray[np.int64]] | None:
    """Return the limits' compiled code where it runs: see ``fast.check``."""
    none, nothing = np.zeros(0, np.int64), np.zeros(0, np.int32)
    try:
        if families.limits_loop is not None:
            families.limits_loop(none, no_limits(0), none, nothing, none)
    except Exception:  # noqa: BLE001 - whatever is wrong with kept code, arrays judge
        _log.exception("limits are judged in arrays: their compiled code does not run")
        return None
    return families.limits_loop


limits_loop = _checked()


def judge_runs(
    state: State,
    slots: NDArray[np.intp],
    rows: NDArray[np.void],
    windows: dict[str, Touched],
    given: Values,
    own: NDArray[np.intp],
) -> NDArray[np.int64] | None:
    """Judge values, ``own`` naming each one's row: ascending, and in order of time for a row.

    Moves ``rows`` and those of the families on in place, and returns the bits that each value is
    beyond. Returns None, and changes nothing, where compiled code is not installed or does not
    decide.
    """
    if limits_loop is None or (moved := _windows(windows, given, own)) is None:
        return None
    beside = np.zeros(len(own), np.int64)
    for touched, at, moved_rows, some, found in moved:
        put(touched.rows, at, moved_rows)
        beside[some] |= found
    first = np.concatenate(([0], (own[1:] != own[:-1]).nonzero()[0] + 1))
    mine = own.take(first)
    bits, limits = rows["bits"][mine], take(state.limits, slots.take(mine))
    index = np.repeat(np.arange(len(mine)), np.diff(np.append(first, len(own))))
    found = limits_loop(bits, limits, index, given.value, beside)
    last = np.append(first[1:], len(own)) - 1
    rows["bits"][mine] = bits
    rows["last"][mine, 0], rows["last"][mine, 1] = given.at.take(last), given.key.take(last)
    return np.asarray(found)


_Moved = tuple[Touched, NDArray[np.intp], NDArray[np.void], NDArray[np.intp], NDArray[np.int64]]


def _windows(
    windows: dict[str, Touched], given: Values, own: NDArray[np.intp]
) -> list[_Moved] | None:
    """Judge the rules over windows on copies: of each family its rows, where they stand, the rows
    moved on, and which values are beyond which of its rules."""
    number, moved = np.abs(given.value) != COMPARATOR, []
    for family in families.FAMILIES:
        if (touched := windows.get(family.name)) is None:
            continue
        place = touched.owner.searchsorted(own)
        some = ((touched.owner.take(place, mode="clip") == own) & number).nonzero()[0]
        if not len(some):
            continue
        at, index = np.unique(place.take(some), return_inverse=True)
        rows, columns = take(touched.rows, at), (given.at, given.value, given.local, given.steady)
        if family.judge_run is None:
            return None
        found = family.judge_run(rows, index, Instants(*(one.take(some) for one in columns)))
        if found is None:
            return None
        moved.append((touched, at, rows, some, found))
    return moved
