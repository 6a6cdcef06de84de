"""Hazard H5: "measure again" delays nothing at the outer level, and little at the inner one."""

import random

import pytest

from contract.messages import Birth, Heartbeat, Will, encoder
from server.domain.alerts import Alert, Kind
from server.domain.instants import DAY, HOUR, MINUTE, SECOND
from server.domain.plans import Priority
from server.ports.inputs import InputKind, NewInput
from server.services import alert_work, explaining
from server.services.polling import poll_all
from server.services.raising import Raising
from server.services.storing import Arrival
from tests.server.services.test_judging import CUFF, beat
from tests.server.world import EPOCH, T0, World, envelope, wire

LIMITS = {
    "code": "systolic",
    "source": "test",
    "low_inner": "95",
    "high_inner": "160",
    "high_outer": "180",
    "hysteresis": "5",
}
PLAN = {"thresholds": [{**LIMITS, "measure_again": 10}], "expected": [{"code": "weight"}]}
INNER, OUTER = "systolic-high-inner", "systolic-high-outer"
SESSION = "a" * 32


def say(world: World, kind: type, **more: object) -> None:
    said = kind(gateway="gw-1", epoch=EPOCH, seq=1, **more)
    world.send(Arrival("gw-1", encoder.encode(said)))


def born(world: World, *, prompts: bool = True) -> None:
    more = {"boot_id": "b", "clock": "synchronised", "version": "1", "prompts": prompts}
    say(world, Birth, session=SESSION, sent_at=world.now, **more)


@pytest.fixture
def home(world: World) -> World:
    """A patient whose plan asks for repeats, behind a gateway that can ask the home."""
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, PLAN)
    world.run()
    born(world)
    return world


def polled(world: World, at: int) -> None:
    world.now = at
    poll_all(world.store, at)


def alerts(world: World) -> list[tuple]:
    columns = "rule, raised_at, began_at, worst, newest"
    return world.rows(f"SELECT {columns} FROM alerts WHERE kind = 'clinical' ORDER BY id")


def rules(world: World) -> list[str]:
    return [row[0] for row in alerts(world)]


def repeats(world: World) -> list[tuple]:
    return world.rows("SELECT rule, state, until_at FROM repeats ORDER BY id")


def states(world: World) -> list[str]:
    return [row[1] for row in repeats(world)]


def commands(world: World) -> list[tuple]:
    return world.rows("SELECT gateway_id, name, code, expires_at FROM commands ORDER BY id")


def withdraw(world: World, seq: int) -> None:
    with world.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        tx.inputs.append([NewInput(InputKind.WITHDRAWN, 1, epoch, seq, 0, world.now)])
    world.run()


def test_a_first_inner_value_waits_and_the_home_is_asked(home: World) -> None:
    beat(home, 1, "170")
    assert alerts(home) == []
    assert home.rows("SELECT rule, state, alert_id FROM findings") == [(INNER, "in-force", None)]
    assert repeats(home) == [(INNER, "waiting", T0 + 10 * MINUTE)]
    assert commands(home) == [("gw-1", "measure-again", "systolic", T0 + 10 * MINUTE)]
    assert home.rows("SELECT who, patient_id FROM audit WHERE what = 'home-asked'") == [
        ("engine", 1)
    ]


def test_without_the_plans_word_nothing_waits(home: World) -> None:
    home.plan(1, {"thresholds": [LIMITS]}, T0 - MINUTE)
    home.run()
    beat(home, 1, "170")
    assert rules(home) == [INNER]
    assert commands(home) == []


@pytest.mark.parametrize("why", ["cannot-prompt", "silent", "left"])
def test_where_the_home_cannot_be_reached_the_alert_is_raised_at_once(
    home: World, why: str
) -> None:
    if why == "cannot-prompt":
        born(home, prompts=False)
    elif why == "silent":
        home.now += 15 * MINUTE + 1
    else:
        say(home, Will, session=SESSION)
    beat(home, 1, "170")
    assert rules(home) == [INNER]
    assert (repeats(home), commands(home)) == ([], [])


