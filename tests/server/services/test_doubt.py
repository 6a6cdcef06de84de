"""Doubtful clocks, owners and senders: each once made a dangerous value silent, or another's."""

import json

import pytest

from contract.messages import Heartbeat, Refused, encoder
from server.domain.instants import DAY, HOUR, MINUTE
from server.errors import WrongInput
from server.services import holding, setting_up
from server.services.storing import Arrival
from tests.server.services.test_judging import CUFF, PLAN, _nurse, alerts, beat
from tests.server.world import EPOCH, T0, World, envelope, wire

SCALE = "AA:BB:CC:DD:EE:02"


def home(world: World, since: int = T0 - 30 * DAY, user: int | None = None) -> int:
    """A patient who got a cuff, and a plan, some time ago."""
    patient = world.patient()
    world.device(CUFF, patient, since, user)
    world.plan(patient, PLAN, since)
    world.run()
    return patient


@pytest.mark.parametrize("received_at", [60_000, T0 - 90 * DAY], ids=["1970", "stale"])
def test_a_gateway_without_a_clock_still_raises_the_outer_level(
    world: World, received_at: int
) -> None:
    home(world)
    world.device(CUFF, 1, 0)  # whoever had it then: the same patient
    stored = wire(1, 1, {"systolic": "230"}, received_at, clock="unsynchronised")
    world.send(envelope("gw-1", [stored], 1))
    world.run()
    assert "systolic-high-outer" in alerts(world)


def test_a_cuff_whose_clock_fell_back_still_raises_the_outer_level(world: World) -> None:
    """A new battery: the cuff says the first of January, before anybody had it."""
    home(world)
    beat(world, 1, "230", T0, device_time="2026-07-01T00:04:00")
    assert {"systolic-high-outer", "device-clock-wrong"} <= set(alerts(world))
    assert world.rows("SELECT fate, quality, mark FROM measurements") == [
        ("stored", "unsure", "device-clock-behind")
    ]


def test_a_cuff_left_on_summer_time_is_believed_an_hour_earlier(world: World) -> None:
    home(world)
    beat(world, 1, "170", T0, device_time="2026-09-21T17:13:20")  # T0 is 16:13:20 in Rome
    assert "systolic-high-inner" in alerts(world)
    assert world.rows("SELECT measured_at, quality, mark FROM measurements") == [
        (T0, "trusted", "device-clock-hour-ahead")
    ]
    assert "device-clock-wrong" in alerts(world)


def test_a_clock_that_was_read_and_set_is_corrected_and_needs_nobody(world: World) -> None:
    home(world)
    times = {"device_time": "2010-01-01T00:07:00", "device_now": "2010-01-01T00:09:00"}
    beat(world, 1, "170", T0, **times)
    assert "systolic-high-inner" in alerts(world)
    assert "device-clock-wrong" not in alerts(world)
    assert world.rows("SELECT measured_at, quality, mark FROM measurements") == [
        (T0 - 2 * MINUTE, "trusted", "device-clock-corrected")
    ]


def test_a_comparator_is_enough_for_an_inner_limit_that_needs_two(world: World) -> None:
    """H3."""
    patient = world.patient()
    world.device(CUFF, patient)
    limit = {"code": "systolic", "source": "test", "high_inner": "160", "inner_n": 2, "inner_m": 3}
    world.plan(patient, {"thresholds": [limit]})
    beat(world, 1, "HI")
    assert "systolic-high-inner" in alerts(world)


def test_a_plan_for_next_month_does_not_keep_a_nearer_due_time_away(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, PLAN, T0 + 30 * DAY)
    world.run()
    world.plan(patient, PLAN, T0 - DAY)
    world.run()
    assert world.judge.state.next_due() == world.restored().next_due()
    world.now = T0 + 4 * HOUR
    world.run()
    assert "missing-systolic" in alerts(world)


def test_the_start_of_a_plan_is_no_due_time(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, PLAN, T0 + HOUR)
    world.run()
    world.now = T0 + 2 * HOUR
    world.run()
    assert world.rows("SELECT count(*) FROM absences") == [(0,)]


