"""Promise 4: the findings in force are those of the sorted stream, whatever the order.

Everything runs for real: envelopes through commit 1, the engine through commit 2, on SQLite. The
oracle shares no line with the engine.
"""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import strategies as st

from server.engine.step import FEW_OBSERVATIONS
from server.ports.inputs import InputKind, NewInput
from server.services.storing import Arrival
from server.stores import snapshot
from tests.server.engine import oracle
from tests.server.engine.streams import (
    PARTS,
    STREAMS,
    must_be_common,
    must_hold,
    same_state,
    worlds,
)
from tests.server.world import World, decimal, envelope, wire

HOUR = 3_600_000
# The night of 25 October 2026 has its third hour twice in Italy.
BASE = int(datetime(2026, 10, 23, 5, tzinfo=UTC).timestamp() * 1000)

PLANS = [
    {
        "thresholds": [
            {"code": "systolic", "source": "test", "low_outer": "80", "low_inner": "90.5",
             "high_inner": "140", "high_outer": "180", "hysteresis": "5",
             "inner_n": 2, "inner_m": 3},
        ],
        "gains": [
            {"name": "weight-gain-2kg-3d", "source": "test", "days": 3, "more_than": "2"},
            {"name": "weight-gain-1.36kg-1d", "source": "test", "days": 1, "at_least": "1.36"},
        ],
        "rules": [
            {"kind": "change", "name": "systolic-rise-30-12h", "code": "systolic", "source": "test",
             "side": "rise", "hours": 12, "more_than": "30"},
            {"kind": "change", "name": "systolic-fall-20pct-24h", "code": "systolic",
             "source": "test", "side": "fall", "hours": 24, "at_least": "20", "percent": True},
            {"kind": "crossover", "name": "systolic-crossover", "code": "systolic",
             "source": "test", "side": "rise", "short": 1, "long": 3, "more_than": "5"},
            {"kind": "baseline", "name": "systolic-baseline", "code": "systolic", "source": "test",
             "side": "rise", "days": 3, "more_than": "1", "least": 3},
            {"kind": "spread", "name": "systolic-spread", "code": "systolic", "source": "test",
             "side": "rise", "days": 3, "at_least": "20", "least": 4},
            {"kind": "slope", "name": "systolic-slope", "code": "systolic", "source": "test",
             "side": "rise", "days": 5, "more_than": "4.5", "least": 3},
            {"kind": "average", "name": "systolic-average", "code": "systolic", "source": "test",
             "side": "rise", "at_least": "125"},
            {"kind": "change", "name": "weight-rise-1.36-48h", "code": "weight", "source": "test",
             "side": "rise", "hours": 48, "at_least": "1.36"},
            {"kind": "slope", "name": "weight-fall-slope", "code": "weight", "source": "test",
             "side": "fall", "days": 4, "at_least": "0.5", "least": 3},
        ],
        "combinations": [
            {"name": "combined-fluid", "source": "test", "hours": 24, "at_least": 2, "of":
             ["weight-gain-1.36kg-1d", "weight-rise-1.36-48h", "systolic-high-inner"]},
            {"name": "combined-pressure-and-weight", "source": "test", "hours": 120, "at_least": 2,
             "of": ["systolic-high-outer", "weight-rise-1.36-48h"]},
        ],
    },
    {
        "thresholds": [
            {"code": "systolic", "source": "test", "high_inner": "150", "hysteresis": "0"},
            {"code": "weight", "source": "test", "high_outer": "72", "hysteresis": "0.5"},
        ],
        "gains": [{"name": "weight-gain-1kg-2d", "source": "test", "days": 2, "more_than": "1"}],
        "rules": [
            {"kind": "baseline", "name": "systolic-fall-baseline", "code": "systolic",
             "source": "test", "side": "fall", "days": 2, "at_least": "0.5", "least": 2},
            {"kind": "spread", "name": "weight-spread", "code": "weight", "source": "test",
             "side": "rise", "days": 3, "more_than": "0.5", "least": 3},
        ],
        "combinations": [
            {"name": "combined-either", "source": "test", "hours": 1, "at_least": 1,
             "of": ["weight-high-outer", "systolic-high-inner"]},
        ],
    },
]  # fmt: skip

instants = st.integers(0, 40).map(lambda step: BASE + step * 3 * HOUR)
systolic = st.sampled_from(
    ["79.9", "80", "88", "90.4", "90.5", "95", "120", "136", "140", "140.1", "151", "179", "185",
     "LO", "HI"]
)  # fmt: skip
weight = st.sampled_from(
    ["68", "69.36", "70", "70.64", "71", "71.359", "71.36", "72", "72.001", "72.3", "HI"]
)
systolics, weights = (
    systolic.map(lambda v: ("systolic", v)),
    weight.map(lambda v: ("weight", v)),
)
measurement = st.tuples(instants, st.one_of(systolics, weights))


