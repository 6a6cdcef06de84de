"""Whose work an alert is: the chain of each kind, who sees it, and its loud end."""

import pytest

from server.domain.instants import MINUTE
from server.domain.plans import Priority
from server.errors import IllegalTransition, NotFound, NotPermitted, WrongInput
from server.services import alert_work, shifts
from server.services.agreeing import Agreement, agree_hours
from server.services.matters import raise_matter
from server.services.polling import poll
from server.stores.database import Database
from tests.server.world import T0, World, envelope, wire

TEAM = (
    ("anna", "Anna Neri", "nurse"),
    ("dora", "Dora Gallo", "doctor"),
    ("sara", "Sara Bruno", "contact-point"),
    ("tito", "Tito Valle", "technical-service"),
    ("carmen", "Carmen Sala", "coordinator"),
)
DAY_MINUTES = 1440


@pytest.fixture
def chc(store: Database) -> World:
    world = World(store, team=TEAM)
    world.device("AA:BB:CC:DD:EE:01", world.patient())
    world.plan(1, {"thresholds": [{"code": "systolic", "source": "test", "high_outer": "180"}]})
    world.run()
    return world


def red(world: World) -> int:
    world.send(envelope("gw-1", [wire(1, 1, {"systolic": "190"}, world.now)], 1))
    world.run()
    return int(world.rows("SELECT id FROM alerts WHERE kind = 'clinical'")[0][0])


def matter(world: World, rule: str = "gateway-disk", priority: Priority = Priority.MEDIUM) -> int:
    with world.store.write() as tx:
        return raise_matter(
            tx,
            chc_id=world.chc,
            subject="gateway:gw-1",
            rule=rule,
            priority=priority,
            detail="",
            now=world.now,
        ).id


def missing(world: World) -> int:
    """Let the day pass on which nobody measures, and return the alert."""
    world.now = T0 + 4 * 60 * MINUTE  # 20:13 in Rome
    world.run()
    return int(world.rows("SELECT id FROM alerts WHERE kind = 'adherence'")[0][0])


def told(world: World, alert: int) -> list[tuple]:
    return world.rows(f"SELECT reason, role FROM messages WHERE alert_id = {alert} ORDER BY id")


def later(world: World, minutes: int) -> None:
    """Poll after some minutes, as often as a deadline lies between."""
    end = world.now + minutes * MINUTE
    while True:
        ((due,),) = world.rows(f"SELECT min(deadline_at) FROM alerts WHERE deadline_at <= {end}")
        if due is None:
            break
        with world.store.write() as tx:
            poll(tx, due, listening_since=due)
    world.now = end


def off(world: World, *names: str) -> None:
    with world.store.write() as tx:
        for name in names:
            tx.directory.set_duty(world.user(name).id, None)


def test_a_technical_matter_is_the_technical_services_first(chc: World) -> None:
    number = matter(chc)
    assert told(chc, number) == [("raised", "technical-service")]
    later(chc, 240)
    assert told(chc, number)[-1] == ("escalated", "nurse")


def test_without_a_technical_service_nurses_are_told_at_once(chc: World) -> None:
    off(chc, "tito")
    assert told(chc, matter(chc)) == [("raised", "nurse")]


@pytest.mark.parametrize("rule", ["measurement-held", "stored-not-judged", "homes-out-of-reach"])
def test_what_leaves_patients_unwatched_is_told_to_who_cares_for_them(
    chc: World, rule: str
) -> None:
    number = matter(chc, rule)
    assert told(chc, number) == [("raised", "nurse")]


def test_when_nobody_measures_the_nurse_is_told_then_the_single_point_of_contact(
    chc: World,
) -> None:
    number = missing(chc)
    assert told(chc, number) == [("raised", "nurse")]
    later(chc, DAY_MINUTES)
    assert told(chc, number)[-1] == ("escalated", "contact-point")


def test_a_plan_may_say_who_is_told_when_nobody_measures(chc: World) -> None:
    chain = [{"role": "contact-point", "minutes": 60}]
    chc.plan(1, {"expected": [{"code": "systolic"}], "chain": {"adherence": chain}})
    chc.run()
    assert told(chc, missing(chc)) == [("raised", "contact-point")]