def test_a_gateway_heard_of_at_the_edge_of_silence_is_there(home: World) -> None:
    home.now += 15 * MINUTE
    beat(home, 1, "170")
    assert states(home) == ["waiting"]


def test_a_heartbeat_forgets_nothing_of_what_the_birth_said(home: World) -> None:
    say(home, Heartbeat, sent_at=home.now, clock="synchronised", outbox_depth=0)
    beat(home, 1, "170")
    assert states(home) == ["waiting"]


def test_when_the_time_is_over_it_is_raised_on_the_first_value_alone(home: World) -> None:
    beat(home, 1, "170")
    end = T0 + 10 * MINUTE
    polled(home, end - 1)
    assert alerts(home) == []
    polled(home, end)
    assert alerts(home) == [(INNER, end, T0, 1700, 1700)]
    assert states(home) == ["raised"]
    assert home.rows("SELECT alert_id FROM findings") == [(1,)]
    assert home.rows("SELECT reason, role FROM messages") == [("raised", "nurse")]
    polled(home, end + 1)
    assert len(alerts(home)) == 1


def test_the_server_was_down_when_the_time_was_over(home: World) -> None:
    beat(home, 1, "170")
    home.restart()
    polled(home, T0 + 3 * HOUR)
    assert alerts(home) == [(INNER, T0 + 3 * HOUR, T0, 1700, 1700)]
    assert home.rows("SELECT reason FROM messages WHERE alert_id = 1") == [("raised",)]


def test_a_clock_that_was_set_back_lengthens_no_wait(home: World) -> None:
    beat(home, 1, "170")
    polled(home, T0 - 5 * MINUTE)
    assert rules(home) == [], "ten minutes of fifteen are possible"
    polled(home, T0 - 5 * MINUTE - 1)
    assert rules(home) == [INNER]


def test_a_second_value_beyond_raises_at_once_with_both(home: World) -> None:
    beat(home, 1, "170")
    home.restart()
    at = T0 + 2 * MINUTE
    beat(home, 2, "165", at)
    assert alerts(home) == [(INNER, at, T0, 1700, 1650)]
    assert states(home) == ["raised"]
    assert home.rows("SELECT seq, alert_id FROM findings ORDER BY seq") == [(1, 1), (2, 1)]
    polled(home, T0 + HOUR)
    assert len(alerts(home)) == 1


def test_a_second_value_beyond_the_outer_limit_raises_both_levels(home: World) -> None:
    beat(home, 1, "170")
    beat(home, 2, "190", T0 + MINUTE)
    assert alerts(home) == [
        (INNER, T0 + MINUTE, T0, 1900, 1900),
        (OUTER, T0 + MINUTE, T0 + MINUTE, 1900, 1900),
    ]
    assert len(commands(home)) == 1, "the home was asked a minute ago"


def test_an_outer_value_of_doubtful_owner_ends_the_wait_too(world: World) -> None:
    """It is judged alone, by the outer limit only (H1); what waits on that side waits no longer."""
    patient = world.patient()
    world.device(CUFF, patient, user=1)
    world.plan(patient, PLAN)
    world.run()
    born(world)
    beat(world, 1, "170", user=1)
    assert states(world) == ["waiting"]
    beat(world, 2, "190", T0 + MINUTE, user=2)
    assert {INNER, OUTER} <= set(rules(world))
    assert states(world) == ["raised"]


def test_the_outer_level_alerts_now_and_asks_too(home: World) -> None:
    beat(home, 1, "190")
    assert [row[:2] for row in alerts(home)] == [(INNER, T0), (OUTER, T0)]
    assert repeats(home) == [(OUTER, "raised", T0)]
    assert commands(home) == [("gw-1", "measure-again", "systolic", T0 + 10 * MINUTE)]


def test_an_outer_value_whose_owner_is_in_doubt_asks_nobody(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient, user=1)
    world.plan(patient, PLAN)
    world.run()
    born(world)
    beat(world, 1, "190", user=2)
    assert OUTER in rules(world)
    assert commands(world) == []


