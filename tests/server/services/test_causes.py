"""Why nothing came (H8): *not measured* only where everything on the way worked; and one cause
that many homes have in common is one matter with the patients under it."""

from collections.abc import Callable

import pytest

from contract.messages import Birth, Heartbeat, Will
from server.domain.instants import DAY, HOUR, MINUTE
from server.errors import NotPermitted, WrongInput
from server.ports.directory import Patient
from server.services import away
from server.services.gateway_state import note_gateway
from server.services.judging import Judge
from server.services.polling import poll, poll_all
from tests.server.world import EPOCH, T0, World, envelope, wire

CUFF = "AA:BB:CC:DD:EE:{:02X}"
PLAN = {
    "thresholds": [{"code": "systolic", "source": "test", "high_outer": "180"}],
    "expected": [{"code": "systolic", "due": "20:00"}],
}
DUE = T0 // DAY * DAY + 18 * HOUR  # 20:00 in Rome in September
SESSION = "1" * 32


def live_in(world: World, number: int) -> int:
    """Enrol a patient with a gateway and a cuff that has measured once, the day before."""
    gateway = f"gw-{number}"
    if number > 1:
        with world.store.write() as tx:
            tx.directory.add_gateway(gateway, world.chc, world.now, None)
    patient = world.patient(f"P{number}")
    world.device(CUFF.format(number), patient)
    world.plan(patient, PLAN, T0 - 2 * DAY)
    one = wire(1, number, {"systolic": "120"}, T0 - DAY, device=CUFF.format(number))
    world.send(envelope(gateway, [one], 1))
    world.run()
    return patient


def hear(world: World, gateway: str, at: int, kind: str = "heartbeat", **more: object) -> None:
    common = {"gateway": gateway, "epoch": EPOCH, "seq": 2}
    birth = {"session": SESSION, "sent_at": at, "boot_id": "b", "clock": "synchronised"}
    said = {
        "birth": lambda: Birth(**common, **birth, version="1"),
        "heartbeat": lambda: Heartbeat(
            **common, **{"sent_at": at, "clock": "synchronised", "outbox_depth": 0, **more}
        ),
        "will": lambda: Will(**common, session=SESSION),
    }[kind]()
    with world.store.write() as tx:
        row = tx.measurements.gateway(gateway)
        assert row is not None
        note_gateway(tx, said, row, at)


def fall_due(world: World, at: int = DUE) -> None:
    world.now = at
    world.run()


def causes(world: World) -> list[str]:
    return [row[0] for row in world.rows("SELECT cause FROM absences ORDER BY due_at, patient_id")]


def quiet_before(world: World) -> None:
    """Judge the days before: what is told then is not what the test asks about."""
    fall_due(world, DUE - DAY)
    with world.store.write() as tx:
        for table in ("absences", "messages", "alerts"):
            tx.connection.exec_driver_sql(f"DELETE FROM {table}")


def alive(world: World) -> None:
    hear(world, "gw-1", DUE - MINUTE)


def gone(world: World) -> None:
    hear(world, "gw-1", DUE - 5 * MINUTE, "birth")
    hear(world, "gw-1", DUE - MINUTE, "will")


def silent(world: World) -> None:
    hear(world, "gw-1", DUE - 20 * MINUTE)


def just_back(world: World) -> None:
    hear(world, "gw-1", DUE - 9 * HOUR)
    hear(world, "gw-1", DUE - MINUTE, "birth")
    hear(world, "gw-1", DUE - MINUTE // 2)


def long_back(world: World) -> None:
    hear(world, "gw-1", DUE - 9 * HOUR)
    for minute in range(20, 0, -1):
        hear(world, "gw-1", DUE - minute * MINUTE)


def behind(world: World) -> None:
    hear(world, "gw-1", DUE - MINUTE, outbox_depth=3)


def deaf(world: World) -> None:
    hear(world, "gw-1", DUE - 3 * HOUR, deaf=True)
    for minute in range(20, 0, -1):
        hear(world, "gw-1", DUE - minute * MINUTE)


def full(world: World) -> None:
    hear(world, "gw-1", DUE - MINUTE, full=True)


def deaf_days_ago(world: World) -> None:
    hear(world, "gw-1", DUE - 49 * HOUR, deaf=True)
    long_back(world)


def flat(world: World) -> None:
    hear(world, "gw-1", DUE - MINUTE, batteries={CUFF.format(1): 10})


def exchanged(world: World) -> None:
    hear(world, "gw-1", DUE - 20 * MINUTE)
    with world.store.write() as tx:
        tx.directory.revoke_gateway("gw-1", DUE - HOUR)


def low(world: World) -> None:
    hear(world, "gw-1", DUE - MINUTE, batteries={CUFF.format(1): 11})


def another_flat(world: World) -> None:
    hear(world, "gw-1", DUE - MINUTE, batteries={CUFF.format(9): 1})


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        (alive, "not-measured"),
        (gone, "gateway-silent"),
        (silent, "gateway-silent"),
        (just_back, "gateway-silent"),
        (long_back, "not-measured"),
        (behind, "gateway-behind"),
        (deaf, "gateway-deaf"),
        (full, "gateway-deaf"),
        (deaf_days_ago, "not-measured"),
        (exchanged, "nothing-yet"),
        (flat, "device-battery"),
        (low, "not-measured"),
        (another_flat, "not-measured"),
    ],
)
def test_the_cause_is_what_stood_between_the_device_and_the_server(
    world: World, before: Callable[[World], None], cause: str
) -> None:
    live_in(world, 1)
    quiet_before(world)
    before(world)
    fall_due(world)
    assert causes(world) == [cause]
    found = world.rows("SELECT rule, detail FROM alerts WHERE kind = 'adherence'")
    assert found == [("missing-systolic", cause)]


