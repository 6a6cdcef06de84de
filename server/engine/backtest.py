"""A whole series judged at once: what a plan would have found, for a back-test.

The definition is ``series.fold``, as it is for the live engine: ``judge_by_fold`` asks it one
observation after the other. ``judge`` says the same of a year in a few array operations along time
(``backtest_thresholds``, ``backtest_windows``, ``backtest_trends``); the tests hold the two equal.
A series that has no such form is folded.
"""

from typing import Final

import numpy as np

from contract.codes import Code
from server.engine import backtest_thresholds, backtest_windows
from server.engine.backtest_series import Beyond, Places, Series, stretches
from server.engine.backtest_windows import Windows
from server.engine.rules import NOTHING, Version
from server.engine.series import Observation, families_of, fold, fresh

_NONE: Final = Places(np.zeros(0, np.intp), np.zeros(0, np.bool_), np.zeros(0, np.intp))


def judge(
    code: Code, versions: list[Version], series: Series, windows: Windows | None = None
) -> Beyond:
    """Judge a slot's whole series by a patient's versions (sorted by ``from_at``).

    ``windows`` are those of the same series, where another plan was judged before.
    """
    families = {family.name for family in families_of(versions, code)}
    cut = stretches(code, versions, series.at)
    found = backtest_thresholds.judge(cut, series.value)
    if families:
        windows = windows or Windows(series, versions[0].zone_name)
        if (more := backtest_windows.judge(cut, windows, families)) is None:
            return judge_by_fold(code, versions, series)
        found |= more
    bits = sorted(found)
    bit = np.repeat(np.array(bits, np.intp), [len(found[one].place) for one in bits])
    place, begins, until = (
        np.concatenate([none, *(found[one][column] for one in bits)])
        for column, none in enumerate(_NONE)
    )
    return Beyond(place, bit, begins, until)


def judge_by_fold(code: Code, versions: list[Version], series: Series) -> Beyond:
    """Do the same by the definition: slow and obvious."""
    memory = fresh(families_of(versions, code))
    found: list[tuple[int, int, bool]] = []
    until: dict[tuple[int, int], int] = {}
    holding: dict[int, tuple[str, int]] = {}  # by bit: the rule, and where its condition began
    names = {one.number: one.rules.get(code, NOTHING).names for one in versions}
    columns = (column.tolist() for column in series)
    for place, (at, value, steady) in enumerate(zip(*columns, strict=True)):
        observation = Observation(at, place, value, 0, place, steady)
        beyond = {}
        for finding in fold(0, code, versions, memory, [observation]):
            bit = names[finding.version].index(finding.rule)
            begins = bit not in holding or holding[bit][0] != finding.rule
            beyond[bit] = (finding.rule, place) if begins else holding[bit]
            found.append((bit, place, begins))
        goes_on = {bit: one for bit, one in holding.items() if memory.active >> bit & 1}
        goes_on |= beyond
        ended = (one for one in holding.items() if goes_on.get(one[0]) != one[1])
        until |= {(bit, began): place for bit, (_, began) in ended}
        holding = goes_on
    return _columns(sorted(found), until, len(series.at))


def _columns(
    found: list[tuple[int, int, bool]], until: dict[tuple[int, int], int], count: int
) -> Beyond:
    ends: list[int] = []
    for bit, place, begins in found:
        ends.append(until.get((bit, place), count) if begins else ends[-1])
    bits, places, begin = zip(*found, strict=True) if found else ((), (), ())
    return Beyond(
        np.array(places, np.intp),
        np.array(bits, np.intp),
        np.array(begin, np.bool_),
        np.array(ends, np.intp),
    )