def test_a_normal_repeat_raises_nothing_and_erases_nothing(home: World) -> None:
    beat(home, 1, "170")
    beat(home, 2, "150", T0 + 3 * MINUTE)
    polled(home, T0 + HOUR)
    assert alerts(home) == []
    assert states(home) == ["normal"]
    assert home.rows("SELECT value, state FROM findings") == [(1700, "in-force")]
    assert home.rows("SELECT value FROM observations ORDER BY seq") == [(1700,), (1500,)]


def test_a_repeat_that_is_not_back_by_the_hysteresis_is_no_calm(home: World) -> None:
    beat(home, 1, "170")
    beat(home, 2, "158", T0 + 3 * MINUTE)
    assert states(home) == ["waiting"]
    polled(home, T0 + 10 * MINUTE)
    assert alerts(home) == [(INNER, T0 + 10 * MINUTE, T0, 1700, 1700)]


def test_after_a_normal_repeat_another_value_beyond_in_the_same_minutes_is_told(
    home: World,
) -> None:
    for seq, (value, minutes) in enumerate((("170", 0), ("150", 2), ("170", 9)), 1):
        beat(home, seq, value, T0 + minutes * MINUTE)
    assert alerts(home) == [(INNER, T0 + 9 * MINUTE, T0 + 9 * MINUTE, 1700, 1700)]
    assert len(commands(home)) == 1


def test_after_a_normal_repeat_the_next_day_asks_again(home: World) -> None:
    beat(home, 1, "170")
    beat(home, 2, "150", T0 + 2 * MINUTE)
    home.now += DAY
    born(home)
    beat(home, 3, "170")
    assert states(home) == ["normal", "waiting"]
    assert len(commands(home)) == 2


@pytest.mark.parametrize(("age", "wait"), [(10 * MINUTE - 1, 1), (10 * MINUTE, None)])
def test_whatever_delayed_the_value_has_used_the_time_up(
    home: World, age: int, wait: int | None
) -> None:
    home.now += 14 * MINUTE
    beat(home, 1, "170", home.now - age)
    ends = [] if wait is None else [(INNER, "waiting", home.now + wait)]
    assert repeats(home) == ends
    assert rules(home) == ([INNER] if wait is None else [])


def test_a_device_whose_clock_runs_ahead_gets_no_more_time(home: World) -> None:
    ahead = "2026-09-21T16:17:20"  # four minutes: within what is believed
    trusted = {"profile": "generic_blood_pressure", "device_time": ahead}
    home.send(envelope("gw-1", [wire(1, 1, {"systolic": "170"}, T0, **trusted)], 1))
    home.run()
    ((measured_at,),) = home.rows("SELECT measured_at FROM measurements")
    assert measured_at == T0 + 4 * MINUTE
    assert repeats(home) == [(INNER, "waiting", T0 + 10 * MINUTE)]


@pytest.mark.parametrize("second", ["170", "150"], ids=["beyond", "normal"])
def test_two_values_in_one_run_need_no_repeat(home: World, second: str) -> None:
    pair = [
        wire(1, 1, {"systolic": "170"}, T0 - MINUTE),
        wire(2, 2, {"systolic": second}, T0),
    ]
    home.send(envelope("gw-1", pair, 1))
    home.run()
    assert rules(home) == [INNER]
    assert commands(home) == []
    ((cleared,),) = home.rows("SELECT cleared_at FROM alerts")
    assert (cleared is not None) == (second == "150")


def test_two_outer_values_in_one_run_ask_for_no_third(home: World) -> None:
    pair = [wire(seq, seq, {"systolic": "190"}, T0 + seq) for seq in (1, 2)]
    home.send(envelope("gw-1", pair, 1))
    home.run()
    assert rules(home) == [INNER, OUTER]
    assert commands(home) == []


def test_what_waited_is_explained_like_any_finding(home: World) -> None:
    """Promise 7."""
    beat(home, 1, "170")
    beat(home, 2, "172", T0 + MINUTE)
    with home.store.read() as tx:
        _, explained = explaining.explain(tx, 1)
    assert sorted((one.finding.value, one.equal) for one in explained) == [
        (1700, True),
        (1720, True),
    ]


