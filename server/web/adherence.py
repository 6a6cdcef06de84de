"""Day by day, whether what the plan expects was measured: a strip of the last thirty days."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contract.codes import DEFINITIONS, Code
from server.domain.instants import DAY, civil_day
from server.domain.plans import Plan
from server.ports.views import AbsenceRow
from server.services.causes import Cause
from server.services.summaries import Series
from server.web.catalogues import N_

DAYS: Final = 30


class State(StrEnum):
    """What a day was; the sign that stands for it and its word are beside it on the page."""

    MEASURED = "measured"
    LATE = "late"
    WAITS = "waits"
    TECHNICAL = "technical"
    NOT_MEASURED = "not-measured"
    AWAY = "away"
    NOTHING_DUE = "nothing-due"


SIGNS: Final = dict(zip(State, "✓~?T✗A·", strict=True))
WORDS: Final = {
    State.MEASURED: N_("measured"),
    State.LATE: N_("arrived late"),
    State.WAITS: N_("held or unreadable"),
    State.TECHNICAL: N_("for a technical reason"),
    State.NOT_MEASURED: N_("not measured"),
    State.AWAY: N_("patient away"),
    State.NOTHING_DUE: N_("nothing was due"),
}
_OF_CAUSE: Final = {
    Cause.HELD: State.WAITS,
    Cause.UNREADABLE: State.WAITS,
    Cause.AWAY: State.AWAY,
    Cause.NOT_MEASURED: State.NOT_MEASURED,
}


@dataclass(frozen=True, slots=True)
class Strip:
    """One expected code: its days, the oldest first, and how many there were of each state."""

    code: Code
    days: Sequence[State]

    @property
    def counts(self) -> Mapping[State, int]:
        """Return how many days there were of each state that was seen, in the order of states."""
        seen = Counter(self.days)
        return {state: seen[state] for state in State if seen[state]}


def strips(
    plan: Plan, series: Series, absences: Sequence[AbsenceRow], zone_name: str, now: int
) -> list[Strip]:
    """Return a strip for each measurement that the plan in force expects.

    ``absences`` are those of at least the last ``DAYS`` days. A day with an absence is what became
    of that, whatever else was measured on it.
    """
    today = civil_day(now, zone_name)
    missed = {
        (one.code, civil_day(one.due_at, zone_name)): _state(one) for one in reversed(absences)
    }
    found = []
    for code in (one.code for one in plan.expectations()):
        number = DEFINITIONS[code].number
        measured = _measured_days(series, number, zone_name, now)
        days = [
            missed.get((number, day), State.MEASURED if day in measured else State.NOTHING_DUE)
            for day in range(today - DAYS + 1, today + 1)
        ]
        found.append(Strip(code, days))
    return found


def _state(absence: AbsenceRow) -> State:
    if absence.explained_at is not None:
        return State.LATE
    return _OF_CAUSE.get(Cause(absence.cause), State.TECHNICAL)


def _measured_days(series: Series, number: int, zone_name: str, now: int) -> set[int]:
    points = series.get(number)
    if points is None:
        return set()
    lately = points["at"][points["at"] >= now - (DAYS + 1) * DAY]
    return {civil_day(at, zone_name) for at in lately.tolist()}
