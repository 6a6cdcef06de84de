"""H8: who measures nothing is missed from the first day on, plan or no plan."""

import msgspec
import pytest

from server.domain.instants import DAY, HOUR, to_datetime
from server.services import setting_up
from server.services.setting_up import Confirmation, NewAssignment, NewDevice, NewPlan
from tests.server.services.test_judging import PLAN, alerts
from tests.server.world import T0, World, envelope, wire

CUFF, SCALE = "AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02"


@pytest.fixture
def home(world: World) -> World:
    world.patient()
    return world


def give(world: World, address: str, profile: str, patient: str = "P1") -> None:
    with world.store.write() as tx:
        if tx.directory.device_id(address) is None:
            device = NewDevice(address=address, profile=profile, chc="CHC Susa")
            setting_up.add_device(tx, device, world.now)
        new = NewAssignment(address=address, patient=patient, from_=text(world.now))
        setting_up.assign_device(tx, new, world.now)
    world.run()


def text(instant: int) -> str:
    return to_datetime(instant).isoformat()


def expected(world: World, patient: int = 1) -> list[str]:
    with world.store.read() as tx:
        rows = [row for row in tx.directory.plans(patient) if row.version == 0]
    return [one.code for row in rows for one in row.plan.expected]


def test_a_patient_without_a_plan_is_missed_by_eight_in_the_evening(home: World) -> None:
    give(home, CUFF, "generic_blood_pressure")
    home.now = T0 + 4 * HOUR  # 20:13 in Rome
    home.run()
    assert alerts(home) == {"missing-systolic": ("low", False, None, None)}
    home.send(envelope("gw-1", [wire(1, 1, {"systolic": "250"}, home.now)], 1))
    home.run()
    # Nothing but the absence is watched: no limit is confirmed.
    assert set(alerts(home)) == {"missing-systolic"}
    assert alerts(home)["missing-systolic"][1]


def test_each_device_adds_what_it_measures_and_a_device_given_on_takes_it_along(
    home: World,
) -> None:
    home.patient("P2")
    give(home, CUFF, "generic_blood_pressure")
    give(home, SCALE, "generic_weight_scale")
    assert expected(home) == ["systolic", "weight"]
    home.now += HOUR
    give(home, SCALE, "generic_weight_scale", "P2")
    assert (expected(home), expected(home, 2)) == (["systolic"], ["weight"])
    home.now += 3 * HOUR
    home.run()
    rows = home.rows("SELECT patient_id, rule FROM alerts ORDER BY patient_id")
    assert rows == [(1, "missing-systolic"), (2, "missing-weight")]


@pytest.mark.parametrize("from_at", [0, T0 - DAY, T0], ids=["ever", "yesterday", "now"])
def test_a_confirmed_plan_takes_its_place_from_whenever_it_is_in_force(
    home: World, from_at: int
) -> None:
    give(home, CUFF, "generic_blood_pressure")
    plan = {**PLAN, "expected": [{"code": "systolic", "due": "21:00"}]}
    with home.store.write() as tx:
        draft = {"patient": "P1", "author": "dora", "plan": plan}
        version = setting_up.add_plan(tx, msgspec.convert(draft, NewPlan), home.now)
        confirmation = Confirmation(patient="P1", version=version, by="dora", from_=text(from_at))
        setting_up.confirm_plan(tx, confirmation, home.now)
    assert version == 1
    home.run()
    give(home, SCALE, "generic_weight_scale")  # a later device changes the default only
    home.now = T0 + 4 * HOUR
    home.send(envelope("gw-1", [wire(1, 1, {"systolic": "190"}, T0 + HOUR)], 1))
    home.run()
    assert set(alerts(home)) == {"systolic-high-inner", "systolic-high-outer"}


def test_a_restart_knows_the_default(home: World) -> None:
    give(home, CUFF, "generic_blood_pressure")
    home.judge.state = home.restored()
    home.now = T0 + 4 * HOUR
    home.run()
    assert set(alerts(home)) == {"missing-systolic"}
