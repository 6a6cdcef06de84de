"""Combinations at their edges, and their alerts' life."""

import json

import pytest

from server.domain.instants import DAY, HOUR
from server.domain.plans import parse_plan
from server.engine.combined import combined
from server.engine.rules import compile_version
from server.engine.series import NO_CODE, Finding
from server.errors import WrongInput
from server.services.explaining import explain
from tests.server.world import T0, World, envelope, wire

PLAN = {
    "thresholds": [
        {"code": "pulse", "source": "test", "high_inner": "110"},
        {"code": "spo2", "source": "test", "low_inner": "92"},
    ],
    "gains": [{"name": "weight-gain-2kg-3d", "source": "test", "days": 3, "more_than": "2"}],
    "combinations": [
        {
            "name": "combined-fluid",
            "source": "test",
            "of": ["weight-gain-2kg-3d", "pulse-high-inner", "spo2-low-inner"],
            "at_least": 2,
            "hours": 24,
            "priority": "high",
        }
    ],
}
CUFF, SCALE = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"


def plan(**changed: object) -> str:
    return json.dumps({**PLAN, "combinations": [{**PLAN["combinations"][0], **changed}]})


def found(*members: tuple[str, int], version: int = 1) -> list[tuple[str, int, int]]:
    compiled = compile_version(1, 0, "UTC", parse_plan(json.dumps(PLAN)))
    findings = [
        Finding(7, 3, rule, version, at, 1200, 5, seq) for seq, (rule, at) in enumerate(members)
    ]
    return [(one.rule, one.at, one.value) for one in combined([compiled], findings)]


PULSE, GAIN, SPO2 = "pulse-high-inner", "weight-gain-2kg-3d", "spo2-low-inner"


def test_two_of_three_within_the_hours_both_ends_included() -> None:
    assert found((PULSE, 0), (GAIN, 24 * HOUR)) == [("combined-fluid", 24 * HOUR, 2)]
    assert found((PULSE, 0), (GAIN, 24 * HOUR + 1)) == []
    assert found((PULSE, 0), (GAIN, 0)) == [("combined-fluid", 0, 2)] * 2
    assert found((SPO2, 3), (PULSE, 1), (GAIN, 2)) == [
        ("combined-fluid", 2, 2),
        ("combined-fluid", 3, 3),
    ]


def test_one_rule_twice_is_one_rule() -> None:
    assert found((PULSE, 0), (PULSE, HOUR)) == []


def test_a_finding_of_a_version_without_the_combination_meets_nothing() -> None:
    assert found((PULSE, 0), (GAIN, HOUR), version=2) == []


def test_one_measurement_carries_a_combination_once() -> None:
    version = compile_version(1, 0, "UTC", parse_plan(json.dumps(PLAN)))
    both = [Finding(7, code, rule, 1, 0, 9, 5, 1) for code, rule in ((3, PULSE), (5, SPO2))]
    (one,) = combined([version], both)
    assert (one.code, one.seq) == (NO_CODE, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"of": [PULSE, "pulse-high-outer"]}, "no rule pulse-high-outer with a value"),
        ({"of": [PULSE, "missing-pulse"]}, "no rule missing-pulse with a value"),
        ({"of": [PULSE, PULSE]}, "a rule is named twice"),
        ({"at_least": 4}, "at_least is more than there are rules"),
        ({"name": "weight-and-pulse"}, "name"),
        ({"hours": 169}, "hours"),
    ],
)
def test_a_wrong_combination_is_refused_with_its_key(changed: dict, said: str) -> None:
    with pytest.raises(WrongInput, match=said):
        parse_plan(plan(**changed))


def _home(world: World) -> int:
    patient = world.patient()
    world.device(CUFF, patient)
    world.device(SCALE, patient)
    world.plan(patient, PLAN, T0 - 30 * DAY)
    world.run()
    return patient


def _send(world: World, seq: int, device: str, values: dict[str, str], at: int) -> None:
    world.send(envelope("gw-1", [wire(seq, seq, values, at, device=device)], seq))
    world.run()


def _alerts(world: World) -> dict[str, tuple]:
    rows = world.rows("SELECT rule, priority, cleared_at IS NULL, superseded, id FROM alerts")
    return {row[0]: row[1:] for row in rows}


def test_weight_and_pulse_raise_one_alert_that_holds_until_a_person_closes_it(world: World) -> None:
    """H4: a pulse that is calm again, hours later, is no reason to call the whole calm."""
    _home(world)
    _send(world, 1, SCALE, {"weight": "80"}, T0 - 2 * DAY)
    _send(world, 2, CUFF, {"pulse": "118"}, T0 - 6 * HOUR)
    _send(world, 3, CUFF, {"pulse": "80"}, T0 - 5 * HOUR)
    assert "combined-fluid" not in _alerts(world)
    _send(world, 4, SCALE, {"weight": "82.5"}, T0 - 4 * HOUR)
    priority, holds, superseded, alert = _alerts(world)["combined-fluid"]
    assert (priority, holds, superseded) == ("high", 1, 0)
    with world.store.read() as tx:
        _, explained = explain(tx, alert)
    assert [(one.finding.value, one.equal) for one in explained] == [(2, True)]
    told = len(world.rows(f"SELECT id FROM messages WHERE alert_id = {alert}"))
    _send(world, 5, CUFF, {"pulse": "119"}, T0 - 3 * HOUR)
    assert len(world.rows(f"SELECT id FROM messages WHERE alert_id = {alert}")) == told


def test_late_data_that_takes_a_member_away_takes_the_combination_with_it(world: World) -> None:
    """A first weighing of the same morning comes late: there was no gain."""
    _home(world)
    _send(world, 1, SCALE, {"weight": "80"}, T0 - 2 * DAY)
    _send(world, 2, SCALE, {"weight": "82.5"}, T0 - 5 * HOUR)
    _send(world, 3, CUFF, {"pulse": "118"}, T0 - 4 * HOUR)
    _send(world, 4, SCALE, {"weight": "82.3"}, T0 - 2 * DAY - 60_000)
    states = dict(world.rows("SELECT rule, state FROM findings WHERE rule = 'combined-fluid'"))
    assert states == {"combined-fluid": "superseded"}
    assert _alerts(world)["combined-fluid"][2] == 1