def test_a_combination_that_the_first_value_completes_is_told_at_once(home: World) -> None:
    both = {
        "name": "combined-pressure-pulse",
        "source": "test",
        "of": [INNER, "pulse-high-inner"],
        "at_least": 2,
        "hours": 1,
    }
    pulse = {"code": "pulse", "source": "test", "high_inner": "110"}
    plan = {"thresholds": [*PLAN["thresholds"], pulse], "combinations": [both]}
    home.plan(1, plan, T0 - MINUTE)
    home.run()
    home.send(envelope("gw-1", [wire(1, 1, {"systolic": "170", "pulse": "120"}, T0)], 1))
    home.run()
    assert set(rules(home)) == {"combined-pressure-pulse", "pulse-high-inner"}
    assert states(home) == ["waiting"]


def test_a_comparator_never_waits(home: World) -> None:
    """H3: it is beyond every limit on its side, also where the plan has no outer one."""
    beat(home, 1, "LO")
    assert rules(home) == ["systolic-low-inner"]
    assert commands(home) == []


def test_an_open_alert_gathers_at_once(home: World) -> None:
    """H4: a condition that begins again after clearing tells again, without a wait."""
    beat(home, 1, "190")
    beat(home, 2, "150", T0 + MINUTE)
    beat(home, 3, "170", T0 + HOUR)
    assert states(home) == ["raised"]
    assert home.rows("SELECT reason FROM messages WHERE alert_id = 1") == [
        ("raised",),
        ("began-again",),
    ]


def test_while_the_rule_is_paused_nobody_is_asked(home: World) -> None:
    paused = Alert(
        id=1, chc_id=home.chc, subject="patient:1", patient_id=1, kind=Kind.CLINICAL, rule=INNER,
        priority=Priority.MEDIUM, raised_at=T0, began_at=T0, newest_at=T0, deadline_at=None,
    )  # fmt: skip
    with home.store.write() as tx:
        tx.alerts.add_pause(paused, until=T0 + DAY, by="anna", reason="visit", now=T0)
    beat(home, 1, "170")
    assert home.rows("SELECT rule, paused_until FROM alerts") == [(INNER, T0 + DAY)]
    assert commands(home) == []


def test_the_next_breach_after_a_close_waits_and_links(home: World) -> None:
    born(home, prompts=False)
    beat(home, 1, "170")
    with home.store.write() as tx:
        alert_work.close(tx, home.user("anna"), 1, "advice-given", T0 + DAY, T0)
    born(home)
    beat(home, 2, "150", T0 + MINUTE)
    beat(home, 3, "170", T0 + 2 * MINUTE)
    assert states(home) == ["waiting"]
    polled(home, T0 + 12 * MINUTE)
    assert home.rows("SELECT previous_id FROM alerts WHERE id = 2") == [(1,)]


def test_a_withdrawn_first_value_leaves_nothing_to_raise(home: World) -> None:
    """H14: it was somebody else's; the record says so."""
    beat(home, 1, "170")
    withdraw(home, 1)
    polled(home, T0 + HOUR)
    assert rules(home) == []
    assert states(home) == ["withdrawn"]
    said = home.rows("SELECT detail FROM audit WHERE what = 'repeat-ended'")
    assert said == [(f"{INNER} withdrawn",)]


def test_a_plan_of_before_the_value_that_no_longer_finds_it_leaves_nothing_to_raise(
    home: World,
) -> None:
    beat(home, 1, "170")
    home.plan(1, {"thresholds": [{**LIMITS, "high_inner": "175"}]}, T0 - MINUTE)
    home.run()
    polled(home, T0 + HOUR)
    assert rules(home) == []
    assert states(home) == ["superseded"]


def test_a_plan_of_before_the_value_that_finds_it_too_raises_at_once(home: World) -> None:
    beat(home, 1, "170")
    home.plan(1, {"thresholds": [{**LIMITS, "high_inner": "165"}]}, T0 - MINUTE)
    home.run()
    assert rules(home) == [INNER]
    assert states(home) == ["raised"]
    assert home.rows("SELECT superseded FROM alerts") == [(False,)]


