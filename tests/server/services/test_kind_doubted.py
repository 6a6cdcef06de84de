"""A ketone result that a meter sends as glucose is held, and judged only if a person says so."""

import pytest

from contract.messages import KIND_DOUBTED
from server.domain.instants import DAY
from tests.server.services.test_holding import decide, held_priority
from tests.server.world import T0, World, envelope, wire

METER = "C0:00:00:00:00:09"
PLAN = {"thresholds": [{"code": "glucose", "source": "test", "low_outer": "54"}]}


@pytest.fixture
def measured(world: World) -> World:
    patient = world.patient()
    world.device(METER, patient, T0 - 30 * DAY)
    world.plan(patient, PLAN, T0 - 30 * DAY)
    world.run()
    one = wire(1, 1, {"glucose": "13"}, world.now, device=METER, flags=[KIND_DOUBTED])
    world.send(envelope("gw-1", [one], 1))
    world.run()
    return world


def fates(world: World) -> list[tuple[str, str]]:
    return world.rows("SELECT fate, reason FROM measurements")


def findings(world: World) -> set[tuple[str, str]]:
    return set(world.rows("SELECT rule, state FROM findings"))


def test_it_is_held_and_no_hypoglycaemia(measured: World) -> None:
    assert fates(measured) == [("held", KIND_DOUBTED)]
    assert findings(measured) == set()
    assert held_priority(measured) == [("medium", 1)]


def test_given_to_the_patient_it_is_judged_and_taken_back_it_is_not(measured: World) -> None:
    decide(measured, "release", "P1")
    assert {rule for rule, _ in findings(measured)} == {"glucose-low-outer"}
    decide(measured, "take_back")
    assert fates(measured) == [("held", KIND_DOUBTED)]
    assert "in-force" not in {state for _, state in findings(measured)}


def test_rejected_it_is_nobodys(measured: World) -> None:
    decide(measured, "reject")
    assert findings(measured) == set()
