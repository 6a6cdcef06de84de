"""A plan with an end: then the one before it rules again, and nothing is unwatched meanwhile."""

import pytest

from server.domain.instants import DAY, HOUR, MINUTE
from server.errors import WrongInput
from server.services import setting_up
from server.services.setting_up import Confirmation
from tests.server.world import T0, World, envelope, wire

CUFF = "AA:BB:CC:DD:EE:01"


def limit(high: str, due: str = "20:00") -> dict:
    threshold = {"code": "systolic", "source": "test", "high_outer": high}
    return {"thresholds": [threshold], "expected": [{"code": "systolic", "due": due}]}


def confirmed(world: World, patient: int, plan: dict, from_at: int, until_at: int | None) -> None:
    version = world.plan(patient, plan, from_at)
    with world.store.write() as tx:
        tx.directory.confirm_plan(patient, version, "dora", world.now, from_at, until_at)
    world.run()


def beat(world: World, seq: int, at: int) -> None:
    world.send(envelope("gw-1", [wire(seq, seq, {"systolic": "170"}, at)], seq))
    world.run()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_a_value_is_judged_by_what_rules_at_its_own_time(
    world: World, restart: bool, late: bool
) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    confirmed(world, patient, limit("160"), T0 - DAY, None)
    confirmed(world, patient, limit("190"), T0, T0 + 2 * HOUR)
    if restart:
        world.restart()
    times = [T0 - HOUR, T0, T0 + 2 * HOUR - 1, T0 + 2 * HOUR, T0 + 3 * HOUR]
    world.now = T0 + 4 * HOUR
    for seq, at in enumerate(times[::-1] if late else times, 1):
        beat(world, seq, at)
    found = world.rows("SELECT measured_at, version FROM findings ORDER BY 1")
    assert found == [(T0 - HOUR, 1), (T0 + 2 * HOUR, 1), (T0 + 3 * HOUR, 1)]


def test_what_is_due_follows_the_version_that_rules(world: World) -> None:
    """A version of one morning has a due time of its own, and the evening's is not forgotten."""
    patient = world.patient()
    world.device(CUFF, patient)
    confirmed(world, patient, limit("160"), T0 - DAY, None)
    world.now = T0
    world.run()
    begin = (T0 // DAY + 1) * DAY + 4 * HOUR  # 06:00 in Rome
    confirmed(world, patient, limit("160", "10:00"), begin, begin + 6 * HOUR)
    for hour in range(0, 48, 1):
        world.now = T0 // DAY * DAY + hour * HOUR + MINUTE
        world.run()
    due = world.rows("SELECT due_at, cause FROM absences ORDER BY 1")
    day = T0 // DAY * DAY
    assert [at - day for at, _ in due] == [18 * HOUR, DAY + 8 * HOUR, DAY + 18 * HOUR]


@pytest.mark.parametrize("until", ["2026-09-21T14:00:00+00:00", "2026-09-20T10:00:00+00:00"])
def test_an_end_lies_ahead(world: World, until: str) -> None:
    world.patient()
    with world.store.write() as tx:
        person = tx.directory.patient(1)
        assert person is not None
        version = tx.directory.add_plan(person, setting_up.parse_plan("{}"), "dora", world.now)
        new = Confirmation(
            patient="P1", version=version, by="dora", from_="2026-09-21T10:00:00Z", until=until
        )
        with pytest.raises(WrongInput, match="until"):
            setting_up.confirm_plan(tx, new, world.now)