# A value every six hours: what averages, trends and combinations need.
def _every_six_hours(values: st.SearchStrategy, least: int = 16) -> st.SearchStrategy:
    drawn = st.tuples(st.integers(0, 16), st.lists(values, min_size=least, max_size=24))
    return drawn.map(
        lambda one: [(BASE + (one[0] + 2 * i) * 3 * HOUR, value) for i, value in enumerate(one[1])]
    )


dense = st.one_of(
    _every_six_hours(systolics),
    _every_six_hours(systolics, least=22),
    _every_six_hours(weights),
    _every_six_hours(st.one_of(systolics, weights)),
)
stream = st.fixed_dictionaries(
    {
        "series": st.one_of(st.lists(measurement, min_size=1, max_size=24), dense),
        "flagged": st.sets(st.integers(0, 23), max_size=2),
        "shuffle": st.randoms(use_true_random=False),
        "cuts": st.lists(st.integers(1, 24), max_size=4),
        "restarts": st.sets(st.integers(0, 4), max_size=1),
        "snapshots": st.sets(st.integers(0, 4), max_size=1),
        "second_plan": st.none() | instants,
        "second_plan_after": st.integers(0, 4),
        "first_plan_from": st.just(0) | instants,
        "withdrawn": st.sets(st.integers(0, 23), max_size=3),
        "again": st.lists(st.integers(0, 23), max_size=3),
        "zone": st.sampled_from(["Europe/Rome", "UTC", "Pacific/Auckland"]),
        "sorted_first": st.booleans(),
    }
)
RULES = [rule["name"] for plan in PLANS for rule in (*plan["rules"], *plan["combinations"])]
LEVELS = ["systolic-low-outer", "systolic-low-inner", "systolic-high-inner", "systolic-high-outer",
          "weight-high-outer"]  # fmt: skip
GAINS = [gain["name"] for plan in PLANS for gain in plan["gains"]]
WINDOWED = {*GAINS, *(rule for rule in RULES if not rule.startswith("combined"))}
KINDS = ["over", "late", "superseded", "withdrawn", "plan change", "comparator", "repeat",
         "flagged", "many at once", "restart", "snapshot"]  # fmt: skip


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    """What all the parts saw."""
    return Counter()


@pytest.mark.parametrize("part", range(PARTS))
def test_findings_in_force_are_those_of_the_sorted_stream(part: int, seen: Counter[str]) -> None:
    with worlds(BASE + 40 * 24 * HOUR) as made:

        def check(group: list[dict], seen: Counter[str]) -> None:
            _check(made.new(), [_Home(*one) for one in enumerate(group, 1)], seen)

        must_hold(stream, check, STREAMS, part, seen)


def test_every_rule_level_and_kind_of_the_sorted_stream_is_common(seen: Counter[str]) -> None:
    must_be_common(seen, (*KINDS, *LEVELS, *GAINS, *RULES))


class _Home:
    """One patient's stream, and in which batches it comes."""

    def __init__(self, number: int, drawn: dict) -> None:
        self.number, self.drawn = number, drawn
        self.address = f"AA:BB:CC:DD:EE:{number:02X}"
        self.epoch = f"{number:032x}"
        self.patient = 0
        self.series = [
            (at, code, value, number * 1000 + i)
            for i, (at, (code, value)) in enumerate(drawn["series"])
        ]
        self.order = list(range(len(self.series)))
        if not drawn["sorted_first"]:
            drawn["shuffle"].shuffle(self.order)
        self.order += [i for i in drawn["again"] if i < len(self.series)]  # under a new seq
        inside = (cut for cut in drawn["cuts"] if cut < len(self.order))
        self.cuts = list(pairwise(sorted({0, len(self.order), *inside})))
        self.versions = [oracle.Version(1, drawn["first_plan_from"], drawn["zone"], PLANS[0])]
        self.second_plan_at = min(drawn["second_plan_after"], len(self.cuts) - 1)

    def batch(self, number: int) -> Arrival:
        """Pack one batch of the stream."""
        start, end = self.cuts[number]
        elements = [
            wire(seq + 1, _content(self.series[i]), {self.series[i][1]: self.series[i][2]},
                 self.series[i][0], device=self.address,
                 flags=["irregular-pulse"] if i in self.drawn["flagged"] else [])
            for seq, i in enumerate(self.order[start:end], start)
        ]  # fmt: skip
        return envelope("gw-1", elements, start + 1, self.epoch)