def test_a_low_battery_is_told_once_and_clears_with_a_new_one(world: World) -> None:
    live_in(world, 1)
    rows = "SELECT priority, cleared_at IS NOT NULL FROM alerts WHERE rule = 'device-battery'"
    for level, told in ((11, []), (9, [("low", 0)]), (8, [("low", 0)]), (15, [("low", 0)])):
        hear(world, "gw-1", T0, batteries={CUFF.format(1): level})
        assert world.rows(rows) == told
    hear(world, "gw-1", T0, batteries={CUFF.format(1): 90})
    assert world.rows(rows) == [("low", 1)]


def test_after_an_outage_there_is_one_alert_with_the_patients_under_it(world: World) -> None:
    people = [live_in(world, number) for number in range(1, 6)]
    quiet_before(world)
    for number in range(1, 6):
        hear(world, f"gw-{number}", DUE - (HOUR if number < 5 else MINUTE))
    with world.store.write() as tx:
        poll(tx, DUE - MINUTE)
    fall_due(world)
    assert causes(world) == ["gateway-silent"] * 4 + ["not-measured"]
    assert world.rows("SELECT rule, kind, subject, priority FROM alerts ORDER BY id") == [
        ("homes-out-of-reach", "technical", f"chc:{world.chc}", "medium"),
        ("missing-systolic", "adherence", f"patient:{people[4]}", "low"),
    ]
    under = world.rows("SELECT patient_id FROM absences WHERE alert_id IS NOT NULL ORDER BY 1")
    assert [row[0] for row in under] == people[:4]
    told = world.rows(
        "SELECT DISTINCT role FROM messages JOIN alerts ON alerts.id = alert_id"
        " WHERE rule = 'homes-out-of-reach'"
    )
    assert told == [("nurse",)]


def test_an_outage_ends_when_few_homes_are_left_and_those_are_told_each(world: World) -> None:
    for number in range(1, 4):
        live_in(world, number)
        hear(world, f"gw-{number}", T0)
    with world.store.write() as tx:
        poll(tx, T0 + 20 * MINUTE)
        poll(tx, T0 + 21 * MINUTE)
    rows = "SELECT rule, cleared_at IS NOT NULL FROM alerts WHERE kind = 'technical' ORDER BY id"
    assert world.rows(rows) == [("homes-out-of-reach", 0)]
    hear(world, "gw-1", T0 + 22 * MINUTE)
    with world.store.write() as tx:
        poll(tx, T0 + 23 * MINUTE)
    assert world.rows(rows) == [
        ("homes-out-of-reach", 1),
        ("gateway-silent", 0),
        ("gateway-silent", 0),
    ]


def test_two_silent_homes_are_two_matters(world: World) -> None:
    for number in (1, 2):
        live_in(world, number)
        hear(world, f"gw-{number}", T0)
    with world.store.write() as tx:
        poll(tx, T0 + 20 * MINUTE)
    assert world.rows("SELECT rule FROM alerts WHERE kind = 'technical'") == [
        ("gateway-silent",),
        ("gateway-silent",),
    ]


def person(world: World, patient: int) -> Patient:
    with world.store.read() as tx:
        found = tx.directory.patient(patient)
    assert found is not None
    return found


def go_away(world: World, patient: int, until: int, who: str = "anna") -> None:
    with world.store.write() as tx:
        away.declare(tx, world.user(who), person(world, patient), until, "at the sea", world.now)


@pytest.mark.parametrize(
    ("until", "cause", "told"),
    [(DUE + 1, "patient-away", 0), (DUE, "not-measured", 1)],
    ids=["away", "back"],
)
def test_who_is_away_is_not_missed_and_it_ends_by_itself(
    world: World, until: int, cause: str, told: int
) -> None:
    patient = live_in(world, 1)
    quiet_before(world)
    alive(world)
    go_away(world, patient, until)
    fall_due(world)
    assert causes(world) == [cause]
    assert world.rows("SELECT count(*) FROM alerts") == [(told,)]


def test_who_came_back_is_missed_again(world: World) -> None:
    patient = live_in(world, 1)
    quiet_before(world)
    alive(world)
    go_away(world, patient, DUE + DAY)
    world.now = DUE - HOUR
    with world.store.write() as tx:
        away.back(tx, world.user("dora"), person(world, patient), world.now)
    fall_due(world)
    assert causes(world) == ["not-measured"]
    done = world.rows(
        "SELECT who, what FROM audit WHERE what IN ('patient-away', 'patient-back') ORDER BY id"
    )
    assert done == [("anna", "patient-away"), ("dora", "patient-back")]


