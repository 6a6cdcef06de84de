"""The families of rules over windows: each a module with a definition and its form for many rows.

A slot has a row in a family's table only where a rule of its plan needs one.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.engine import average, change, gain, trend, trend_rows
from server.engine.instant import Instants, Now
from server.engine.rules import Compiled

_log = logging.getLogger(__name__)
try:
    from server.engine import fast

    fast.check()
except ImportError as error:  # numba is not installed: arrays do the same, more slowly
    if error.name is None:
        _log.warning("rules are judged in arrays: %s", error)
    _FAST = {}
    limits_loop = None
else:
    _FAST = fast.FAST
    limits_loop = fast.limits_loop

Rows = NDArray[np.void]


class Family(NamedTuple):
    """One family: its name (a column of ``state.EXTRA``), and its module's functions.

    ``judge`` is the definition, one value after the other on a memory that it moves on;
    ``judge_rows`` the same for many rows at once. ``load`` and ``store`` turn one into the other.
    ``judge_one``, where there is one, moves one row on by a value and returns 0 where that is
    beyond no rule; ``judge_run`` judges values in order of time, each on the row that is named for
    it, and returns None where it cannot decide.
    """

    name: str
    empty: Callable[[int], Rows]
    fresh: Callable[[], Any]
    wanted: Callable[[Compiled], bool]
    judge: Callable[[Compiled, Any, Now], list[int]]
    judge_rows: Callable[[Rows, Instants], NDArray[np.int64]]
    judge_one: Callable[[Rows, Now], int] | None
    judge_run: Callable[[Rows, NDArray[np.intp], Instants], NDArray[np.int64] | None] | None
    write: Callable[[np.void, Compiled], None]
    load: Callable[[np.void], Any]
    store: Callable[[np.void, Any], None]


def _family(
    name: str,
    module: Any,  # noqa: ANN401
    fresh: Callable[[], Any],
    judge_rows: Callable[[Rows, Instants], NDArray[np.int64]],
    judge_one: Callable[[Rows, Now], int] | None = None,
) -> Family:
    return Family(
        name,
        module.empty,
        fresh,
        module.wanted,
        module.judge,
        judge_rows,
        judge_one,
        None,
        module.write,
        module.load,
        module.store,
    )


IN_ARRAYS: Final = (
    _family("gain", gain, dict, gain.judge_rows, gain.judge_one),
    _family("change", change, list, change.judge_rows),
    _family("trend", trend.SHORT, dict, trend_rows.judge_rows),
    _family("long trend", trend.LONG, dict, trend_rows.judge_rows),
    _family("average", average, dict, average.judge_rows),
)
FAMILIES: Final = tuple(
    family._replace(
        judge_rows=compiled.judge_rows,
        judge_one=compiled.judge_one,
        judge_run=compiled.judge_run,
    )
    if (compiled := _FAST.get(family.name))
    else family
    for family in IN_ARRAYS
)
