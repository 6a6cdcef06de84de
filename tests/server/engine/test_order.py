"""Promise 4: the findings in force are those of the sorted stream, whatever the order.

Everything runs for real: envelopes through commit 1, the engine through commit 2, on SQLite. Each
example is a patient of its own in one database. The oracle shares no line with the engine.
"""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from contract.codes import BY_NUMBER
from server.engine.change import REACH_MAX
from server.engine.state import State
from server.ports.inputs import InputKind, NewInput
from server.stores import snapshot
from server.stores.database import Database
from tests.server.engine import oracle
from tests.server.world import World, decimal, envelope, wire

EXAMPLES = int(os.environ.get("VICINO_ORDER_EXAMPLES", "300"))
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
def _every_six_hours(values: st.SearchStrategy) -> st.SearchStrategy:
    drawn = st.tuples(st.integers(0, 16), st.lists(values, min_size=16, max_size=24))
    return drawn.map(
        lambda one: [(BASE + (one[0] + 2 * i) * 3 * HOUR, value) for i, value in enumerate(one[1])]
    )


dense = st.one_of(
    _every_six_hours(systolics),
    _every_six_hours(weights),
    _every_six_hours(st.one_of(systolics, weights)),
)
example = st.fixed_dictionaries(
    {
        "series": st.one_of(st.lists(measurement, min_size=1, max_size=24), dense),
        "flagged": st.sets(st.integers(0, 23), max_size=2),
        "shuffle": st.randoms(use_true_random=False),
        "cuts": st.lists(st.integers(1, 24), max_size=4),
        "restarts": st.sets(st.integers(0, 4), max_size=2),
        "second_plan": st.none() | instants,
        "second_plan_after": st.integers(0, 4),
        "first_plan_from": st.just(0) | instants,
        "withdrawn": st.sets(st.integers(0, 23), max_size=3),
        "again": st.lists(st.integers(0, 23), max_size=3),
        "zone": st.sampled_from(["Europe/Rome", "UTC", "Pacific/Auckland"]),
        "sorted_first": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def order_world() -> Iterator[World]:
    # In memory where the machine has such a folder: thousands of durable commits prove no more.
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        store = Database(f"sqlite:///{folder}/vicino.db")
        world = World(store, now=BASE + 40 * 24 * HOUR)
        world.snapshot_file = Path(folder) / "engine.npz"
        yield world
        store.close()


def test_findings_in_force_are_those_of_the_sorted_stream(order_world: World) -> None:
    seen: Counter[str] = Counter()

    @seed(datetime.now(UTC).toordinal())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(example)
    def holds(drawn: dict) -> None:
        number = seen["examples"] = seen["examples"] + 1
        _check(order_world, number, drawn, seen)

    holds()
    print(dict(seen))
    _same_state(order_world.judge.state, order_world.restored())
    rules = [rule["name"] for plan in PLANS for rule in (*plan["rules"], *plan["combinations"])]
    for kind in (
        *("late", "superseded", "withdrawn", "plan change", "comparator", "gain", "repeat"),
        *("flagged", *rules),
    ):
        assert seen[kind] >= seen["examples"] * 0.02, f"{kind} is too rare to prove anything"


def _check(world: World, number: int, drawn: dict, seen: Counter) -> None:
    address = ":".join(f"{byte:02X}" for byte in (0xAA, 0, *number.to_bytes(4, "big")))
    epoch = f"{number:032x}"
    patient = world.patient(f"P{number}", drawn["zone"])
    world.device(address, patient)
    versions = [oracle.Version(1, drawn["first_plan_from"], drawn["zone"], PLANS[0])]
    world.plan(patient, PLANS[0], drawn["first_plan_from"])

    series = [
        (at, code, value, number * 1000 + i)
        for i, (at, (code, value)) in enumerate(drawn["series"])
    ]
    order = list(range(len(series)))
    if not drawn["sorted_first"]:
        drawn["shuffle"].shuffle(order)
    order += [i for i in drawn["again"] if i < len(series)]  # sent again under a new seq
    cuts = sorted({0, len(order), *(cut for cut in drawn["cuts"] if cut < len(order))})
    for batch, (start, end) in enumerate(pairwise(cuts)):
        if drawn["second_plan"] is not None and batch == min(
            drawn["second_plan_after"], len(cuts) - 2
        ):
            world.plan(patient, PLANS[1], drawn["second_plan"])
            versions.append(oracle.Version(2, drawn["second_plan"], drawn["zone"], PLANS[1]))
            seen["plan change"] += 1
        elements = [
            wire(seq + 1, _content(series[i]), {series[i][1]: series[i][2]}, series[i][0],
                 device=address, flags=["irregular-pulse"] if i in drawn["flagged"] else [])
            for seq, i in enumerate(order[start:end], start)
        ]  # fmt: skip
        world.send(envelope("gw-1", elements, start + 1, epoch))
        if batch in drawn["restarts"]:
            world.restart(world.snapshot_file)
        world.run()
    kept = [one for i, one in enumerate(series) if i not in drawn["withdrawn"]]
    for i in drawn["withdrawn"]:
        if i < len(series):
            _withdraw(world, patient, epoch, order.index(i) + 1)
    world.run()
    snapshot.save(world.snapshot_file, world.judge.state, "f" * 32)
    _compare(world, patient, kept, versions, drawn, seen)


def _same_state(lived: State, restored: State) -> None:
    """A state folded from the log alone is the one that lived through every order and restart."""
    assert lived.position == restored.position
    for patient, code in lived.owner[: lived.used]:
        word = BY_NUMBER[code]
        one, other = lived.slot(patient, word), restored.slot(patient, word)
        mine, theirs = lived.rows[one].copy(), restored.rows[other].copy()
        for (family, mine_at), (_, their_at) in zip(
            lived.places(one), restored.places(other), strict=True
        ):
            rows = lived.tables[family.name].rows, restored.tables[family.name].rows
            memories = family.load(rows[0][mine_at]), family.load(rows[1][their_at])
            if family.name == "change":  # what no window reaches any more is no state
                at = int(mine["last"][0]) - REACH_MAX
                memories = tuple([pair for pair in one if pair[0] >= at] for one in memories)
            assert memories[0] == memories[1], (patient, word, family.name)
            names = set(family.empty(1).dtype.names) & {"exceeds", "kind", "reach", "sign", "days"}
            for name in names:
                assert (rows[0][mine_at][name] == rows[1][their_at][name]).all(), name
        for places in (mine, theirs):  # where a thing stands in a list is no state
            places["zone"], places["extra"] = 0, 0
        assert mine == theirs, (patient, word)


def _content(one: tuple) -> int:
    """Make content ids that are unique but sort in no relation to the order of sending."""
    return (one[3] * 0x9E3779B97F4A7C15F39CC0605CEDC834) % 2**128


def _withdraw(world: World, patient: int, epoch: str, seq: int) -> None:
    with world.store.write() as tx:
        epoch_id = tx.measurements.epochs([("gw-1", epoch)])["gw-1", epoch].id
        row = NewInput(InputKind.WITHDRAWN, patient, epoch_id, seq, 0, world.now)
        tx.inputs.append([row])


def _compare(world, patient, kept, versions, drawn, seen) -> None:
    expected = oracle.findings(
        [oracle.Seen(at, f"{_content((at, code, value, n)):032x}", code, decimal(value),
                     n % 1000 in drawn["flagged"])
         for at, code, value, n in kept],
        versions,
    )  # fmt: skip
    rows = world.rows(
        "SELECT f.rule, f.version, f.measured_at, hex(m.content_id), f.state FROM findings f"
        " JOIN measurements m ON m.epoch_id = f.epoch_id AND m.seq = f.seq"
        f" WHERE f.patient_id = {patient} AND f.in_series"
    )
    in_force = [(row[0], row[1], row[2], row[3].lower()) for row in rows if row[4] == "in-force"]
    assert len(in_force) == len(set(in_force)), "a finding is in force twice"
    assert set(in_force) == expected
    states = {row[4] for row in rows}
    seen["superseded"] += "superseded" in states
    seen["withdrawn"] += "withdrawn" in states
    seen["late"] += not drawn["sorted_first"] and bool(expected)
    seen["comparator"] += any(one[2] in ("LO", "HI") for one in kept)
    seen["gain"] += any(rule.startswith("weight-gain") for rule, *_ in expected)
    seen["flagged"] += any(one[3] % 1000 in drawn["flagged"] for one in kept)
    seen.update({rule for rule, *_ in expected})
    seen["repeat"] += any(i < len(drawn["series"]) for i in drawn["again"])
    raised = {row[0] for row in world.rows(f"SELECT rule FROM alerts WHERE patient_id = {patient}")}
    assert {rule for rule, *_ in expected} <= raised
