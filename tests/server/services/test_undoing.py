"""H4, H14: a correction takes a part of an open alert's evidence; the rest is the patient's own."""

import pytest

from server.domain.assignments import laid_over
from server.domain.chains import default_chain
from server.domain.instants import DAY, HOUR, MINUTE
from server.domain.undoing import LATE_DATA
from server.services import alert_work
from server.services.undoing import end_evidence
from tests.server.services.test_correcting import batch, correct, tenures
from tests.server.services.test_judging import CUFF, PLAN
from tests.server.world import T0, World, envelope, wire

OTHER_CUFF = "AA:BB:CC:DD:EE:77"
OUTER = "patient_id = 1 AND rule = 'systolic-high-outer'"


@pytest.fixture
def mixed(world: World) -> World:
    """Maria's alert, taken on, rests on her own 184 and on 230 that was Piero's already."""
    for reference in ("P1", "P2"):
        world.plan(world.patient(reference), PLAN, T0 - 90 * DAY)
    world.device(CUFF, 1, T0 - 60 * DAY)
    world.device(CUFF, 2, T0 - 2 * HOUR)
    world.run()
    batch(world, (T0 - 5 * HOUR, "184"), (T0 - 3 * HOUR, "230"))
    with world.store.write() as tx:
        for (number,) in world.rows(f"SELECT id FROM alerts WHERE {OUTER}"):
            alert_work.acknowledge(tx, world.user("anna"), number, world.now)
    return world


def given_earlier(world: World, hours: int) -> None:
    """Piero had the cuff for so many hours."""
    correct(world, laid_over(tenures(world), tenures(world)[1]._replace(from_at=T0 - hours * HOUR)))


def own(world: World, seq: int, systolic: str) -> None:
    """Maria measures now, with another cuff."""
    world.now += 5 * MINUTE
    sent = wire(seq, seq, {"systolic": systolic}, world.now, device=OTHER_CUFF)
    world.send(envelope("gw-1", [sent], seq))
    world.run()


def alert(world: World) -> tuple[int | None, ...]:
    query = f"SELECT worst, newest, told, superseded, detail, owner FROM alerts WHERE {OUTER}"
    (found,) = world.rows(query)
    return (*found[:3], bool(found[3]), *found[4:])


def told(world: World) -> list[str]:
    query = "SELECT reason FROM messages WHERE alert_id = (SELECT id FROM alerts WHERE "
    return [row[0] for row in world.rows(f"{query}{OUTER}) ORDER BY id")]


def test_the_values_are_those_that_are_left_and_its_staff_are_told(mixed: World) -> None:
    assert alert(mixed) == (2300, 2300, 2300, False, None, "anna")
    before = told(mixed)
    given_earlier(mixed, 4)
    assert alert(mixed) == (1840, 1840, 1840, False, "partly-entered-in-error", "anna")
    assert told(mixed) == [*before, "superseded"]


def test_a_value_worse_than_what_is_left_is_told(mixed: World) -> None:
    given_earlier(mixed, 4)
    mixed.device(OTHER_CUFF, 1, T0 - HOUR)
    own(mixed, 3, "200")
    assert "got-worse" in told(mixed)


def test_more_of_the_same_error_is_not_told_again(mixed: World) -> None:
    mixed.device(OTHER_CUFF, 1, T0 - HOUR)
    own(mixed, 3, "186")
    given_earlier(mixed, 4)
    given_earlier(mixed, 6)
    assert alert(mixed)[:4] == (1860, 1860, 1860, False)
    assert told(mixed).count("superseded") == 1


def test_the_rest_withdrawn_too_it_is_entered_in_error(mixed: World) -> None:
    given_earlier(mixed, 4)
    given_earlier(mixed, 6)
    assert alert(mixed)[3:5] == (True, "entered-in-error")
    assert told(mixed).count("superseded") == 2


def test_late_data_that_ends_a_part_tells_nothing_and_changes_nothing(mixed: World) -> None:
    was, before = alert(mixed), told(mixed)
    with mixed.store.write() as tx:
        found = tx.alerts.open_of(["patient:1"])["patient:1", "systolic-high-outer"]
        chain = default_chain(found.kind, found.rule, found.priority)
        end_evidence(tx, found, LATE_DATA, chain, mixed.now)
    assert (alert(mixed), told(mixed)) == (was, before)


def test_given_back_it_is_entered_in_error_no_more(mixed: World) -> None:
    before = tenures(mixed)
    given_earlier(mixed, 6)
    assert alert(mixed)[3:5] == (True, "entered-in-error")
    mixed.now += 1
    correct(mixed, before)
    assert alert(mixed)[:2] == (2300, 2300)
    assert alert(mixed)[3:5] == (False, None)


def test_what_was_another_persons_is_not_counted_once_a_finding_is_in_force_again(
    mixed: World,
) -> None:
    """All was Piero's; then Maria's own value comes, measured before it and late."""
    mixed.device(OTHER_CUFF, 1, T0 - 50 * DAY)
    given_earlier(mixed, 6)
    sent = wire(3, 3, {"systolic": "195"}, T0 - 8 * HOUR, device=OTHER_CUFF)
    mixed.send(envelope("gw-1", [sent], 3))
    mixed.run()
    assert alert(mixed)[:5] == (1950, 1950, 1950, False, None)


def test_a_pause_made_of_anothers_value_silences_nothing_of_her_own(mixed: World) -> None:
    mixed.device(OTHER_CUFF, 1, T0 - 50 * DAY)
    ((number,),) = mixed.rows(f"SELECT id FROM alerts WHERE {OUTER}")
    with mixed.store.write() as tx:
        alert_work.pause(tx, mixed.user("anna"), number, mixed.now + 8 * HOUR, "known", mixed.now)
    given_earlier(mixed, 6)
    before = len(told(mixed))
    own(mixed, 3, "215")
    assert set(told(mixed)[before:]) == {"began-again"}
    paused = f"SELECT paused_until FROM alerts WHERE {OUTER}"
    assert mixed.rows(paused) == [(None,)]
    with mixed.store.read() as tx:
        assert tx.views.pauses(1, mixed.now) == {}


def test_her_own_earlier_value_is_in_force_once_all_else_was_anothers(mixed: World) -> None:
    mixed.device(OTHER_CUFF, 1, T0 - 50 * DAY)
    given_earlier(mixed, 6)
    sent = wire(3, 3, {"systolic": "195"}, T0 - 30 * HOUR, device=OTHER_CUFF)
    mixed.send(envelope("gw-1", [sent], 3))
    mixed.run()
    state = f"SELECT worst, superseded, cleared_at FROM alerts WHERE {OUTER}"
    ((worst, superseded, cleared_at),) = mixed.rows(state)
    assert (worst, bool(superseded), cleared_at) == (1950, False, None)
