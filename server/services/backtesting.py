"""What a plan would have raised among a CHC's patients, beside the plans that were in force.

The same rules, compiled by the same function, judge the chart store's series as they judge live.
Before the days asked for the series are read for ``WARM_UP_DAYS``, so that windows, n of m and
baselines are full when counting begins.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER, DEFINITIONS, Code
from server.domain.instants import DAY, EPOCH_DAY, at_local
from server.domain.plans import Plan
from server.engine.backtest_patient import History, judge_patient
from server.engine.backtest_result import LEAD_DAYS, Backtest, Event, Tally, compared
from server.engine.backtest_series import Series
from server.engine.backtest_windows import Windows
from server.engine.early_warning import INPUTS
from server.engine.rules import Version, compile_version
from server.errors import NotFound, WrongInput
from server.ports.charts import MARK_HELD, MARK_UNSTEADY, MARK_UNSURE
from server.ports.directory import Patient
from server.ports.store import Store, Transaction
from server.services.versions import versions_of

WARM_UP_DAYS: Final = 62  # twice the longest window of a rule
ASSUMPTIONS: Final = (
    "Nobody answers: a patient has one open alert a rule; it ends when its condition ends, and when"
    " the condition begins anew there is a new alert.",
    "Everything came at once: late measurements are judged in their place, and explain absences.",
    "Absences are counted from what each plan expects, from enrolment or the first measurement on.",
    "Held measurements and those whose time is unsure are left out; live, each is judged alone"
    " against the outer limits.",
    "A combination is over when too few of its rules hold; live, it holds"
    " until a person closes it.",
    f"A condition that held since more than {WARM_UP_DAYS} days before the first day is not known.",
    "Minutes are the alerts times the stated minutes an alert.",
    f"An alert precedes an event when it began within {LEAD_DAYS} days before it; absences do not"
    " count.",
)
# A judgement; nobody publishes one that would fit every centre.
MINUTES_AN_ALERT: Final = 10.0
_ALWAYS: Final = -(2**60)
_DOUBTED: Final = MARK_HELD | MARK_UNSURE


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a plan, a CHC by name, civil days (both included), and a cost in minutes;
    of everybody of the CHC, or ``only`` one patient, by reference."""

    plan: Plan
    chc: str
    from_day: date
    to_day: date
    minutes_an_alert: float
    events: Sequence[Event] = ()
    only: str | None = None


@dataclass(slots=True)
class _Counts:
    patient_ms: int = 0
    patients: int = 0
    observations: int = 0
    doubted: int = 0
    inside: int = 0


class _Known(NamedTuple):
    """A patient's plan versions, and the plans that they were compiled from."""

    versions: list[Version]
    plans: dict[int, Plan]


@dataclass(slots=True)
class _Work:
    """The question, and what was counted of it so far."""

    question: Question
    now: int
    in_force: dict[int, _Known]
    tested: Callable[[str], Version]
    events: dict[str, list[Event]]
    counts: _Counts = field(default_factory=_Counts)
    new: Tally = field(default_factory=Tally)
    old: Tally = field(default_factory=Tally)