def test_a_plan_from_now_on_leaves_the_wait_as_it_is(home: World) -> None:
    beat(home, 1, "170")
    home.now += MINUTE
    home.plan(1, {"thresholds": [{**LIMITS, "high_inner": "175"}]}, home.now)
    home.run()
    assert repeats(home) == [(INNER, "waiting", T0 + 10 * MINUTE)]
    polled(home, T0 + 10 * MINUTE)
    assert rules(home) == [INNER]


def test_a_normal_repeat_that_was_somebody_elses_calms_nobody(home: World) -> None:
    beat(home, 1, "170")
    beat(home, 2, "150", T0 + 3 * MINUTE)
    home.now += HOUR
    withdraw(home, 2)
    assert alerts(home) == [(INNER, home.now, T0, 1700, 1700)]
    assert states(home) == ["raised"]
    assert home.rows("SELECT alert_id FROM findings") == [(1,)]


def test_what_was_told_of_since_is_not_told_again_of_the_value_before_it(home: World) -> None:
    for seq, (value, minutes) in enumerate((("170", 0), ("150", 2), ("171", 5)), 1):
        beat(home, seq, value, T0 + minutes * MINUTE)
    with home.store.write() as tx:
        alert_work.close(tx, home.user("anna"), 1, "advice-given", home.now + DAY, home.now)
    withdraw(home, 2)
    assert alerts(home) == [(INNER, T0 + 5 * MINUTE, T0 + 5 * MINUTE, 1710, 1710)]


def test_late_data_after_a_normal_repeat_raises_nothing(home: World) -> None:
    beat(home, 1, "170")
    beat(home, 2, "150", T0 + 3 * MINUTE)
    beat(home, 3, "140", T0 - HOUR)
    assert rules(home) == []


def test_a_late_value_beyond_ends_the_wait(home: World) -> None:
    beat(home, 1, "170")
    home.now += MINUTE
    beat(home, 2, "172", T0 - 5 * HOUR)
    assert alerts(home) == [(INNER, home.now, T0 - 5 * HOUR, 1720, 1700)]


def test_a_cuff_whose_two_numbers_are_high_asks_once(home: World) -> None:
    diastolic = {"code": "diastolic", "source": "test", "high_inner": "95", "measure_again": 10}
    home.plan(1, {"thresholds": [*PLAN["thresholds"], diastolic]}, T0 - MINUTE)
    home.run()
    home.send(envelope("gw-1", [wire(1, 1, {"systolic": "170", "diastolic": "100"}, T0)], 1))
    home.run()
    assert states(home) == ["waiting", "waiting"]
    assert len(commands(home)) == 1
    polled(home, T0 + 10 * MINUTE)
    assert sorted(rules(home)) == ["diastolic-high-inner", INNER]


def test_a_wait_that_another_has_ended_is_not_raised_again(home: World) -> None:
    """The poller reads what is overdue before it locks it: the engine may have been faster."""
    beat(home, 1, "170")
    with home.store.write() as tx:
        overdue = tx.repeats.overdue(T0 + HOUR, 10)
    beat(home, 2, "150", T0 + MINUTE)
    assert overdue == [(1, INNER)]
    polled(home, T0 + HOUR)
    assert rules(home) == []


VALUES = ("120", "150", "150", "157", "160.1", "170", "170", "185", "90", "HI")


@pytest.mark.parametrize("seed", range(2, 7))
def test_no_path_loses_a_first_value_and_no_wait_is_longer_than_its_plan(
    home: World, seed: int
) -> None:
    rnd = random.Random(seed)
    seq = 0
    for _ in range(60):
        home.now += rnd.choice((SECOND, MINUTE, 4 * MINUTE, 12 * MINUTE))
        born(home, prompts=rnd.random() < 0.9)
        move = rnd.random()
        if move < 0.6:
            seq += 1
            at = home.now - rnd.choice((0, 0, 0, 0, 2 * MINUTE, 11 * MINUTE, 2 * HOUR))
            calm = "waiting" in states(home) and rnd.random() < 0.4
            beat(home, seq, "140" if calm else rnd.choice(VALUES), home.now if calm else at)
        elif move < 0.7 and seq:
            withdraw(home, rnd.randint(max(1, seq - 2), seq))
        elif move < 0.75:
            home.restart()
        elif move < 0.8:
            limits = {**LIMITS, "high_inner": rnd.choice(("155", "160", "172"))}
            plan = {"thresholds": [{**limits, "measure_again": rnd.choice((5, 15))}]}
            home.plan(1, plan, home.now - rnd.choice((0, 0, 30 * MINUTE)))
            home.run()
        else:
            _close_all(home)
        polled(home, home.now)
        _nothing_is_lost(home)
    assert {"raised", "normal"} <= set(states(home)), "too little was tried"