def _check(world: World, homes: list[_Home], seen: Counter) -> None:
    for home in homes:
        home.patient = world.patient(f"P{home.number}", home.drawn["zone"])
        world.device(home.address, home.patient)
        world.plan(home.patient, PLANS[0], home.drawn["first_plan_from"])
    for batch in range(max(len(home.cuts) for home in homes)):
        sending = [home for home in homes if batch < len(home.cuts)]
        for home in sending:
            _change_plan(world, home, batch, seen)
        world.send(*(home.batch(batch) for home in sending))
        if any(batch in home.drawn["restarts"] for home in sending):
            world.restart(world.snapshot_file)
            seen["restart"] += 1
        world.run()
        if any(batch in home.drawn["snapshots"] for home in sending):
            snapshot.save(world.snapshot_file, world.judge.state, "f" * 32)
            seen["snapshot"] += 1
        many = sum(end - start for start, end in (home.cuts[batch] for home in sending))
        seen["many at once"] += many > FEW_OBSERVATIONS
    for home in homes:
        for i in home.drawn["withdrawn"]:
            if i < len(home.series):
                _withdraw(world, home.patient, home.epoch, home.order.index(i) + 1)
    world.run()
    for home in homes:
        _compare(world, home, seen)
    same_state(world.judge.state, world.restored())


def _change_plan(world: World, home: _Home, batch: int, seen: Counter) -> None:
    from_at = home.drawn["second_plan"]
    if from_at is not None and batch == home.second_plan_at:
        world.plan(home.patient, PLANS[1], from_at)
        home.versions.append(oracle.Version(2, from_at, home.drawn["zone"], PLANS[1]))
        seen["plan change"] += 1


def _content(one: tuple) -> int:
    """Make content ids that are unique but sort in no relation to the order of sending."""
    return (one[3] * 0x9E3779B97F4A7C15F39CC0605CEDC834) % 2**128


def _withdraw(world: World, patient: int, epoch: str, seq: int) -> None:
    with world.store.write() as tx:
        epoch_id = tx.measurements.epochs([("gw-1", epoch)])["gw-1", epoch].id
        row = NewInput(InputKind.WITHDRAWN, patient, epoch_id, seq, 0, world.now)
        tx.inputs.append([row])


def _compare(world: World, home: _Home, seen: Counter) -> None:
    drawn = home.drawn
    kept = [one for i, one in enumerate(home.series) if i not in drawn["withdrawn"]]
    expected = oracle.findings(
        [oracle.Seen(at, f"{_content((at, code, value, n)):032x}", code, decimal(value),
                     n % 1000 in drawn["flagged"])
         for at, code, value, n in kept],
        home.versions,
    )  # fmt: skip
    rows = world.rows(
        "SELECT f.rule, f.version, f.measured_at, hex(m.content_id), f.state FROM findings f"
        " JOIN measurements m ON m.epoch_id = f.epoch_id AND m.seq = f.seq"
        f" WHERE f.patient_id = {home.patient} AND f.in_series"
    )
    in_force = [(row[0], row[1], row[2], row[3].lower()) for row in rows if row[4] == "in-force"]
    assert len(in_force) == len(set(in_force)), "a finding is in force twice"
    assert set(in_force) == expected
    raised = world.rows(f"SELECT rule, cleared_at FROM alerts WHERE patient_id = {home.patient}")
    assert {rule for rule, *_ in expected} <= {row[0] for row in raised}
    _over(home, dict(raised), kept, expected, seen)
    seen.update({rule for rule, *_ in expected})
    seen.update({row[4] for row in rows} - {"in-force"})
    seen["late"] += not drawn["sorted_first"] and bool(expected)
    seen["comparator"] += any(one[2] in ("LO", "HI") for one in kept)
    seen["flagged"] += any(one[3] % 1000 in drawn["flagged"] for one in kept)
    seen["repeat"] += any(i < len(home.series) for i in drawn["again"])


def _over(home: _Home, cleared: dict, kept: list[tuple], expected: set, seen: Counter) -> None:
    """The condition of a rule over a window holds while the newest value is beyond; limits have
    their hysteresis, and combinations are ended by a person.

    Of one plan and what was not withdrawn: neither makes what is over hold again.
    """
    if len(home.versions) > 1 or home.drawn["withdrawn"]:
        return
    newest = {}
    for at, code, value, n in kept:
        last = (at, f"{_content((at, code, value, n)):032x}")
        newest[code] = max(last, newest.get(code, last))
    beyond = {(rule, (at, content)) for rule, _, at, content in expected}
    for rule in {rule for rule, *_ in expected} & WINDOWED:
        holds = (rule, newest[rule.split("-")[0]]) in beyond
        assert (cleared[rule] is None) == holds, rule
        seen["over"] += not holds
