"""What a person says of a held measurement, and takes back (hazards H1, H14)."""

import pytest

from server.errors import NotFound, WrongInput
from server.services import alert_work, holding
from tests.server.services.test_doubt import home
from tests.server.services.test_judging import PLAN, _nurse, beat
from tests.server.world import EPOCH, T0, World


def epoch_of(world: World) -> int:
    with world.store.write() as tx:
        return tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id


def decide(world: World, what: str, *more: str, seq: int = 1) -> None:
    nurse, epoch = _nurse(world), epoch_of(world)
    with world.store.write() as tx:
        getattr(holding, what)(tx, nurse, epoch, seq, *more, world.now)
    world.run()


def findings(world: World) -> set[tuple[int, str, str]]:
    return set(world.rows("SELECT patient_id, rule, state FROM findings"))


@pytest.fixture
def doubted(world: World) -> World:
    """A very high pressure of another user of the cuff than its only patient; and a second."""
    home(world, user=1)
    world.plan(world.patient("P2"), PLAN)
    world.run()
    beat(world, 1, "230", user=2)
    return world


def held_priority(world: World) -> list[tuple[str, int]]:
    query = "SELECT priority, closed_at IS NULL FROM alerts WHERE rule = 'measurement-held'"
    return [(row[0], int(row[1])) for row in world.rows(query + " ORDER BY id")]


def test_a_held_value_beyond_the_outer_limit_is_urgent_to_attribute(doubted: World) -> None:
    assert held_priority(doubted) == [("high", 1)]
    beat(doubted, 2, "120", user=2)
    assert held_priority(doubted) == [("high", 1)], "an ordinary one makes it no less urgent"


def test_a_held_value_within_the_limits_stays_of_medium_priority(world: World) -> None:
    home(world, user=1)
    beat(world, 1, "120", user=2)
    assert held_priority(world) == [("medium", 1)]
    beat(world, 2, "230", user=2)
    assert held_priority(world) == [("high", 1)]


def test_more_urgent_is_told_again_even_to_who_has_taken_it_on(world: World) -> None:
    """H4: an acknowledged medium matter does not swallow a high one."""
    home(world, user=1)
    beat(world, 1, "120", user=2)
    number = world.rows("SELECT id FROM alerts WHERE rule = 'measurement-held'")[0][0]
    with world.store.write() as tx:
        alert_work.acknowledge(tx, _nurse_in(tx), number, world.now)
    beat(world, 2, "230", user=2)
    reasons = world.rows(f"SELECT reason FROM messages WHERE alert_id = {number}")
    assert ("got-worse",) in reasons
    assert world.rows(f"SELECT owner FROM alerts WHERE id = {number}") == [(None,)]


def test_taken_back_it_is_withdrawn_and_judged_for_the_likely_patient_again(
    doubted: World,
) -> None:
    outer, inner = "systolic-high-outer", "systolic-high-inner"
    assert findings(doubted) == {(1, outer, "in-force")}
    decide(doubted, "release", "P2")
    given = {(1, outer, "withdrawn"), (2, outer, "in-force"), (2, inner, "in-force")}
    assert findings(doubted) == given
    assert held_priority(doubted) == [("high", 0)]
    decide(doubted, "take_back")
    assert findings(doubted) == {
        (1, outer, "withdrawn"),
        (1, outer, "in-force"),
        (2, outer, "withdrawn"),
        (2, inner, "withdrawn"),
    }
    assert held_priority(doubted) == [("high", 0), ("high", 1)]
    rows = doubted.rows("SELECT fate, patient_id, reason FROM measurements")
    assert rows == [("held", 1, "user-differs")]
    marks = doubted.rows(
        "SELECT detail, superseded, closed_at FROM alerts WHERE patient_id = 2 AND kind='clinical'"
    )
    assert {(row[0], bool(row[1]), row[2]) for row in marks} == {("entered-in-error", True, None)}


def test_taken_back_from_the_likely_patient_it_is_doubted_again(doubted: World) -> None:
    decide(doubted, "release", "P1")
    query = "SELECT confirmed FROM alerts WHERE patient_id = 1 AND rule = 'systolic-high-outer'"
    assert [bool(row[0]) for row in doubted.rows(query)] == [True]
    decide(doubted, "take_back")
    assert [bool(row[0]) for row in doubted.rows(query)] == [False]


def test_given_again_it_is_judged_again_and_survives_a_restart(doubted: World) -> None:
    """Withdrawn for one patient is not withdrawn for another, nor for who gets it anew."""
    for reference in ("P2", "P1"):
        decide(doubted, "release", reference)
        decide(doubted, "take_back")
    decide(doubted, "release", "P2")
    in_force = {row for row in findings(doubted) if row[2] == "in-force"}
    assert {row[0] for row in in_force} == {2}
    with doubted.store.read() as tx:
        cursor = tx.inputs.cursor()
        kept = {one: len(tx.inputs.history(one, 0, cursor)) for one in (1, 2)}
    assert kept == {1: 0, 2: 1}
    doubted.restart()
    beat(doubted, 2, "120", T0 - 1000, user=1)
    assert {row for row in findings(doubted) if row[2] == "in-force"} == in_force


def test_rejected_and_taken_back_it_waits_as_before(doubted: World) -> None:
    decide(doubted, "reject")
    assert doubted.rows("SELECT fate, patient_id FROM measurements") == [("quarantined", None)]
    decide(doubted, "take_back")
    rows = doubted.rows("SELECT fate, patient_id, reason FROM measurements")
    assert rows == [("held", 1, "user-differs")]
    assert (1, "systolic-high-outer", "in-force") in findings(doubted)


def test_what_nobody_decided_is_not_taken_back(doubted: World) -> None:
    beat(doubted, 2, "120", user=1)
    for seq in (1, 2):
        with pytest.raises(NotFound):
            decide(doubted, "take_back", seq=seq)


def test_the_alert_of_what_is_held_closes_with_the_last_decision_only(doubted: World) -> None:
    number = doubted.rows("SELECT id FROM alerts WHERE rule = 'measurement-held'")[0][0]
    with doubted.store.write() as tx, pytest.raises(WrongInput, match="held"):
        alert_work.close(tx, _nurse_in(tx), number, "technical-fixed", doubted.now + 1, doubted.now)
    assert held_priority(doubted) == [("high", 1)]
    decide(doubted, "release", "P1")
    assert held_priority(doubted) == [("high", 0)]


def _nurse_in(tx):
    found = tx.directory.user("anna")
    assert found is not None
    return found
