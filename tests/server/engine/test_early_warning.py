"""NEWS2 on live series, against a slow oracle; whole and in part, late, withdrawn, restarted."""

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import strategies as st

from server.domain.instants import DAY, MINUTE
from server.errors import WrongInput
from server.ports.inputs import InputKind, NewInput
from server.services import alert_work, early_warnings, setting_up
from server.services.explaining import explain
from server.services.storing import Arrival
from tests.server.engine.streams import PARTS, STREAMS, must_be_common, must_hold, worlds
from tests.server.world import T0, World, envelope, wire

DEVICE = "AA:BB:CC:DD:EE:01"
PLAN = {"early_warning": {"source": "test", "scale": 1}}
# Of each input a few values with their points, from the printed chart (scale 1, scale 2 on air).
CHART = {
    "respiration-rate": {"16": 0, "22": 2, "25": 3},
    "spo2": {"97": 0, "93": 2, "90": 3},
    "supplemental-oxygen": {"0": 0, "1": 2},
    "systolic": {"120": 0, "95": 2, "LO": 3},
    "pulse": {"70": 0, "120": 2, "131": 3},
    "consciousness": {"0": 0, "1": 3},
    "temperature": {"36.8": 0, "39.5": 2},
}
CALM = {code: next(iter(values)) for code, values in CHART.items()}


def expected(series: list[tuple[int, str, str]]) -> set[tuple[str, int]]:
    """(rule, instant) of a series of (at, code, value), the later of an instant's winning."""
    found = set()
    for at in {one[0] for one in series}:
        window = [one for one in sorted(series) if at - 30 * MINUTE <= one[0] <= at]
        newest = {code: value for _, code, value in window}
        points = [CHART[code][value] for code, value in newest.items()]
        total = sum(points)
        band = "high" if total >= 7 else "medium" if total >= 5 else None
        band = band or ("low-medium" if 3 in points else None)
        if band:
            part = "partial-" if len(newest) < len(CHART) else ""
            found.add((f"news2-{part}{band}", at))
    return found


one_code = st.sampled_from(sorted(CHART)).flatmap(
    lambda code: st.tuples(
        st.integers(0, 12).map(lambda step: T0 - DAY + step * 10 * MINUTE),
        st.just(code),
        st.sampled_from(sorted(CHART[code])),
    )
)
THREE = [(code, value) for code in CHART for value, points in CHART[code].items() if points == 3]
chart = st.one_of(
    st.fixed_dictionaries({code: st.sampled_from(sorted(CHART[code])) for code in CHART}),
    st.sampled_from(THREE).map(lambda one: CALM | dict([one])),
)
stream = st.fixed_dictionaries(
    {
        "charts": st.lists(st.tuples(st.integers(0, 12), chart), min_size=1, max_size=2),
        "series": st.lists(one_code, max_size=10),
        "shuffle": st.randoms(use_true_random=False),
        "cuts": st.lists(st.integers(1, 20), max_size=3),
        "withdrawn": st.sets(st.integers(0, 20), max_size=2),
    }
)


KINDS = ["superseded", "withdrawn", "news2-high", "news2-medium", "news2-low-medium",
         "news2-partial-high", "news2-partial-medium"]  # fmt: skip


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    """What all the parts saw."""
    return Counter()


