"""H12, H14: what is held for how it came stays held, whoever is said to have had the device."""

from server.domain.assignments import Tenure, laid_over, without
from server.domain.instants import DAY, HOUR
from server.services import holding
from tests.server.services.test_broadcasts import SCALE, fates, hear
from tests.server.services.test_correcting import batch, carry_out, change, correct, tenures, whose
from tests.server.services.test_judging import CUFF, PLAN
from tests.server.world import T0, World, envelope, wire


def two(world: World) -> None:
    for reference in ("P1", "P2"):
        world.plan(world.patient(reference), PLAN, T0 - 90 * DAY)


def weighed(world: World) -> None:
    """Maria's weighing, heard by two gateways."""
    two(world)
    world.device(SCALE, 1, T0 - 30 * DAY)
    with world.store.write() as tx:
        tx.directory.add_gateway("gw-2", world.chc, world.now, None)
    hear(world, "gw-1", "22")
    hear(world, "gw-2", "a2")
    world.run()
    world.now += HOUR


def corrected(world: World, after: list[Tenure], *, decided_too: bool = False) -> None:
    """Put other assignments of the scale in force, and let the engine judge what follows."""
    change(world, tenures(world, SCALE), after, decided_too=decided_too)
    carry_out(world)
    world.now += 1


def test_a_probable_duplicate_is_not_doubled_by_a_correction(world: World) -> None:
    weighed(world)
    corrected(world, [tenures(world, SCALE)[0]._replace(patient_id=2)])
    assert fates(world) == [("stored", None), ("held", "probable-duplicate")]
    assert {row[2] for row in whose(world)} == {2}


def test_nor_by_one_that_takes_the_device_away_and_gives_it_back(world: World) -> None:
    weighed(world)
    corrected(world, without(tenures(world, SCALE), 1))
    corrected(world, laid_over([], Tenure(0, 2, None, T0 - 30 * DAY, None)))
    assert fates(world) == [("stored", None), ("held", "probable-duplicate")]


def test_what_a_person_said_is_a_weighing_of_its_own_goes_with_the_device(world: World) -> None:
    weighed(world)
    with world.store.write() as tx:
        epoch = world.rows("SELECT epoch_id FROM measurements WHERE fate = 'held'")[0][0]
        holding.release(tx, world.user("anna"), epoch, 1, "P1", world.now)
    world.run()
    world.now += 1
    corrected(world, [tenures(world, SCALE)[0]._replace(patient_id=2)], decided_too=True)
    assert [row[1:] for row in whose(world)] == [("stored", 2, None)] * 2


def test_what_came_by_a_gateway_of_another_chc_is_never_given_by_a_correction(world: World) -> None:
    two(world)
    world.device(CUFF, 1, T0 - 30 * DAY)
    world.run()
    with world.store.write() as tx:
        other = tx.directory.add_chc("CHC Pinerolo", "Europe/Rome")
        tx.directory.add_gateway("gw-o", other, world.now, None)
    world.send(envelope("gw-o", [wire(1, 7, {"systolic": "190"}, T0 - DAY)], 1))
    batch(world, (T0 - 2 * DAY, "120"))
    correct(world, without(tenures(world), 1))
    assert {row[1:] for row in whose(world)} == {("held", None, "device-unassigned")}
    world.now += 1
    correct(world, laid_over([], Tenure(0, 2, None, T0 - 30 * DAY, None)))
    assert sorted(row[1:3] for row in whose(world)) == [("held", 2), ("stored", 2)]
