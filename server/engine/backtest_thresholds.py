"""Thresholds along time: a series has few values near a limit, and only those are looked at.

A condition holds at a value where it begins (n of the last m beyond, or a comparator beyond), or
where it held at the value before and this one is beyond the limit less the hysteresis (*near*).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.engine.backtest_series import Places, Stretch
from server.engine.rules import COMPARATOR, SIGNS, THRESHOLDS, UNLIMITED

_INNER: Final = (1, 2)


def judge(stretches: list[Stretch], value: NDArray[np.int32]) -> dict[int, Places]:
    """Return what is beyond the four limits, by bit."""
    found: dict[int, Places] = {}
    if not len(value):
        return found
    lowest, highest = int(value.min()), int(value.max())
    for bit in range(THRESHOLDS):
        # Nearly every limit is beyond all of the values.
        extreme = highest if SIGNS[bit] > 0 else -lowest
        if all(extreme <= one.rules.bounds[bit] for one in stretches):
            continue
        near, beyond = _near(stretches, value, bit)
        if np.count_nonzero(beyond):
            found[bit] = _held(stretches, value, bit, near, beyond)
    return found


def _near(
    stretches: list[Stretch], value: NDArray[np.int32], bit: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the places of the values near the limit, and whether each is beyond it."""
    nears: list[NDArray[np.intp]] = []
    beyonds: list[NDArray[np.bool_]] = []
    for first, end, rules in stretches:
        bound, sign = rules.bounds[bit], SIGNS[bit]
        if bound == UNLIMITED:
            continue
        part = value[first:end]
        slack = sign * (bound - rules.hysteresis)
        near = (part > slack if sign > 0 else part < slack).nonzero()[0]
        nears.append(near + first if first else near)
        beyonds.append(part.take(near) * sign > bound)
    if len(nears) == 1:
        return nears[0], beyonds[0]
    return np.concatenate(nears), np.concatenate(beyonds)


def _held(
    stretches: list[Stretch],
    value: NDArray[np.int32],
    bit: int,
    near: NDArray[np.intp],
    beyond: NDArray[np.bool_],
) -> Places:
    places, begins, stays = near, beyond, np.ones(len(near), np.bool_)
    if bit in _INNER and any(one.rules.of_last > 1 for one in stretches):
        outside = near[beyond]
        places = _looked_at(stretches, near, outside, len(value))
        stays, beyond = _among(places, near), _among(places, outside)
        begins = _enough(stretches, places, outside)
        begins |= beyond & (value.take(places) * SIGNS[bit] == COMPARATOR)
    return _latched(places, begins, stays, beyond)


def _latched(
    places: NDArray[np.intp],
    begins: NDArray[np.bool_],
    stays: NDArray[np.bool_],
    beyond: NDArray[np.bool_],
) -> Places:
    """Walk over the few places: a condition ends wherever one that may hold it is left out."""
    found: list[int] = []
    first: list[bool] = []
    until: list[int] = []
    held_to = -2  # the last place at which the condition held
    told = 0  # findings whose condition's end is known
    columns = (column.tolist() for column in (places, begins, stays, beyond))
    for place, begin, stay, out in zip(*columns, strict=True):
        goes_on = held_to == place - 1
        if not (begin or (stay and goes_on)):
            continue
        if not goes_on:
            until += [held_to + 1] * (len(found) - told)
            told = len(found)
        held_to = place
        if out:
            first.append(told == len(found))
            found.append(place)
    until += [held_to + 1] * (len(found) - told)
    return Places(np.array(found, np.intp), np.array(first, np.bool_), np.array(until, np.intp))


def _looked_at(
    stretches: list[Stretch], near: NDArray[np.intp], outside: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """Return every place where a value is near, or one of the last m was beyond."""
    back = max(one.rules.of_last for one in stretches)
    every = np.unique(np.concatenate([near, *(outside + step for step in range(1, back))]))
    return every[every < count]


def _enough(
    stretches: list[Stretch], places: NDArray[np.intp], outside: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Tell for each place whether n of the last m values are beyond, as its version says."""
    stretch = np.array([one.first for one in stretches]).searchsorted(places, side="right") - 1
    of_last = np.array([one.rules.of_last for one in stretches]).take(stretch)
    need = np.array([one.rules.need for one in stretches]).take(stretch)
    until = outside.searchsorted(places, side="right")
    return np.asarray(until - outside.searchsorted(places - of_last, side="right") >= need)


def _among(places: NDArray[np.intp], some: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which places are among ``some``; both are sorted, and ``some`` is not empty."""
    return np.asarray(some.take(some.searchsorted(places), mode="clip") == places)
