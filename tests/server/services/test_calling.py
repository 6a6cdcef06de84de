"""Phone in hand: calls that nobody answers lead to a visit or to 112, and are never forgotten."""

from typing import Any

import pytest

from server.domain.calls import CallResult
from server.domain.instants import MINUTE
from server.errors import IllegalTransition, WrongInput
from server.services import alert_work, calling, shifts
from server.services.polling import poll
from server.stores.database import Database
from tests.server.world import World, envelope, wire

PLAN: dict[str, Any] = {"thresholds": [{"code": "systolic", "source": "test", "high_outer": "180"}]}


@pytest.fixture
def home(store: Database) -> World:
    """A red alert, number 1, that nobody has taken on."""
    world = World(store)
    world.device("AA:BB:CC:DD:EE:01", world.patient())
    world.plan(1, PLAN)
    world.send(envelope("gw-1", [wire(1, 1, {"systolic": "190"}, world.now)], 1))
    world.run()
    return world


def call(world: World, result: CallResult, again: int = 10, who: str = "anna") -> None:
    with world.store.write() as tx:
        calling.record(tx, world.user(who), 1, result, again * MINUTE, world.now)


def wait(world: World, minutes: int) -> None:
    world.now += minutes * MINUTE
    with world.store.write() as tx:
        poll(tx, world.now)


def told(world: World) -> list[tuple]:
    return world.rows('SELECT reason, role, "user" FROM messages ORDER BY id')


def test_who_calls_has_taken_the_alert_on(home: World) -> None:
    call(home, CallResult.NO_ANSWER)
    assert home.rows("SELECT owner FROM alerts") == [("anna",)]


def test_no_answer_is_told_again_to_its_owner_after_the_minutes_chosen(home: World) -> None:
    call(home, CallResult.NO_ANSWER, again=10)
    wait(home, 9)
    before = told(home)
    wait(home, 1)
    assert told(home)[len(before) :] == [("call-due", "nurse", "anna")]
    wait(home, 1)
    assert len(told(home)) == len(before) + 1


def test_after_three_calls_somebody_goes_there_or_everybody_is_told_anew(home: World) -> None:
    for _ in range(3):
        call(home, CallResult.NO_ANSWER)
        wait(home, 5)
    assert home.rows("SELECT used_up FROM calls ORDER BY id") == [(0,), (0,), (1,)]
    wait(home, 10)
    assert [one for one in told(home) if one[0] == "visit-overdue"] == [
        ("visit-overdue", "nurse", None),
        ("visit-overdue", "nurse", "anna"),
    ]
    assert home.rows("SELECT owner FROM alerts") == [(None,)]


@pytest.mark.parametrize("done", [CallResult.VISIT, CallResult.EMERGENCY, CallResult.ANSWERED])
def test_what_was_done_ends_the_wait(home: World, done: CallResult) -> None:
    for _ in range(3):
        call(home, CallResult.NO_ANSWER)
    call(home, done)
    wait(home, 20)
    assert {reason for reason, _, _ in told(home)} == {"raised"}
    acts = home.rows("SELECT what FROM audit WHERE who = 'anna' ORDER BY id")
    assert [what for (what,) in acts][-4:-1] == ["call-no-answer"] * 3


def test_an_answer_begins_the_count_anew(home: World) -> None:
    for result in (CallResult.NO_ANSWER, CallResult.ANSWERED, CallResult.NO_ANSWER):
        call(home, result)
    assert home.rows("SELECT used_up FROM calls ORDER BY id") == [(0,), (0,), (0,)]


def test_the_plan_says_how_often_a_home_is_called(home: World) -> None:
    home.plan(1, {**PLAN, "call_tries": 1})
    home.run()
    call(home, CallResult.NO_ANSWER)
    assert home.rows("SELECT used_up FROM calls") == [(1,)]


def test_calling_gives_the_alert_no_more_time(home: World) -> None:
    with home.store.write() as tx:
        alert_work.acknowledge(tx, home.user("anna"), 1, home.now)
    before = home.rows("SELECT deadline_at FROM alerts")
    home.now += MINUTE
    call(home, CallResult.NO_ANSWER)
    assert home.rows("SELECT deadline_at FROM alerts") == before


def test_a_high_alert_waits_a_quarter_of_an_hour_at_most(home: World) -> None:
    with pytest.raises(WrongInput, match="within 15 minutes"):
        call(home, CallResult.NO_ANSWER, again=30)


def test_a_closed_alert_takes_no_call_and_reminds_of_none(home: World) -> None:
    call(home, CallResult.NO_ANSWER)
    review = home.now + 24 * 60 * MINUTE
    with home.store.write() as tx:
        alert_work.close(tx, home.user("anna"), 1, "advice-given", review, home.now)
    before = told(home)
    wait(home, 30)
    assert told(home) == before
    with pytest.raises(IllegalTransition):
        call(home, CallResult.ANSWERED)


def test_a_pause_does_not_swallow_a_call_that_nobody_is_left_to_make(home: World) -> None:
    """Decision 17: an owner who is gone is not told; the chain is, and at once."""
    call(home, CallResult.NO_ANSWER, again=10)
    with home.store.write() as tx:
        until = home.now + 4 * 60 * MINUTE
        alert_work.pause(tx, home.user("anna"), 1, until, "They are out", home.now)
        shifts.go_off(tx, home.user("anna"), home.now)
    before = len(told(home))
    wait(home, 10)
    assert len(told(home)) > before
    assert home.rows("SELECT paused_until FROM alerts") == [(None,)]
