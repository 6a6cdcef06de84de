"""What a back-test answers: for the command's JSON and CSV, and for the pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct

from server.domain.instants import DAY, to_datetime
from server.domain.plans import Plan, priority_of
from server.domain.priorities import Priority
from server.engine.backtest_patient import History, Judged
from server.engine.backtest_series import Episode
from server.engine.state import FOREVER

LEAD_DAYS: Final = 14
_LEAD: Final = LEAD_DAYS * DAY
_WEEK: Final = 7 * DAY
_HOUR_MS: Final = 3_600_000
MISSING: Final = "missing-"


class Event(NamedTuple):
    """Something that is known to have happened to a patient: an admission, for example."""

    patient: str
    at: int
    event: str


class RuleCount(Struct, frozen=True, kw_only=True):
    """One rule, over all patients."""

    rule: str
    priority: Priority
    findings: int
    alerts: int
    alerts_per_patient_week: float


class Raised(Struct, frozen=True, gc=False):
    """One alert; ``ended_at`` is None while its condition holds."""

    patient: str
    rule: str
    priority: Priority
    began_at: datetime
    ended_at: datetime | None
    findings: int


class EventFate(Struct, frozen=True, kw_only=True):
    """An event, and the first clinical alert that began within ``LEAD_DAYS`` before it, if any."""

    patient: str
    at: datetime
    event: str
    rule: str | None
    lead_hours: float | None


class Outcome(Struct, frozen=True, kw_only=True):
    """What one plan would have raised.

    ``chance`` is the share of the patients' time that lies within ``LEAD_DAYS`` after a clinical
    alert began: as many events as that would be preceded by luck alone.
    """

    alerts: int
    findings: int
    alerts_per_patient_week: float
    nurse_minutes: float
    nurse_minutes_per_week: float
    events_preceded: int
    events_missed: int
    chance: float
    rules: list[RuleCount]
    events: list[EventFate]
    raised: list[Raised]


class Difference(Struct, frozen=True, kw_only=True):
    """The tested plan less the plan in force."""

    alerts: int
    alerts_per_patient_week: float
    nurse_minutes_per_week: float
    events_preceded: int


class Backtest(Struct, frozen=True, kw_only=True):
    """The answer. ``from_day`` to ``to_day`` are civil days of each patient, both included.

    ``held_or_unsure`` values were left out; ``inputs_behind`` is how much of the input log the
    chart store does not know yet; ``events_outside`` lie outside of the days.
    """

    chc: str
    from_day: date
    to_day: date
    patients: int
    patient_weeks: float
    observations: int
    held_or_unsure: int
    inputs_behind: int
    events_outside: int
    minutes_an_alert: float
    assumptions: list[str]
    tested: Outcome
    in_force: Outcome
    difference: Difference


@dataclass(slots=True)
class Tally:
    """One plan's outcome, patient by patient."""

    rules: dict[tuple[str, Priority], list[int]] = field(default_factory=dict)
    raised: list[Raised] = field(default_factory=list)
    events: list[EventFate] = field(default_factory=list)
    followed: int = 0

    def add(
        self,
        patient: str,
        judged: Judged,
        history: History,
        plan_of: Callable[[int], Plan],
        events: Sequence[Event],
    ) -> None:
        """Count one patient's alerts and findings; ``plan_of`` gives a version's plan."""
        counted: dict[tuple[str, int], tuple[Priority, list[int]]] = {}

        def count_of(rule: str, version: int) -> tuple[Priority, list[int]]:
            if (known := counted.get((rule, version))) is None:
                priority = priority_of(rule, plan_of(version))
                known = priority, self.rules.setdefault((rule, priority), [0, 0])
                counted[rule, version] = known
            return known

        for (rule, version), findings in judged.counts.items():
            count_of(rule, version)[1][0] += findings
        for rule, version, began_at, ended_at, findings in judged.episodes:
            if history.from_at <= began_at < history.until_at:
                priority, count = count_of(rule, version)
                count[0] += findings if rule.startswith(MISSING) else 0
                count[1] += 1
                end = to_datetime(ended_at) if ended_at != FOREVER else None
                began = to_datetime(began_at)
                self.raised.append(Raised(patient, rule, priority, began, end, findings))
        clinical = [one for one in judged.episodes if not one.rule.startswith(MISSING)]
        self.followed += _followed(clinical, history)
        self.events.extend(_fate(event, clinical) for event in events)

    def outcome(self, patient_ms: int, weeks: float, minutes_an_alert: float) -> Outcome:
        """Return what was counted, of so many ms of patients and calendar weeks."""
        patient_weeks = patient_ms / _WEEK
        rules = [
            RuleCount(
                rule=rule,
                priority=priority,
                findings=findings,
                alerts=alerts,
                alerts_per_patient_week=_share(alerts, patient_weeks),
            )
            for (rule, priority), (findings, alerts) in sorted(self.rules.items())
        ]
        alerts = len(self.raised)
        preceded = sum(event.rule is not None for event in self.events)
        return Outcome(
            alerts=alerts,
            findings=sum(one.findings for one in rules),
            alerts_per_patient_week=_share(alerts, patient_weeks),
            nurse_minutes=alerts * minutes_an_alert,
            nurse_minutes_per_week=_share(alerts * minutes_an_alert, weeks),
            events_preceded=preceded,
            events_missed=len(self.events) - preceded,
            chance=_share(self.followed, patient_ms),
            rules=rules,
            events=self.events,
            raised=self.raised,
        )


def compared(tested: Outcome, in_force: Outcome) -> Difference:
    """Return the tested plan less the plan in force."""
    return Difference(
        alerts=tested.alerts - in_force.alerts,
        alerts_per_patient_week=tested.alerts_per_patient_week - in_force.alerts_per_patient_week,
        nurse_minutes_per_week=tested.nurse_minutes_per_week - in_force.nurse_minutes_per_week,
        events_preceded=tested.events_preceded - in_force.events_preceded,
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _fate(event: Event, clinical: list[Episode]) -> EventFate:
    before = [one for one in clinical if event.at - _LEAD <= one.began_at <= event.at]
    first = min(before, key=lambda one: (one.began_at, one.rule), default=None)
    return EventFate(
        patient=event.patient,
        at=to_datetime(event.at),
        event=event.event,
        rule=first.rule if first else None,
        lead_hours=(event.at - first.began_at) / _HOUR_MS if first else None,
    )


def _followed(clinical: list[Episode], history: History) -> int:
    """Return the ms that lie within the lead time after an alert began."""
    began_at = np.array(sorted(one.began_at for one in clinical), np.int64)
    since = np.maximum(began_at, max(history.from_at, history.expected_from))
    following = np.append(began_at[1:], history.until_at)
    until = np.minimum(np.minimum(began_at + _LEAD, following), history.until_at)
    return int(np.maximum(until - since, 0).sum())


def rules_of(outcomes: Sequence[Outcome]) -> list[tuple[str, Priority]]:
    """Return every rule with its priority, the most urgent first."""
    order = list(Priority)
    every = {(one.rule, one.priority) for one in chain(*(outcome.rules for outcome in outcomes))}
    return sorted(every, key=lambda one: (order.index(one[1]), one[0]))