def test_a_kill_before_the_tick_loses_no_absence(world: World) -> None:
    patient = home(world)
    other = world.patient("P2")
    world.device(SCALE, other)
    world.now = T0 + 5 * HOUR  # past the due time, but only an observation is judged
    world.judge.state.due_at[:] = 2**62
    beat(world, 1, "120", world.now, device=SCALE)
    world.restart()
    world.run()
    assert world.rows("SELECT patient_id FROM absences") == [(patient,)]


def test_what_is_held_for_another_hides_nobodys_absence(world: World) -> None:
    first = home(world, user=1)
    second = world.patient("P2")
    world.device(CUFF, second, T0 - 2 * DAY, user=2)
    world.send(envelope("gw-1", [wire(1, 1, {"systolic": "120"}, T0, user=9)], 1))
    world.now = T0 + 4 * HOUR
    world.run()
    causes = dict(world.rows("SELECT patient_id, cause FROM absences"))
    assert causes[first] == "nothing-yet"
    assert "missing-systolic" in alerts(world)


def test_a_visitor_who_weighs_twice_does_not_become_the_patient(world: World) -> None:
    patient = home(world)
    world.device(SCALE, patient)
    weights = [("80", T0 - 3 * MINUTE), ("50", T0 - 2 * MINUTE), ("51", T0 - MINUTE)]
    batch = [
        wire(seq, seq, {"weight": kg}, at, device=SCALE) for seq, (kg, at) in enumerate(weights, 1)
    ]
    world.send(envelope("gw-1", batch, 1))
    assert world.rows("SELECT fate FROM measurements ORDER BY seq") == [
        ("stored",),
        ("held",),
        ("held",),
    ]


def test_a_weight_beyond_the_scale_does_not_question_the_ones_after_it(world: World) -> None:
    """H1, H3: HI is no number to compare with; once it held every later weighing."""
    patient = home(world)
    world.device(SCALE, patient)
    weights = [("80", T0 - 3 * MINUTE), ("HI", T0 - 2 * MINUTE), ("80.4", T0 - MINUTE)]
    for seq, (kg, at) in enumerate(weights, 1):
        world.send(envelope("gw-1", [wire(seq, seq, {"weight": kg}, at, device=SCALE)], seq))
    assert world.rows("SELECT DISTINCT fate FROM measurements") == [("stored",)]


def test_two_people_on_one_scale_are_compared_each_with_themselves(world: World) -> None:
    one, other = home(world), world.patient("P2")
    world.device(SCALE, one, user=1)
    world.device(SCALE, other, T0 - 10 * DAY, user=2)
    weights = [("80", 1), ("55", 2), ("80.2", 1), ("55.1", 2), ("55", 1)]
    for seq, (kg, user) in enumerate(weights, 1):
        at = T0 - (10 - seq) * MINUTE
        weighed = wire(seq, seq, {"weight": kg}, at, device=SCALE, user=user)
        world.send(envelope("gw-1", [weighed], seq))
    assert world.rows("SELECT patient_id, fate FROM measurements ORDER BY seq") == [
        *[(one, "stored"), (other, "stored")] * 2,
        (one, "held"),
    ]


@pytest.mark.parametrize("batches", [1, 3])
def test_a_late_weight_is_not_the_last_one_however_it_was_sent(world: World, batches: int) -> None:
    """She lost a tenth in three weeks; what the gateway kept back says what she weighed before."""
    patient = home(world)
    world.device(SCALE, patient)
    weights = [("76", T0 - 2 * MINUTE), ("82", T0 - 21 * DAY), ("74", T0 - MINUTE)]
    sent = [
        wire(seq, seq, {"weight": kg}, at, device=SCALE) for seq, (kg, at) in enumerate(weights, 1)
    ]
    for batch in [sent] if batches == 1 else [[one] for one in sent]:
        world.send(envelope("gw-1", batch, batch[0].seq))
    assert world.rows("SELECT DISTINCT fate FROM measurements") == [("stored",)]