def _close_all(world: World) -> None:
    for (alert,) in world.rows("SELECT id FROM alerts WHERE closed_at IS NULL"):
        with world.store.write() as tx:
            anna, review = world.user("anna"), world.now + DAY
            alert_work.close(tx, anna, alert, "advice-given", review, world.now)


def _nothing_is_lost(world: World) -> None:
    first = (
        "r.rule = f.rule AND r.version = f.version AND r.epoch_id = f.epoch_id AND r.seq = f.seq"
    )
    lost = world.rows(
        "SELECT f.rule, f.value FROM findings f WHERE f.state = 'in-force' AND alert_id IS NULL"
        " AND (f.rule NOT IN ('systolic-low-inner', 'systolic-high-inner')"
        " OR NOT EXISTS (SELECT 1 FROM repeats r"
        f" WHERE {first} AND r.state IN ('waiting', 'normal')))"
    )
    assert lost == []
    gone = world.rows(
        f"SELECT r.id FROM repeats r JOIN findings f ON {first}"
        " WHERE r.state = 'waiting' AND f.state <> 'in-force'"
        f" AND NOT EXISTS (SELECT 1 FROM findings f WHERE {first} AND f.state = 'in-force')"
    )
    assert gone == []
    waits = world.rows("SELECT until_at, measured_at, asked_at, state FROM repeats")
    assert all(
        until <= min(measured, asked) + 15 * MINUTE
        for until, measured, asked, state in waits
        if state == "waiting"
    )
    assert all(until > world.now for until, _, _, state in waits if state == "waiting")


def test_a_plan_that_drops_the_rule_is_no_normal_repeat(home: World) -> None:
    """H5: it raises on the first value alone, whatever the plan says since."""
    beat(home, 1, "170")
    home.now += MINUTE
    stricter = {"code": "systolic", "source": "test", "high_outer": "165"}
    home.plan(1, {"thresholds": [stricter]}, home.now)
    home.run()
    assert states(home) == ["waiting"]
    polled(home, T0 + HOUR)
    assert states(home) == ["raised"]
    assert rules(home) == [INNER]


@pytest.mark.parametrize(
    ("value", "more"), [("LO", {}), ("130", {"flags": ["body-movement"]})], ids=["LO", "doubted"]
)
def test_a_repeat_that_is_no_sure_number_calms_nobody(home: World, value: str, more: dict) -> None:
    """H3."""
    beat(home, 1, "170")
    home.now += MINUTE
    beat(home, 2, value, home.now, **more)
    assert states(home) == ["waiting"]
    polled(home, T0 + HOUR)
    assert INNER in rules(home)


def test_one_wait_that_cannot_be_ended_holds_up_nobody_elses(
    home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H7: it is told that it could not be, and the poller lives on."""
    other = home.patient("P2")
    home.device("AA:BB:CC:DD:EE:02", other)
    home.plan(other, PLAN)
    home.run()
    beat(home, 1, "170")
    beat(home, 2, "170", home.now, device="AA:BB:CC:DD:EE:02")
    assert states(home) == ["waiting", "waiting"]
    real = Raising.write

    def poisoned(raising: Raising) -> int:
        if any(patient == 1 for patient, _ in raising._concluded.unrepeated):
            raise ZeroDivisionError
        return real(raising)

    monkeypatch.setattr(Raising, "write", poisoned)
    poll_all(home.store, T0 + HOUR)
    own = "SELECT patient_id, rule FROM alerts WHERE patient_id > 0 ORDER BY patient_id"
    assert home.rows(own) == [(1, "stored-not-judged"), (other, INNER)]
    monkeypatch.undo()
    poll_all(home.store, T0 + HOUR + MINUTE)
    assert (1, INNER) in home.rows(own)
