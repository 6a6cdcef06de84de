"""Measurements that a plan expected and nobody took, over a whole series (see ``absences``).

Judged as if everything had come at once: live, a measurement that arrives after its due time only
explains an absence.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import Code
from server.domain.instants import DAY, at_local
from server.engine.backtest_series import Episode
from server.engine.rules import MISSING_BIT, NOTHING, Version
from server.engine.state import FOREVER

_TERM: Final = 128  # whole terms of days, so that many patients ask for the same


def absences(
    code: Code,
    versions: list[Version],
    at: NDArray[np.int64],
    held_at: NDArray[np.int64],
    from_at: int,
    until_at: int,
) -> list[Episode]:
    """Return the alerts that absences due from ``from_at`` until before ``until_at`` raise.

    The next measurement ends one. A day of which a measurement is held (``held_at``) raises none.
    """
    found: list[Episode] = []
    ends = [*(version.from_at for version in versions[1:]), FOREVER]
    for version, end in zip(versions, ends, strict=True):
        rules = version.rules.get(code, NOTHING)
        first, last = max(from_at, version.from_at), min(until_at, end)
        if rules.due_minute < 0 or first >= last:
            continue
        window_from, due = _due(version.zone_name, rules.due_minute, first, last)
        lacking = ~_any(at, window_from, due) & ~_any(held_at, window_from, due)
        for due_at in due[lacking].tolist():
            name, place = rules.names[MISSING_BIT], int(at.searchsorted(due_at, side="right"))
            ended_at = int(at[place]) if place < len(at) else FOREVER
            if found and found[-1].ended_at == ended_at and found[-1].rule == name:
                found[-1] = found[-1]._replace(findings=found[-1].findings + 1)
            else:
                found.append(Episode(name, version.number, due_at, ended_at, 1))
    return found


def _any(
    at: NDArray[np.int64], since: NDArray[np.int64], until: NDArray[np.int64]
) -> NDArray[np.bool_]:
    return np.asarray(at.searchsorted(since) < at.searchsorted(until, side="right"))


def _due(
    zone_name: str, minute: int, first: int, last: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each civil day begins and its due time, of those due in a time."""
    # A civil day is at most a day away from the day in UTC.
    terms = range((first // DAY - 1) // _TERM, (last // DAY + 1) // _TERM + 1)
    columns = [_due_of_term(zone_name, minute, term) for term in terms]
    window_from, due = (np.concatenate(column) for column in zip(*columns, strict=True))
    inside = slice(*due.searchsorted((first, last)).tolist())
    return window_from[inside], due[inside]


@lru_cache(maxsize=1024)
def _due_of_term(
    zone_name: str, minute: int, term: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    days = range(term * _TERM, (term + 1) * _TERM)
    window_from, due = (
        np.array([at_local(day, at, zone_name) for day in days], np.int64) for at in (0, minute)
    )
    return window_from, due
