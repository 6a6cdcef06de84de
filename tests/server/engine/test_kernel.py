"""The form for many rows equals the definition, value by value, for every family of rules.

Hundreds of slots with random values, days apart or minutes, alone in a batch or in runs; the
findings and all that is remembered must be those of folding each slot by itself.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from contract.codes import BY_NUMBER, Code
from server.domain.instants import DAY, HOUR, MINUTE
from server.domain.plans import Plan
from server.engine import change, few, kernel, runs
from server.engine.change import KEPT, REACH_MAX
from server.engine.families import FAMILIES, IN_ARRAYS
from server.engine.rebuild import rebuild, slots_of
from server.engine.rules import COMPARATOR, ChangeRule, Compiled, Version, compile_version
from server.engine.series import Memory, Observation, families_of, fold, fresh
from server.engine.state import State, memory_of
from server.engine.step import FEW_OBSERVATIONS, Observations, Overlay, apply, findings, step
from tests.server.engine.test_order import PLANS

PATIENTS = 60
START = 1_792_000_000_000  # some weeks before the Italian night of 25 October 2026
ZONES = ("Europe/Rome", "Pacific/Auckland")
NOBODY = 10**6


def versions_of(patient: int, *, plain: bool) -> list[Version]:
    plan = msgspec.convert(PLANS[patient % 2], Plan)
    if plain:
        plan = msgspec.structs.replace(plan, rules=[], combinations=[])
    return [compile_version(1, 0, ZONES[patient % 3 == 0], plan)]


def made(*, plain: bool) -> State:
    state = State()
    for patient in range(1, PATIENTS):
        versions = versions_of(patient, plain=plain)
        state.versions[patient] = versions
        for slot in slots_of(state, patient, versions):
            apply(state, rebuild(state, slot, versions, [], [], 0).overlay, 0)
    return state


@pytest.fixture(params=["compiled", "arrays"])
def form(request, monkeypatch):
    """Both forms of the rules over windows, whatever is installed."""
    families = FAMILIES if request.param == "compiled" else IN_ARRAYS
    assert (families[-1].judge_one is not None) == (request.param == "compiled")
    if request.param == "arrays":
        monkeypatch.setattr(runs, "limits_loop", None)
    for module in (few, kernel, runs.families):
        monkeypatch.setattr(module, "FAMILIES", families)
    return request.param


def judged(state: State, batch: Observations, seen: dict, ours: set, number: int) -> Overlay:
    """Judge a batch as the services do: what arrays cannot judge, from history."""
    overlay = step(state, batch)
    ours |= set(findings(state, overlay))
    apply(state, overlay, number)
    for patient, code, *rest in _rows(batch):
        seen[patient, BY_NUMBER[code]].append(Observation(*rest))
    for slot in overlay.rebuild:  # more values than are kept
        patient, code = (int(part) for part in state.owner[slot])
        history = sorted(seen[patient, BY_NUMBER[code]])
        versions = state.versions[patient]
        rebuilt = rebuild(state, slot, versions, history, list(ours_of(ours, patient, code)), 0)
        assert not rebuilt.superseded
        ours |= set(rebuilt.raised)
        apply(state, rebuilt.overlay, number)
    return overlay


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("pace", [7 * MINUTE, 5 * HOUR, DAY + HOUR], ids=["dense", "daily", "rare"])
def test_many_rows_at_once_judge_as_each_by_itself(pace: int) -> None:
    random = np.random.default_rng([datetime.now(UTC).toordinal(), pace])
    state, seen = made(plain=False), defaultdict(list)
    ours, kinds = set(), Counter()
    for number in range(120):
        batch = _batch(random, START + number * pace, pace, number)
        kinds["rebuilt"] += len(judged(state, batch, seen, ours, number).rebuild)
    must_equal_the_fold(state, seen, ours)
    kinds.update(finding.rule for finding in ours)
    print(dict(kinds))
    assert len(kinds) > 8


def test_a_memory_of_more_values_than_a_row_keeps_says_so() -> None:
    rules = Compiled(changes=(ChangeRule(DAY, 1, 1000, 0, 0),))
    row, memory = change.empty(1), [(START + number, 700) for number in range(KEPT + 6)]
    change.write(row[0], rules)
    change.store(row[0], memory)
    assert change.load(row[0]) == memory[-KEPT:]
    assert not change.covers(row, np.array([START + HOUR]), np.array([1]))[0]
    assert not change.covers_one(row[0], START + HOUR)
    assert change.covers_one(row[0], START + 8 + DAY)


@pytest.mark.parametrize("pace", [7 * MINUTE, 5 * HOUR], ids=["dense", "daily"])
@pytest.mark.parametrize("plain", [True, False], ids=["limits and gains", "all rules"])
def test_a_few_at_a_time_judge_as_each_by_itself(pace: int, plain: bool, form: str) -> None:
    random = np.random.default_rng([datetime.now(UTC).toordinal(), pace])
    state, seen = made(plain=plain), defaultdict(list)
    ours, ended, one_by_one = set(), 0, 0
    for number in range(90):
        rows = sorted(_rows(_batch(random, START + number * pace, pace, number)), key=_in_order)
        while rows:
            size = int(random.integers(1, FEW_OBSERVATIONS + 3))
            overlay = judged(state, _columns(rows[:size]), seen, ours, number)
            rows = rows[size:]
            one_by_one += overlay.few is not None
            ended += len(overlay.ended)
    must_equal_the_fold(state, seen, ours)
    # Without compiled code, rules over windows other than gains are always judged in arrays.
    if plain or (form == "compiled" and pace > HOUR):
        assert one_by_one > 200
    assert ended > 20
    assert {one.rule for one in ours} > {"weight-gain-1.36kg-1d", "systolic-high-inner"}


def must_equal_the_fold(state: State, seen: dict, ours: set) -> None:
    theirs = set()
    for (patient, code), series in seen.items():
        versions = state.versions.get(patient, [])
        if versions and code in versions[0].rules:
            memory = fresh(families_of(versions, code))
            theirs |= set(fold(patient, code, versions, memory, sorted(series)))
            _same(state, patient, code, memory)
    assert ours == theirs


def ours_of(ours: set, patient: int, code: int) -> list:
    return [one for one in ours if (one.patient, one.code) == (patient, code)]


def _batch(random: np.random.Generator, start: int, span: int, number: int) -> Observations:
    """Half the patients once, a few of them more often; a comparator and a flag now and then."""
    patient = random.choice(np.arange(1, PATIENTS), PATIENTS // 2, replace=False)
    patient = np.concatenate([patient, random.choice(patient, 12), [0, PATIENTS + 5, NOBODY]])
    count = len(patient)
    weight = random.random(count) < 0.5
    code = np.where(weight, BY_NUMBER.index(Code.WEIGHT), BY_NUMBER.index(Code.SYSTOLIC))
    value = np.where(
        weight, 70_000 + 10 * random.normal(0, 120, count), 1300 + random.normal(0, 350, count)
    ).astype(np.int32)
    value[random.random(count) < 0.02] = COMPARATOR
    value[random.random(count) < 0.02] = -COMPARATOR
    at = start + random.integers(0, span, count)
    serial = number * 1000 + np.arange(count)
    steady = random.random(count) > 0.1
    return Observations(patient, code, at, serial, value, serial, serial, steady)


def _in_order(row: tuple) -> tuple:
    return row[2], row[3]  # at, key


def _columns(rows: list[tuple]) -> Observations:
    patient, code, *rest = (np.array(column) for column in zip(*rows, strict=True))
    at, key, value, epoch, seq, steady = rest
    return Observations(patient, code, at, key, value.astype(np.int32), epoch, seq, steady)


def _rows(batch: Observations) -> list[tuple]:
    columns = (batch.patient, batch.code, batch.at, batch.key, batch.value, batch.epoch, batch.seq)
    return list(zip(*(one.tolist() for one in columns), batch.steady.tolist(), strict=True))


def _same(state: State, patient: int, code: Code, memory: Memory) -> None:
    slot = state.slot(patient, code)
    windows = {family.name: state.tables[family.name].rows[at] for family, at in state.places(slot)}
    kept = memory_of(state.rows[slot], windows)
    assert (kept.at, kept.key, kept.active) == (memory.at, memory.key, memory.active)
    assert kept.shift[1:3] == memory.shift[1:3]
    for name, mine in kept.windows.items():
        theirs = memory.windows[name]
        if name == "change":
            oldest = memory.at - REACH_MAX
            mine = [one for one in mine if one[0] >= oldest][-KEPT:]
            theirs = [one for one in theirs if one[0] >= oldest][-KEPT:]
        assert mine == theirs, (patient, code, name)


def test_the_first_value_of_a_day_may_be_a_doubted_one() -> None:
    """The days of a slope are counted by the values that count, whatever came before them."""
    slope = {
        "kind": "slope",
        "name": "weight-slope",
        "code": "weight",
        "source": "test",
        "side": "rise",
        "days": 7,
        "least": 7,
        "more_than": "0.3",
    }
    version = compile_version(1, 0, "UTC", msgspec.convert({"rules": [slope]}, Plan))
    state = State()
    state.versions[0] = [version]
    (slot,) = slots_of(state, 0, [version])
    apply(state, rebuild(state, slot, [version], [], [], 0).overlay, 0)
    seen, ours = [], set()
    for number in range(20):
        at = START + number // 2 * DAY + number % 2 * MINUTE
        row = (0, BY_NUMBER.index(Code.WEIGHT), at, number, 70_000 + number // 2 * 600)
        rows = [(*row, number, number, number % 2 == 1)]
        seen.append(Observation(*rows[0][2:]))
        overlay = step(state, _columns(rows))
        ours |= set(findings(state, overlay))
        apply(state, overlay, number)
    memory = fresh(families_of([version], Code.WEIGHT))
    assert ours == set(fold(0, Code.WEIGHT, [version], memory, seen))
    assert len(ours) > 3


def test_few_remember_what_a_new_plan_asks_of_the_last_values() -> None:
    """Two of the last three, where the plan before asked for three of three."""

    def plan(need: int) -> Plan:
        limits = {"code": "systolic", "source": "test", "high_inner": "160", "hysteresis": "5"}
        return msgspec.convert({"thresholds": [{**limits, "inner_n": need, "inner_m": 3}]}, Plan)

    versions = [compile_version(n, n * HOUR, "UTC", plan(4 - n)) for n in (1, 2)]
    state = State()
    state.versions[0] = versions
    (slot,) = slots_of(state, 0, versions)
    values = [1700, 1700, 1500, 1570, 1570, 1610]
    seen = [
        Observation(HOUR + (60 if n > 1 else 0) * MINUTE + n * MINUTE, n, value, n, n)
        for n, value in enumerate(values)
    ]
    apply(state, rebuild(state, slot, versions, seen[:2], [], 2 * HOUR).overlay, 0)
    ours = set()
    for one in seen[2:]:
        rows = [(0, BY_NUMBER.index(Code.SYSTOLIC), *one)]
        overlay = step(state, _columns(rows))
        ours |= set(findings(state, overlay))
        apply(state, overlay, one.key)
    theirs = fold(0, Code.SYSTOLIC, versions, fresh([]), seen)
    assert ours == {one for one in theirs if one.at >= seen[2].at}
    assert ours