def test_at_its_end_an_alert_is_told_to_everybody_who_may_see_it(chc: World) -> None:
    number = red(chc)
    later(chc, 30)
    assert chc.rows("SELECT unanswered FROM alerts") == [(1,)]
    end = [role for reason, role in told(chc, number) if reason == "unanswered"]
    assert sorted(end) == ["coordinator", "doctor", "nurse"]


def test_the_technical_service_sees_no_alert_of_a_patient(chc: World) -> None:
    clinical, held = red(chc), matter(chc, "measurement-held")
    tito = chc.user("tito")
    with chc.store.read() as tx:
        for number in (clinical, held):
            with pytest.raises(NotFound):
                alert_work.find(tx, tito, number)
        assert alert_work.find(tx, chc.user("carmen"), clinical).id == clinical


def test_the_single_point_of_contact_sees_what_nobody_measured_and_no_value(chc: World) -> None:
    clinical = red(chc)
    chc.patient("P2")
    chc.device("AA:BB:CC:DD:EE:02", 2)
    chc.plan(2, {"expected": [{"code": "systolic"}]})
    chc.run()
    absent = missing(chc)
    with chc.store.write() as tx:
        with pytest.raises(NotFound):
            alert_work.find(tx, chc.user("sara"), clinical)
        assert alert_work.acknowledge(tx, chc.user("sara"), absent, chc.now).owner == "sara"


def test_a_coordinator_takes_on_what_nobody_answered_and_nothing_before(chc: World) -> None:
    number, carmen = red(chc), chc.user("carmen")
    with chc.store.write() as tx, pytest.raises(NotPermitted):
        alert_work.acknowledge(tx, carmen, number, chc.now)
    later(chc, 30)
    with chc.store.write() as tx:
        assert alert_work.acknowledge(tx, carmen, number, chc.now).owner == "carmen"
        alert_work.note(tx, carmen, number, "called", chc.now)
        assert alert_work.hand_over(tx, carmen, number, "anna", chc.now).owner == "anna"


def test_an_alert_is_handed_to_nobody_whose_work_it_is_not(chc: World) -> None:
    number, anna = red(chc), chc.user("anna")
    with chc.store.write() as tx:
        alert_work.acknowledge(tx, anna, number, chc.now)
    for name in ("sara", "tito", "carmen"):
        with chc.store.write() as tx, pytest.raises(WrongInput, match="answers no alerts"):
            alert_work.hand_over(tx, anna, number, name, chc.now)


def test_who_comes_on_duty_hears_only_of_what_they_may_see(chc: World) -> None:
    off(chc, *(name for name, _, _ in TEAM))
    clinical, technical = red(chc), matter(chc)
    with chc.store.write() as tx:
        for name in ("tito", "carmen"):
            shifts.come_on(tx, chc.user(name), chc.now)
    came = chc.rows('SELECT alert_id, "user" FROM messages ORDER BY id')
    assert came == [(technical, "tito"), (clinical, "carmen"), (technical, "carmen")]


def test_the_out_of_hours_recipient_answers_clinical_alerts(chc: World) -> None:
    for name in ("tito", "sara", "carmen"):
        agreed = Agreement(chc="CHC Susa", recipient=name, recipient_hours="Mon-Sun 20:00-08:00")
        with chc.store.write() as tx, pytest.raises(WrongInput, match="clinical"):
            agree_hours(tx, agreed, chc.now)


def test_when_the_technical_service_goes_its_matters_go_on_to_the_nurse(chc: World) -> None:
    number = matter(chc)
    with chc.store.write() as tx:
        shifts.go_off(tx, chc.user("tito"), chc.now)
    assert told(chc, number)[-1] == ("off-duty", "nurse")


@pytest.mark.parametrize("rule", ["homes-out-of-reach", "measurements-missing"])
def test_who_sees_no_patient_cannot_silence_a_matter_of_care(chc: World, rule: str) -> None:
    number = matter(chc, rule)
    tito = chc.user("tito")
    with chc.store.write() as tx:
        alert = alert_work.find(tx, tito, number)
        assert alert_work.may_see(tito, alert)
        assert not alert_work.may_work(tito, alert)
    with pytest.raises((NotPermitted, NotFound, IllegalTransition)), chc.store.write() as tx:
        alert_work.acknowledge(tx, tito, number, chc.now)