@pytest.mark.parametrize("part", range(PARTS))
def test_the_score_is_that_of_the_sorted_stream(part: int, seen: Counter[str]) -> None:
    with worlds(T0) as made:

        def check(group: list[dict], seen: Counter[str]) -> None:
            _check(made.new(), [_Home(*one) for one in enumerate(group, 1)], seen)

        must_hold(stream, check, STREAMS // 3, part, seen)


def test_every_band_and_kind_of_the_sorted_stream_is_common(seen: Counter[str]) -> None:
    must_be_common(seen, KINDS)


class _Home:
    """One patient's stream, and in which batches it comes."""

    def __init__(self, number: int, drawn: dict) -> None:
        self.number = number
        self.address = f"AA:BB:CC:DD:EE:{number:02X}"
        self.epoch = f"{number:032x}"
        self.patient = 0
        charts = [
            (T0 - DAY + step * 10 * MINUTE, code, value)
            for step, values in drawn["charts"]
            for code, value in values.items()
        ]
        # One value of a code an instant: which of two counts is the content's order, not a rule.
        self.series = list({(one[0], one[1]): one for one in charts + drawn["series"]}.values())
        drawn["shuffle"].shuffle(self.series)
        inside = (cut for cut in drawn["cuts"] if cut < len(self.series))
        self.cuts = list(pairwise(sorted({0, len(self.series), *inside})))
        self.gone = {i for i in drawn["withdrawn"] if i < len(self.series)}

    def batch(self, number: int) -> Arrival:
        """Pack one batch of the stream."""
        start, end = self.cuts[number]
        elements = [
            wire(i + 1, self.number * 1000 + i, {code: value}, at, device=self.address)
            for i, (at, code, value) in enumerate(self.series[start:end], start)
        ]
        return envelope("gw-1", elements, start + 1, self.epoch)


def _check(world: World, homes: list[_Home], seen: Counter[str]) -> None:
    for home in homes:
        home.patient = world.patient(f"P{home.number}")
        world.device(home.address, home.patient)
        world.plan(home.patient, PLAN, 0)
    for batch in range(max(len(home.cuts) for home in homes)):
        world.send(*(home.batch(batch) for home in homes if batch < len(home.cuts)))
        world.run()
    with world.store.write() as tx:
        for home in homes:
            epoch_id = tx.measurements.epochs([("gw-1", home.epoch)])["gw-1", home.epoch].id
            kind, patient = InputKind.WITHDRAWN, home.patient
            tx.inputs.append(
                [NewInput(kind, patient, epoch_id, i + 1, 0, world.now) for i in home.gone]
            )
    world.run()
    for home in homes:
        _compare(world, home, seen)


def _compare(world: World, home: _Home, seen: Counter[str]) -> None:
    rows = world.rows(
        f"SELECT rule, measured_at, state FROM findings WHERE patient_id = {home.patient}"
    )
    in_force = [row[:2] for row in rows if row[2] == "in-force"]
    assert len(in_force) == len(set(in_force))
    kept = [one for i, one in enumerate(home.series) if i not in home.gone]
    assert set(in_force) == expected(kept)
    seen.update({row[0] for row in rows})
    seen.update({row[2] for row in rows})


def _send(world: World, seq: int, values: dict[str, str], at: int) -> None:
    world.send(envelope("gw-1", [wire(seq, seq, values, at, device=DEVICE)], seq))
    world.run()


def _home(world: World, scale: int = 1) -> int:
    patient = world.patient()
    world.device(DEVICE, patient)
    plan = {"early_warning": {"source": "test", "scale": scale, "doctor": "dora"}}
    world.plan(patient, plan, T0 - 30 * DAY)
    world.run()
    return patient


def _open(world: World) -> dict[str, tuple]:
    rows = world.rows("SELECT rule, priority, newest, cleared_at IS NULL FROM alerts")
    return {row[0]: row[1:] for row in rows}


def test_an_ill_patient_is_scored_told_cleared_and_explained(world: World) -> None:
    _home(world)
    _send(
        world, 1, {**CALM, "respiration-rate": "25", "spo2": "90", "pulse": "120"}, T0 - 9 * MINUTE
    )
    assert _open(world) == {"news2-high": ("high", 8, 1)}
    alert = world.rows("SELECT id FROM alerts")[0][0]
    with world.store.read() as tx:
        assert [one.equal for one in explain(tx, alert)[1]] == [True]
    _send(world, 2, CALM, T0 - 2 * MINUTE)
    assert _open(world) == {"news2-high": ("high", 8, 0)}


def test_scale_2_is_the_plans_and_never_assumed(world: World) -> None:
    _home(world, scale=2)
    _send(world, 1, {**CALM, "spo2": "90", "respiration-rate": "22", "pulse": "131"}, T0 - MINUTE)
    assert _open(world) == {"news2-medium": ("medium", 5, 1)}  # spo2: 0 points, 3 by scale 1


def test_a_part_is_named_as_such_and_missing_inputs_are_never_made_up(world: World) -> None:
    """H11: no breathing rate and no consciousness, and yet certain: it can only grow."""
    _home(world)
    _send(world, 1, {"spo2": "90", "systolic": "LO"}, T0 - 40 * MINUTE)
    assert _open(world) == {"news2-partial-medium": ("medium", 6, 1)}


def test_who_cannot_be_woken_is_told_without_the_other_six_inputs(world: World) -> None:
    _home(world)
    _send(world, 1, {"consciousness": "4"}, T0 - MINUTE)
    assert _open(world) == {"news2-partial-low-medium": ("medium", 3, 1)}


def test_less_that_is_known_ends_no_score_and_a_whole_one_does(world: World) -> None:
    """H4: a pulse alone, half an hour later, is no calm."""
    _home(world)
    _send(world, 1, CALM | {"respiration-rate": "25", "spo2": "90"}, T0 - 60 * MINUTE)
    _send(world, 2, {"pulse": "70"}, T0 - 20 * MINUTE)
    assert _open(world) == {"news2-medium": ("medium", 6, 1)}
    _send(world, 3, CALM, T0 - 2 * MINUTE)
    assert _open(world) == {"news2-medium": ("medium", 6, 0)}


def test_a_score_that_came_and_went_in_one_reconnect_is_over(world: World) -> None:
    _home(world)
    ill = CALM | {"respiration-rate": "25", "spo2": "90", "pulse": "131"}
    both = [wire(1, 1, ill, T0 - 60 * MINUTE), wire(2, 2, CALM, T0 - 5 * MINUTE)]
    world.send(envelope("gw-1", both, 1))
    world.run()
    assert _open(world) == {"news2-high": ("high", 9, 0)}


def test_a_score_that_grows_is_told_again_and_ends_a_pause(world: World) -> None:
    """H4: worse by two points than what was acknowledged."""
    _home(world)
    _send(world, 1, CALM | {"respiration-rate": "25", "spo2": "90", "pulse": "120"}, T0)
    with world.store.write() as tx:
        (alert,) = world.rows("SELECT id FROM alerts")
        alert_work.acknowledge(tx, tx.directory.user("anna"), alert[0], T0)
    world.now = T0 + 5 * MINUTE
    _send(world, 2, CALM | {"respiration-rate": "25", "spo2": "90", "pulse": "131"}, world.now)
    told = [row[0] for row in world.rows("SELECT reason FROM messages ORDER BY id")]
    assert told == ["raised"]  # one point more
    _send(world, 3, {"consciousness": "4"}, world.now + MINUTE)
    assert "got-worse" in [row[0] for row in world.rows("SELECT reason FROM messages")]


@pytest.mark.parametrize("doubt", [{"clock": "unsynchronised"}, {"user": 9}], ids=["when", "whose"])
def test_a_doubted_measurement_is_scored_by_itself(world: World, doubt: dict) -> None:
    """H1, H2: a whole score of 20 is told, marked where it is not confirmed whose it is."""
    patient = world.patient()
    world.device(DEVICE, patient, T0 - 30 * DAY, 1 if "user" in doubt else None)
    world.plan(patient, PLAN, T0 - 30 * DAY)
    world.run()
    ill = {code: max(values, key=values.__getitem__) for code, values in CHART.items()}
    world.send(envelope("gw-1", [wire(1, 1, ill, T0 - MINUTE, device=DEVICE, **doubt)], 1))
    world.run()
    assert _open(world)["news2-high"][:2] == ("high", 19)
    ((alert, confirmed),) = world.rows("SELECT id, confirmed FROM alerts WHERE rule = 'news2-high'")
    assert confirmed == ("user" not in doubt)
    with world.store.read() as tx:
        assert [one.equal for one in explain(tx, alert)[1]] == [True]


def test_a_single_doubted_input_is_scored_by_itself(world: World) -> None:
    """H2: who cannot be woken is told whatever the gateway's clock says."""
    _home(world)
    one = wire(1, 1, {"consciousness": "4"}, T0 - MINUTE, device=DEVICE, clock="unsynchronised")
    world.send(envelope("gw-1", [one], 1))
    world.run()
    assert _open(world) == {"news2-partial-low-medium": ("medium", 3, 1)}


def test_a_late_value_corrects_the_score_that_is_shown(world: World) -> None:
    _home(world)
    _send(world, 1, {"respiration-rate": "25", "spo2": "90", "consciousness": "1"}, T0)
    _send(world, 2, {"pulse": "131"}, T0 - MINUTE)
    rows = world.rows("SELECT value, state FROM findings WHERE rule = 'news2-partial-high'")
    assert sorted(rows) == [(9, "superseded"), (12, "in-force")]
    ((alert, worst, superseded),) = world.rows(
        "SELECT id, worst, superseded FROM alerts WHERE rule = 'news2-partial-high'"
    )
    assert (worst, superseded) == (12, 0)
    with world.store.read() as tx:
        assert all(one.equal for one in explain(tx, alert)[1])


def test_a_score_expects_what_devices_measure_of_it(world: World) -> None:
    """H8: nothing measured is never calm."""
    _home(world)
    world.now = T0 + 26 * 60 * MINUTE
    world.run()
    missing = {row[0] for row in world.rows("SELECT rule FROM alerts")}
    assert missing == {"missing-systolic", "missing-spo2", "missing-temperature"}


@pytest.mark.parametrize(
    "value", [("consciousness", "0.4"), ("consciousness", "LO"), ("supplemental-oxygen", "0.4")]
)
def test_a_word_has_no_fraction_and_no_range(world: World, value: tuple[str, str]) -> None:
    _home(world)
    _send(world, 1, dict([value]), T0)
    assert world.rows("SELECT fate FROM measurements") == [("quarantined",)]


@pytest.mark.parametrize(("born_on", "refused"), [("2010-09-22", True), ("2010-09-21", False)])
def test_it_is_refused_under_sixteen(world: World, born_on: str, refused: bool) -> None:
    """H8: the chart is for adults. The day is 21 September 2026."""
    new = {"chc": "CHC Susa", "reference": "P9", "family_name": "A", "given_name": "B",
           "born_on": born_on, "language": "it", "zone": "Europe/Rome"}  # fmt: skip
    draft = {"patient": "P9", "author": "dora", "plan": PLAN}
    with world.store.write() as tx:
        setting_up.add_patient(tx, msgspec.convert(new, setting_up.NewPatient), T0)
        plan = msgspec.convert(draft, setting_up.NewPlan)
        if refused:
            with pytest.raises(WrongInput, match="not for a person under 16"):
                setting_up.add_plan(tx, plan, T0)
        else:
            assert setting_up.add_plan(tx, plan, T0) == 1


@pytest.mark.parametrize("scale", [0, 3])
def test_no_other_scale(world: World, scale: int) -> None:
    with pytest.raises(Exception, match="scale"):
        _home(world, scale)


def test_a_doubted_input_that_cannot_be_scored_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H7: its limits are judged all the same, and that there is no score is told."""

    def impossible(*_given: object) -> None:
        raise ValueError("spo2: 900")

    monkeypatch.setattr(early_warnings, "scored_alone", impossible)
    patient = world.patient()
    world.device(DEVICE, patient, user=1)
    news2 = {"source": "test", "scale": 1}
    limits = {"code": "spo2", "source": "test", "low_outer": "88"}
    world.plan(patient, {"early_warning": news2, "thresholds": [limits]}, T0 - DAY)
    one = wire(1, 1, {"spo2": "80"}, T0, device=DEVICE, user=7)
    world.send(envelope("gw-1", [one], 1))
    world.run()
    assert {"spo2-low-outer", "stored-not-judged"} <= set(_open(world))
    assert world.rows("SELECT count(*) FROM inputs WHERE set_aside IS NOT NULL") == [(0,)]
