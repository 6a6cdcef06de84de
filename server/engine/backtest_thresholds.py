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
    found = {}
    for bit in range(THRESHOLDS):
        near, beyond = _near(stretches, value, bit)
        if np.count_nonzero(beyond):
            found[bit] = _held(stretches, value, bit, near, beyond)
    return found


def _near(
    stretches: list[Stretch], value: NDArray[np.int32], bit: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the places of the values near the limit, and whether each is beyond it."""
    nears = [np.zeros(0, np.intp)]
    beyonds = [np.zeros(0, np.bool_)]
    for first, end, rules in stretches:
        bound, sign = rules.bounds[bit], SIGNS[bit]
        if bound == UNLIMITED:
            continue
        part = value[first:end]
        slack = sign * (bound - rules.hysteresis)
        near = (part > slack if sign > 0 else part < slack).nonzero()[0]
        nears.append(near + first)
        beyonds.append(part.take(near) * sign > bound)
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
    follows = np.zeros(len(places), np.bool_)
    follows[1:] = places[1:] == places[:-1] + 1
    index = np.arange(len(places))
    began = np.maximum.accumulate(np.where(begins, index, -1))
    broken = np.maximum.accumulate(np.where(stays & follows, -1, index))
    holds = (began >= broken) & (began >= 0)
    fresh = holds.copy()
    fresh[1:] &= ~(holds[:-1] & follows[1:])
    run = np.cumsum(fresh)
    kept = holds & beyond
    run = run[kept]
    first = np.ones(len(run), np.bool_)
    first[1:] = run[1:] != run[:-1]
    last = holds.copy()
    last[:-1] &= ~(holds[1:] & follows[1:])
    return Places(places[kept], first, (places[last] + 1).take(run - 1))


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
