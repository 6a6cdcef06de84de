"""Many slots in one batch: who is judged from history, what is over, and the exact edges."""

import msgspec
import numpy as np
import pytest

from contract.codes import BY_NUMBER, Code
from server.domain.instants import DAY, HOUR
from server.domain.plans import Plan
from server.engine import change
from server.engine.rebuild import rebuild, slots_of
from server.engine.rules import compile_version
from server.engine.state import State
from server.engine.step import FEW_OBSERVATIONS, Observations, Overlay, apply, findings, step
from tests.server.engine.test_order import PLANS

PATIENTS = FEW_OBSERVATIONS + 6
START = 1_792_000_000_000 // DAY * DAY
SYSTOLIC, WEIGHT = BY_NUMBER.index(Code.SYSTOLIC), BY_NUMBER.index(Code.WEIGHT)


@pytest.fixture
def state() -> State:
    """Patients 1 and on, each with the plan that has every family of rules."""
    made = State()
    version = compile_version(1, 0, "UTC", msgspec.convert(PLANS[0], Plan))
    for patient in range(1, PATIENTS + 1):
        made.versions[patient] = [version]
        for slot in slots_of(made, patient, [version]):
            apply(made, rebuild(made, slot, [version], [], [], 0).overlay, 0)
    return made


def batch(rows: list[tuple[int, int, int, int, int]]) -> Observations:
    """Make a batch of (patient, code, at, key, value)."""
    patient, code, at, key, value = (
        np.array(column, np.int64) for column in zip(*rows, strict=True)
    )
    steady = np.ones(len(rows), np.bool_)
    return Observations(patient, code, at, key, value.astype(np.int32), key, key, steady)


def of_all(state: State, at: int, value: int, code: int = WEIGHT, key: int = 5) -> Overlay:
    rows = [(patient, code, at, key, value) for patient in range(1, PATIENTS + 1)]
    overlay = step(state, batch(rows))
    apply(state, overlay, 0)
    return overlay


def test_one_late_value_sends_only_its_own_slot_to_history(state: State) -> None:
    of_all(state, START + HOUR, 70_000)
    rows = [(patient, WEIGHT, START + 2 * HOUR, 1, 70_000) for patient in range(3, PATIENTS + 1)]
    late, equal, same = (1, WEIGHT, START, 9), (2, WEIGHT, START + HOUR, 5), START + HOUR
    overlay = step(state, batch([(*late, 70_000), (*equal, 70_000), *rows]))
    assert [state.owner[slot].tolist()[0] for slot in overlay.rebuild] == [1, 2]
    rows[0] = (3, WEIGHT, same, 6, 70_000)  # of the same instant, but by its key after it
    assert not step(state, batch(rows)).rebuild


def test_what_began_and_ended_within_one_run_is_over(state: State) -> None:
    of_all(state, START, 70_000)
    run = [70_000, 73_000, 73_000, 70_000]
    rows = [(1, WEIGHT, START + DAY + n * HOUR, n, value) for n, value in enumerate(run)]
    rows += [(patient, WEIGHT, START + DAY, 1, 70_000) for patient in range(2, PATIENTS + 1)]
    overlay = step(state, batch(rows))
    names = state.versions[1][0].rules[Code.WEIGHT].names
    found = {one.rule for one in findings(state, overlay)}
    over = {names[bit] for _, bit in overlay.ended}
    assert found == over == {"weight-gain-2kg-3d", "weight-gain-1.36kg-1d", "weight-rise-1.36-48h"}
    assert {int(state.owner[slot, 0]) for slot, _ in overlay.ended} == {1}


@pytest.mark.parametrize(("short_by", "beyond"), [(0, True), (1, False)])
def test_an_average_is_exact_among_many(state: State, short_by: int, beyond: bool) -> None:
    """At least 125 mmHg: the sum of a tenth less is not, however many days have no value."""
    last = None
    for number in range(17):
        at = START + number // 4 * DAY + number % 4 * 6 * HOUR
        value = 1250 - (short_by if number == 16 else 0)
        last = of_all(state, at, value, SYSTOLIC)
    found = {one.rule for one in findings(state, last)}
    assert ("systolic-average" in found) is beyond


def test_a_value_that_is_no_longer_kept_but_within_reach_is_missed_by_no_one() -> None:
    """Of two values of the instant at the far end of the window the first is kept no longer."""
    rows, at = change.empty(1), START + 48 * HOUR
    rows["reach"][0, 0] = 48 * HOUR
    rows["at"][0], rows["count"] = START + np.arange(change.KEPT) * HOUR, change.KEPT + 1
    one = np.array([1])
    assert not change.covers(rows, np.array([at]), one)[0]
    assert change.covers(rows, np.array([at + 1]), one)[0]