def test_a_value_of_who_is_away_is_judged_as_ever(world: World) -> None:
    patient = live_in(world, 1)
    go_away(world, patient, T0 + DAY)
    one = wire(2, 77, {"systolic": "190"}, T0, device=CUFF.format(1))
    world.send(envelope("gw-1", [one], 2))
    world.run()
    assert ("systolic-high-outer",) in world.rows("SELECT rule FROM alerts")


def test_being_away_needs_an_end_a_reason_and_a_clinician(world: World) -> None:
    patient = person(world, live_in(world, 1))
    world.staff("ada", "Ada Ferri", "administrator")
    with world.store.write() as tx:
        for until, reason in ((world.now, "x"), (world.now + 61 * DAY, "x"), (world.now + 1, "")):
            with pytest.raises(WrongInput):
                away.declare(tx, world.user("anna"), patient, until, reason, world.now)
        with pytest.raises(NotPermitted):
            away.declare(tx, world.user("ada"), patient, world.now + DAY, "x", world.now)
    assert world.rows("SELECT count(*) FROM aways") == [(0,)]


def test_a_gateway_in_a_drawer_explains_nobody_elses_silence(world: World) -> None:
    """Three that fell silent long ago, and then a fourth: its home is told like any."""
    for number in range(1, 5):
        live_in(world, number)
    quiet_before(world)
    for number in range(1, 4):
        hear(world, f"gw-{number}", DUE - DAY - number * MINUTE)
    hear(world, "gw-4", DUE - 2 * HOUR)
    with world.store.write() as tx:
        poll(tx, DUE - MINUTE)
    fall_due(world)
    rows = world.rows("SELECT subject FROM alerts WHERE rule = 'gateway-silent'")
    assert rows == [("gateway:gw-4",)]
    told = world.rows("SELECT subject FROM alerts WHERE rule = 'missing-systolic'")
    assert told == [("patient:4",)]


def test_who_is_still_missing_after_the_outage_is_told_by_itself(world: World) -> None:
    people = [live_in(world, number) for number in range(1, 4)]
    quiet_before(world)
    for number in range(1, 4):
        hear(world, f"gw-{number}", DUE - HOUR)
    fall_due(world)
    missing = "SELECT subject FROM alerts WHERE rule = 'missing-systolic' ORDER BY id"
    assert world.rows(missing) == []
    for number in range(1, 4):
        hear(world, f"gw-{number}", DUE + HOUR, "birth")
    late = wire(2, 91, {"systolic": "120"}, DUE - 2 * HOUR, device=CUFF.format(1))
    world.now = DUE + HOUR
    world.send(envelope("gw-1", [late], 2))
    world.run()
    for minutes in (61, 70, 77, 78):
        for number in range(1, 4):
            hear(world, f"gw-{number}", DUE + minutes * MINUTE)
        poll_all(world.store, DUE + minutes * MINUTE)
        assert len(world.rows(missing)) == (0 if minutes < 76 else 2)
    assert world.rows(missing) == [(f"patient:{people[1]}",), (f"patient:{people[2]}",)]


def test_after_our_own_downtime_absences_wait_for_what_is_on_its_way(world: World) -> None:
    live_in(world, 1)
    quiet_before(world)
    back = DUE + 30 * MINUTE
    world.judge = Judge(world.store, world.judge.state, listening_since=back)
    hear(world, "gw-1", DUE - HOUR)
    for minutes, expected in ((0, []), (14, []), (15, ["not-measured"])):
        hear(world, "gw-1", back + minutes * MINUTE)
        with world.store.write() as tx:
            poll(tx, back + minutes * MINUTE, back)
        fall_due(world, back + minutes * MINUTE)
        found = causes(world)
        assert found == expected or (minutes == 15 and found == ["gateway-silent"])
    assert world.rows("SELECT count(*) FROM alerts WHERE rule = 'gateway-silent'") == [(0,)]


def test_a_plan_recorded_after_a_due_time_loses_no_absence(world: World) -> None:
    """The engine was behind: 20:00 has come, and a plan row came before it was judged."""
    patient = live_in(world, 1)
    quiet_before(world)
    alive(world)
    world.now = DUE + 5 * MINUTE
    world.plan(patient, PLAN, DUE + 5 * MINUTE)
    world.run()
    assert causes(world) == ["not-measured"]


@pytest.mark.parametrize(("how", "rule"), [("deaf", "gateway-deaf"), ("full", "gateway-full")])
def test_a_gateway_that_takes_nothing_is_a_loud_technical_matter_until_it_does(
    world: World, how: str, rule: str
) -> None:
    live_in(world, 1)
    hear(world, "gw-1", DUE, **{how: True})
    query = f"select priority, cleared_at from alerts where rule = '{rule}'"
    assert world.rows(query) == [("high", None)]
    hear(world, "gw-1", DUE + MINUTE)
    assert world.rows(query) == [("high", DUE + MINUTE)]