@pytest.mark.parametrize("decision", ["rejected", "another's"])
def test_what_was_concluded_for_the_wrong_patient_is_undone_in_the_open(
    world: World, decision: str
) -> None:
    """H1, H14: marked, told, and closed by a person; never silently moved."""
    home(world, user=1)
    world.patient("P2")
    beat(world, 1, "230", user=2)
    nurse = _nurse(world)
    with world.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        if decision == "rejected":
            holding.reject(tx, nurse, epoch, 1, world.now)
        else:
            holding.release(tx, nurse, epoch, 1, "P2", world.now)
    world.run()
    rows = world.rows(
        "SELECT f.state, a.superseded, a.closed_at FROM findings f"
        " JOIN alerts a ON a.id = f.alert_id WHERE f.patient_id = 1"
    )
    assert [(row[0], bool(row[1]), row[2]) for row in rows] == [("withdrawn", True, None)]


def test_an_assignment_is_not_dated_back_over_stored_measurements(world: World) -> None:
    """H14: until a page corrects assignments, none is changed under what is stored."""
    home(world)
    beat(world, 1, "120")
    world.patient("P2")
    late = setting_up.NewAssignment(
        address=CUFF, patient="P2", from_="2026-09-20T08:00:00+02:00", user=None
    )
    with pytest.raises(WrongInput, match="from"), world.store.write() as tx:
        setting_up.assign_device(tx, late, world.now)


def test_one_name_for_two_contents_loses_neither(world: World) -> None:
    home(world)
    first = wire(1, 7, {"systolic": "120"}, T0, raw="00")
    other = wire(2, 7, {"systolic": "230"}, T0, raw="01")
    world.send(envelope("gw-1", [first, other], 1))
    world.run()
    assert [row[0] for row in world.rows("SELECT fate FROM measurements")] == ["stored"] * 2
    assert "systolic-high-outer" in alerts(world)


def test_a_gateway_of_another_chc_speaks_for_nobody_here(world: World) -> None:
    home(world)
    with world.store.write() as tx:
        other = tx.directory.add_chc("CHC Pinerolo", "Europe/Rome")
        tx.directory.add_gateway("gw-2", other, T0, None)
    world.send(envelope("gw-2", [wire(1, 1, {"systolic": "230"}, T0)], 1))
    world.run()
    assert world.rows("SELECT fate, reason FROM measurements") == [
        ("held", "gateway-of-another-chc")
    ]
    assert "systolic-high-outer" in alerts(world)


@pytest.mark.parametrize(
    "change",
    [
        {"outbox_depth": 10**30},
        {"outbox_depth": 2**40},
        {"disk_free_bytes": 10**30},
        {"epoch": EPOCH + "\n"},
    ],
    ids=str,
)
def test_a_heartbeat_that_no_table_can_hold_is_refused(world: World, change: dict) -> None:

    good = Heartbeat(
        gateway="gw-1", epoch=EPOCH, seq=1, sent_at=T0, clock="synchronised", outbox_depth=0
    )
    bad = {**json.loads(encoder.encode(good)), **change}
    (answer,) = world.send(Arrival("gw-1", json.dumps(bad).encode()))
    assert isinstance(answer, Refused)


def test_a_gateway_that_says_it_is_in_trouble_is_a_technical_alert(world: World) -> None:
    fields = {"gateway": "gw-1", "epoch": EPOCH, "seq": 1, "sent_at": T0}
    bad = Heartbeat(**fields, clock="unsynchronised", outbox_depth=5000, set_aside=2)
    world.send(Arrival("gw-1", encoder.encode(bad)))
    assert {"gateway-clock", "gateway-behind", "gateway-set-aside"} <= set(alerts(world))
    good = Heartbeat(**fields, clock="synchronised", outbox_depth=0)
    world.send(Arrival("gw-1", encoder.encode(good)))
    assert all(cleared for _, cleared, *_ in alerts(world).values())
