"""Shifts on the tables: who comes and goes, by a click or by the hour, and what alerts do then."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from server.domain.instants import DAY, HOUR, MINUTE, from_datetime
from server.errors import IllegalTransition, NotPermitted, WrongInput
from server.services import alert_work, shifts
from server.services.agreeing import Agreement, agree_hours
from server.services.polling import poll
from server.stores.database import Database
from tests.server.world import World, envelope, wire

CUFF = "AA:BB:CC:DD:EE:01"
PLAN = {"thresholds": [{"code": "systolic", "source": "test", "high_outer": "180"}]}
NIGHT = Agreement(chc="CHC Susa", recipient="gmedica", recipient_hours="Mon-Sun 20:00-08:00")


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Rome")))


@pytest.fixture
def team(store: Database) -> World:
    """A nurse on duty until 20:00, and a doctor who may be agreed for the nights."""
    world = World(store, at("2026-09-21T16:00"), team=())
    world.staff("anna", "Anna Neri", "nurse", None)
    world.staff("gmedica", "Guardia Medica", "doctor", None)
    world.device(CUFF, world.patient())
    world.plan(1, PLAN)
    world.run()
    with world.store.write() as tx:
        shifts.come_on(tx, world.user("anna"), world.now)
    return world


def agree(world: World, agreement: Agreement = NIGHT) -> None:
    with world.store.write() as tx:
        agree_hours(tx, agreement, world.now)


def beat(world: World, seq: int, systolic: str = "190") -> None:
    world.send(envelope("gw-1", [wire(seq, seq, {"systolic": systolic}, world.now)], seq))
    world.run()


def poll_at(world: World, text: str) -> None:
    world.now = at(text)
    with world.store.write() as tx:
        poll(tx, world.now)


def state(world: World) -> tuple[bool, str | None]:
    query = "SELECT unanswered, owner FROM alerts WHERE rule = 'systolic-high-outer' ORDER BY id"
    unanswered, owner = world.rows(query)[-1]
    return bool(unanswered), owner


def told(world: World) -> list[tuple]:
    return world.rows('SELECT reason, role, "user" FROM messages ORDER BY id')


def test_at_the_end_of_the_hours_everybody_is_off_duty_and_the_recipient_is_told(
    team: World,
) -> None:
    """H9, and H4 for what anna owned."""
    agree(team)
    beat(team, 1)
    with team.store.write() as tx:
        alert_work.acknowledge(tx, team.user("anna"), 1, team.now)
    poll_at(team, "2026-09-21T19:59")
    assert state(team) == (False, None)  # its follow-up of an hour had passed
    poll_at(team, "2026-09-21T20:00")
    assert told(team)[-1] == ("off-duty", "doctor", "gmedica")
    beat(team, 2, "250")
    poll_at(team, "2026-09-21T20:20")
    assert state(team) == (True, None)


def test_with_no_recipient_the_night_is_unanswered_until_somebody_comes(team: World) -> None:
    poll_at(team, "2026-09-21T23:00")
    beat(team, 1)
    assert state(team) == (True, None)
    assert told(team) == []
    poll_at(team, "2026-09-22T08:00")
    assert state(team) == (True, None)
    team.now += MINUTE
    with team.store.write() as tx:
        shifts.come_on(tx, team.user("anna"), team.now)
    assert told(team) == [("came-on-duty", "nurse", "anna")]
    with team.store.write() as tx:  # staying on is not coming
        shifts.come_on(tx, team.user("anna"), team.now)
    assert len(told(team)) == 1
    assert state(team) == (True, None)


def test_the_recipient_hears_of_what_was_unanswered_when_the_agreed_hours_begin(
    team: World,
) -> None:
    late = Agreement(chc="CHC Susa", recipient="gmedica", recipient_hours="Mon-Sun 22:00-08:00")
    agree(team, late)
    poll_at(team, "2026-09-21T20:30")
    beat(team, 1)
    assert state(team) == (True, None)
    poll_at(team, "2026-09-21T22:00")
    assert told(team) == [("came-on-duty", "doctor", "gmedica")]
    with team.store.write() as tx:
        alert_work.acknowledge(tx, team.user("gmedica"), 1, team.now)
    poll_at(team, "2026-09-21T22:30")
    assert state(team) == (False, "gmedica")


def test_what_the_recipient_owned_is_nobodys_when_the_agreed_hours_end(team: World) -> None:
    agree(team)
    poll_at(team, "2026-09-22T07:30")
    beat(team, 1)
    with team.store.write() as tx:
        alert_work.acknowledge(tx, team.user("gmedica"), 1, team.now)
        with pytest.raises(IllegalTransition):
            shifts.go_off(tx, team.user("gmedica"), team.now)
    with team.store.write() as tx:
        shifts.come_on(tx, team.user("anna"), team.now)
    poll_at(team, "2026-09-22T08:00")
    assert state(team) == (False, None)
    assert told(team)[-1] == ("off-duty", "nurse", None)


def test_a_recipient_who_is_agreed_no_longer_goes_off_duty(team: World) -> None:
    agree(team)
    poll_at(team, "2026-09-21T21:00")
    agree(team, Agreement(chc="CHC Susa"))
    poll_at(team, "2026-09-21T21:00")
    beat(team, 1)
    assert state(team) == (True, None)


def test_a_running_chain_moves_on_when_the_last_who_was_told_goes(team: World) -> None:
    beat(team, 1)
    with team.store.write() as tx:
        shifts.go_off(tx, team.user("anna"), team.now)
    assert state(team) == (True, None)


def test_an_account_that_is_disabled_is_not_on_duty(team: World) -> None:
    beat(team, 1)
    with team.store.write() as tx:
        alert_work.acknowledge(tx, team.user("anna"), 1, team.now)
        tx.connection.exec_driver_sql(
            f"UPDATE users SET disabled_at = {team.now} WHERE name = 'anna'"
        )
    team.now += MINUTE
    with team.store.write() as tx:
        poll(tx, team.now)
    assert state(team) == (True, None)


def test_only_who_works_alerts_comes_on_duty_and_is_handed_any(team: World) -> None:
    clerk = team.staff("ada", "Ada Ferri", "administrator", None)
    beat(team, 1)
    with team.store.write() as tx:
        with pytest.raises(NotPermitted):
            shifts.come_on(tx, clerk, team.now)
        alert_work.acknowledge(tx, team.user("anna"), 1, team.now)
        for to in ("ada", "gmedica", "anna", "nobody"):
            with pytest.raises(WrongInput):
                alert_work.hand_over(tx, team.user("anna"), 1, to, team.now)


def close(world: World, number: int, review: int) -> None:
    with world.store.write() as tx:
        alert_work.close(tx, world.user("anna"), number, "advice-given", review, world.now)


def reviews(world: World) -> list[tuple]:
    return world.rows(
        "SELECT rule, priority, kind, previous_id FROM alerts"
        " WHERE substr(rule, 1, 7) = 'review-' ORDER BY id"
    )


def test_a_next_review_reminds_once(team: World) -> None:
    """H4."""
    beat(team, 1)
    close(team, 1, team.now + 2 * HOUR)
    poll_at(team, "2026-09-21T17:59")
    assert reviews(team) == []
    for text in ("2026-09-21T18:00", "2026-09-21T18:01"):
        poll_at(team, text)
        assert reviews(team) == [("review-systolic-high-outer", "low", "clinical", 1)]
    assert told(team)[-1] == ("raised", "nurse", None)
    close(team, 2, team.now + DAY)
    poll_at(team, "2026-09-22T19:00")
    assert len(reviews(team)) == 2


def test_a_later_alert_of_the_matter_takes_its_review_over(team: World) -> None:
    beat(team, 1)
    close(team, 1, team.now + 2 * HOUR)
    team.now += HOUR
    beat(team, 2)
    poll_at(team, "2026-09-21T18:30")
    assert reviews(team) == []


def test_a_review_that_is_due_while_an_older_one_is_open_is_one_reminder(team: World) -> None:
    """A second row would break the rule of one open alert a matter, and the poller with it."""
    beat(team, 1)
    close(team, 1, team.now + HOUR)
    poll_at(team, "2026-09-21T17:00")
    beat(team, 2)
    close(team, 3, team.now + HOUR)
    poll_at(team, "2026-09-21T18:00")
    assert reviews(team) == [("review-systolic-high-outer", "low", "clinical", 3)]
    poll_at(team, "2026-09-21T18:10")


def test_the_restart_of_the_server_loses_no_shift_that_ended(team: World) -> None:
    beat(team, 1)
    with team.store.write() as tx:
        alert_work.acknowledge(tx, team.user("anna"), 1, team.now)
    poll_at(team, "2026-09-23T10:00")  # nothing polled for a day and a half
    assert state(team) == (True, None)
    assert team.user("anna").on_duty_until is None
