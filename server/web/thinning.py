"""Fewer points that show what all of them show: nothing that matters is lost among many."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import Code
from server.ports.charts import MARK_HELD
from server.ports.directory import PlanRow
from server.web.limits import Points, beyond

POINTS_MAX: Final = 1000
_BUCKETS: Final = POINTS_MAX // 2


def thinned(code: Code, points: Points, plans: Sequence[PlanRow]) -> Points:
    """Return every point beyond a limit in force then, every LO, HI and held one, and of the others
    the lowest and the highest of each bucket: at most ``POINTS_MAX`` of these."""
    if len(points) <= POINTS_MAX:
        return points
    kept = beyond(code, points, plans) | ((points["marks"] & MARK_HELD) != 0)
    kept[_extremes(points["value"], np.flatnonzero(~kept))] = True
    return np.asarray(points[kept])


def _extremes(values: NDArray[np.int32], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the places of the lowest and highest of each bucket, all where they are few."""
    if len(places) <= POINTS_MAX:
        return places
    buckets = np.arange(len(places)) * _BUCKETS // len(places)
    order = np.lexsort((values[places], buckets))
    starts = np.searchsorted(buckets, np.arange(_BUCKETS))
    ends = np.append(starts[1:], len(places)) - 1
    return np.asarray(places[order[np.concatenate((starts, ends))]])