def backtest(
    store: Store,
    question: Question,
    now: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Backtest:
    """Judge the question's days; ``progress`` is told the patients done and in all.

    Raises ``NotFound`` for an unknown CHC or patient, ``WrongInput`` for impossible days.
    """
    with store.read() as tx:
        chc = tx.directory.chc(question.chc)
        if chc is None:
            raise NotFound(f"there is no CHC {question.chc!r}")
        _check_days(question, chc.zone_name, now)
        people = tx.directory.patients(chc.id)
        asked = (one for one in people if question.only in (None, one.reference))
        patients = sorted(asked, key=lambda one: one.id)
        work = _begun(tx, question, patients, now)
        for done, patient in enumerate(patients):
            progress(done, len(patients))
            _judge(tx, work, patient)
        progress(len(patients), len(patients))
        behind = tx.inputs.cursor() - tx.charts.cursor()
    return _answer(work, behind)


def history_of(
    tx: Transaction, patient: Patient, codes: Sequence[Code], from_at: int, until_at: int
) -> tuple[History, int, int]:
    """Read a patient's series with the warm-up before it.

    Returns it with how many values lie within the time, and how many of these were left out.
    """
    numbers = [DEFINITIONS[code].number for code in codes]
    points = tx.charts.read_codes(patient.id, numbers, from_at - WARM_UP_DAYS * DAY, until_at)
    series: dict[Code, Series] = {}
    held_at: dict[Code, NDArray[np.int64]] = {}
    inside = doubted = 0
    earliest = until_at
    for number, rows in points.items():
        code, marks, at = BY_NUMBER[number], rows["marks"], rows["at"]
        first = int(at.searchsorted(from_at))
        inside += len(at) - first
        if np.count_nonzero(out := marks & _DOUBTED):
            doubted += int(np.count_nonzero(out[first:]))
            held_at[code] = at[marks & MARK_HELD != 0]
            rows = rows[out == 0]
        series[code] = Series(
            np.ascontiguousarray(rows["at"]),
            np.ascontiguousarray(rows["value"]),
            rows["marks"] & MARK_UNSTEADY == 0,
        )
        earliest = min(earliest, int(at[0]))
    known_from = max(min(patient.enrolled_at, earliest), from_at - WARM_UP_DAYS * DAY)
    windows = {code: Windows(one, patient.zone_name) for code, one in series.items()}
    history = History(series, windows, held_at, known_from, from_at, until_at, {})
    return history, inside, doubted


def _check_days(question: Question, zone_name: str, now: int) -> None:
    if question.from_day > question.to_day:
        raise WrongInput(f"--from {question.from_day} is after --to {question.to_day}")
    if _midnight(question.from_day, zone_name) >= now:
        raise WrongInput(f"--from {question.from_day} lies in the future")


def _begun(tx: Transaction, question: Question, patients: list[Patient], now: int) -> _Work:
    references = {patient.reference for patient in patients}
    events: dict[str, list[Event]] = defaultdict(list)
    for event in question.events:
        if event.patient not in references:
            raise NotFound(f"event: {question.chc} has no patient {event.patient!r}")
        events[event.patient].append(event)
    own = {patient.id for patient in patients}
    asked = sorted(own) if question.only is not None else []
    rows = tx.inputs.plan_versions(asked, tx.inputs.cursor())
    rows = [row for row in rows if row.patient_id in own]
    plans: dict[int, dict[int, Plan]] = defaultdict(dict)
    for row in rows:
        plans[row.patient_id][row.number] = row.plan
    known = {one: _Known(versions, plans[one]) for one, versions in versions_of(rows).items()}
    tested = cache(lambda zone_name: compile_version(0, _ALWAYS, zone_name, question.plan))
    return _Work(question, now, known, tested, events)


def _judge(tx: Transaction, work: _Work, patient: Patient) -> None:
    """Judge one patient by both plans, and count."""
    question, counts = work.question, work.counts
    from_at = _midnight(question.from_day, patient.zone_name)
    until_at = min(_midnight(question.to_day, patient.zone_name, 1), work.now + 1)
    known = work.in_force.get(patient.id, _Known([], {}))
    tested = [work.tested(patient.zone_name)]
    every = (*tested, *known.versions)
    codes = sorted({code for one in every for code in (*one.rules, *_scored(one))})
    history, inside, doubted = history_of(tx, patient, codes, from_at, until_at)
    counts.patients += 1
    counts.patient_ms += max(0, until_at - max(from_at, history.expected_from))
    counts.observations += inside
    counts.doubted += doubted
    own = work.events.get(patient.reference, [])
    events = [event for event in own if from_at <= event.at < until_at]
    counts.inside += len(events)
    new = judge_patient(tested, history)
    work.new.add(patient.reference, new, history, lambda _: question.plan, events)
    old = judge_patient(known.versions, history)
    work.old.add(patient.reference, old, history, known.plans.__getitem__, events)


def _scored(version: Version) -> Iterable[Code]:
    return INPUTS if version.early_warning else ()


def _answer(work: _Work, behind: int) -> Backtest:
    question, counts = work.question, work.counts
    days = (question.to_day - question.from_day).days + 1
    today = (work.now - _midnight(question.from_day, "UTC")) / DAY
    weeks, minutes = min(float(days), today) / 7, question.minutes_an_alert
    tested = work.new.outcome(counts.patient_ms, weeks, minutes)
    in_force = work.old.outcome(counts.patient_ms, weeks, minutes)
    return Backtest(
        chc=question.chc,
        from_day=question.from_day,
        to_day=question.to_day,
        patients=counts.patients,
        patient_weeks=counts.patient_ms / (7 * DAY),
        observations=counts.observations,
        held_or_unsure=counts.doubted,
        inputs_behind=max(0, behind),
        events_outside=len(question.events) - counts.inside,
        minutes_an_alert=minutes,
        assumptions=list(ASSUMPTIONS),
        tested=tested,
        in_force=in_force,
        difference=compared(tested, in_force),
    )


def _midnight(day: date, zone_name: str, days_on: int = 0) -> int:
    return at_local(day.toordinal() - EPOCH_DAY + days_on, 0, zone_name)
