"""Commit 2: findings, alerts and the cursor move together, or not at all."""

from datetime import UTC, datetime

import msgspec
import pytest

from server.domain.instants import DAY, HOUR, MINUTE, from_datetime
from server.domain.plans import Plan
from server.engine import absences
from server.errors import StoreUnavailable
from server.ports.inputs import InputKind, NewInput
from server.services import alert_work, holding, judging
from server.services.polling import poll
from tests.server.world import EPOCH, T0, World, envelope, wire

CUFF = "AA:BB:CC:DD:EE:01"
PLAN = {
    "thresholds": [
        {
            "code": "systolic",
            "source": "test",
            "low_inner": "95",
            "high_inner": "160",
            "high_outer": "180",
            "hysteresis": "5",
            "step": "10",
        }
    ],
    "gains": [{"name": "weight-gain-2kg-3d", "source": "ESC", "days": 3, "more_than": "2"}],
    "expected": [{"code": "systolic", "due": "20:00"}],
}


@pytest.fixture
def home(world: World) -> World:
    """A patient with a cuff and a confirmed plan; the engine has taken the plan."""
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, PLAN)
    world.run()
    return world


def beat(world: World, seq: int, systolic: str, at: int | None = None, **more: object) -> None:
    at = world.now if at is None else at
    world.now = max(world.now, at)
    world.send(envelope("gw-1", [wire(seq, seq, {"systolic": systolic}, at, **more)], seq))
    world.run()


def alerts(world: World) -> dict[str, tuple]:
    rows = world.rows(
        "SELECT rule, priority, cleared_at IS NOT NULL, worst, newest, closed_at IS NOT NULL"
        " FROM alerts ORDER BY id"
    )
    return {row[0]: (row[1], bool(row[2]), *row[3:5]) for row in rows}


def test_each_level_is_an_alert_of_its_own(home: World) -> None:
    """H4: an acknowledged amber never swallows a red."""
    beat(home, 1, "170")
    nurse = _nurse(home)
    with home.store.write() as tx:
        alert_work.acknowledge(tx, nurse, 1, home.now)
    beat(home, 2, "190")
    assert alerts(home) == {
        "systolic-high-inner": ("medium", False, 1900, 1900),
        "systolic-high-outer": ("high", False, 1900, 1900),
    }


def test_a_condition_clears_by_the_hysteresis_and_stays_open(home: World) -> None:
    beat(home, 1, "170")
    beat(home, 2, "157", home.now + MINUTE)
    assert not alerts(home)["systolic-high-inner"][1]
    beat(home, 3, "154", home.now + 2 * MINUTE)
    assert alerts(home)["systolic-high-inner"][1]


def test_a_new_breach_after_a_close_opens_a_linked_alert(home: World) -> None:
    beat(home, 1, "170")
    nurse = _nurse(home)
    with home.store.write() as tx:
        alert_work.close(tx, nurse, 1, "advice-given", home.now + DAY, home.now)
    beat(home, 2, "171", home.now + MINUTE)
    assert home.rows("SELECT id, previous_id FROM alerts ORDER BY id") == [(1, None), (2, 1)]


def test_three_weeks_offline_raise_one_alert_with_the_worst_and_the_newest(home: World) -> None:
    """H6."""
    old = [
        wire(seq, seq, {"systolic": str(160 + seq % 25)}, home.now - (22 - seq) * DAY)
        for seq in range(1, 22)
    ]
    home.send(envelope("gw-1", old, 1))
    home.run()
    ((raised, worst, newest, messages),) = home.rows(
        "SELECT count(*), max(worst), max(newest), (SELECT count(*) FROM messages)"
        " FROM alerts WHERE rule = 'systolic-high-inner'"
    )
    assert (raised, worst, newest, messages) == (1, 1810, 1810, 2)


def test_a_late_value_that_undoes_a_finding_supersedes_it_and_keeps_the_alert(
    home: World,
) -> None:
    """Promise 4: a finding that late data no longer supports is marked, never deleted."""
    patient = home.patient("P2")
    home.device("AA:BB:CC:DD:EE:02", patient)
    home.plan(patient, PLAN)
    scale = {"device": "AA:BB:CC:DD:EE:02"}
    for seq, (kg, at) in enumerate([("70", T0 - 2 * DAY), ("72.5", T0)], 1):
        home.send(envelope("gw-1", [wire(seq, seq, {"weight": kg}, at, **scale)], seq))
    home.run()
    assert home.rows("SELECT rule, state FROM findings") == [("weight-gain-2kg-3d", "in-force")]
    earlier = wire(3, 3, {"weight": "71"}, T0 - 2 * DAY - HOUR, **scale)
    home.send(envelope("gw-1", [earlier], 3))
    home.run()
    assert home.rows("SELECT rule, state FROM findings") == [("weight-gain-2kg-3d", "superseded")]
    ((superseded, closed, told),) = home.rows(
        "SELECT superseded, closed_at, (SELECT max(reason) FROM messages WHERE alert_id = a.id)"
        " FROM alerts a WHERE rule = 'weight-gain-2kg-3d'"
    )
    assert (bool(superseded), closed, told) == (True, None, "superseded")


def test_thirty_weighings_a_morning_are_all_judged_against_the_days_before(home: World) -> None:
    """H13: the base is the lowest of the first weighings of the days before, not any other."""
    morning = T0 - DAY
    home.now = T0 + HOUR
    first = [wire(1, 1, {"weight": "70"}, morning), wire(2, 2, {"weight": "69"}, morning + MINUTE)]
    today = [
        wire(3 + n, 3 + n, {"weight": f"{71.8 + n / 100:.2f}"}, T0 + n * MINUTE) for n in range(30)
    ]
    home.send(envelope("gw-1", [*first, *today], 1))
    home.run()
    found = home.rows("SELECT value FROM findings WHERE rule = 'weight-gain-2kg-3d' ORDER BY value")
    # More than 2 kg above 70.0, the first of the day before; 72.00 is not more, 69.0 is no base.
    assert found == [(72010 + 10 * n,) for n in range(9)]


def test_a_row_that_fails_alone_three_times_is_set_aside_and_the_rest_goes_on(
    home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H7: one poisonous row never stops a district."""
    real = judging.step

    def poisoned(state, batch):
        if (batch.value == 1666).any():
            raise ZeroDivisionError("poison")
        return real(state, batch)

    monkeypatch.setattr(judging, "step", poisoned)
    values = ["170", "166.6", "185"]
    batch = [
        wire(seq, seq, {"systolic": value}, T0 + seq * MINUTE)
        for seq, value in enumerate(values, 1)
    ]
    home.send(envelope("gw-1", batch, 1))
    home.run()
    assert alerts(home)["systolic-high-outer"][2:] == (1850, 1850)
    assert alerts(home)["stored-not-judged"][0] == "high"
    ((position, reason),) = home.rows(
        "SELECT position, set_aside FROM inputs WHERE set_aside IS NOT NULL"
    )
    assert (position, reason) == (3, "ZeroDivisionError: poison")
    monkeypatch.undo()
    beat(home, 4, "150", T0 + HOUR)
    assert alerts(home)["systolic-high-outer"][1]


def test_a_commit_that_fails_leaves_state_and_tables_as_they_were(
    home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.send(envelope("gw-1", [wire(1, 1, {"systolic": "190"}, T0)], 1))
    before = home.judge.state.position
    rows = home.judge.state.rows.copy()

    class Broken:
        def __init__(self, *_args: object) -> None:
            raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(judging, "Raising", Broken)
    with pytest.raises(StoreUnavailable):
        home.judge.run_once(home.now)
    assert home.judge.state.position == before
    assert (home.judge.state.rows == rows).all()
    assert alerts(home) == {}
    monkeypatch.undo()
    home.run()
    assert set(alerts(home)) == {"systolic-high-inner", "systolic-high-outer"}


def test_a_plan_whose_commit_failed_is_not_known_to_the_engine(
    home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = home.patient("P2")
    home.plan(patient, PLAN)

    def no_room(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(type(home.judge), "_write", no_room)
    with pytest.raises(StoreUnavailable):
        home.judge.run_once(home.now)
    assert patient not in home.judge.state.versions
    monkeypatch.undo()
    home.run()
    assert [one.number for one in home.judge.state.versions[patient]] == [1]


def test_one_poisoned_due_time_holds_up_nobody_elses_absence(
    home: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H7: told once, high, on that patient; looked at again the next day."""
    other = home.patient("P2")
    home.plan(other, PLAN)
    home.run()
    real = absences.next_due

    def poisoned(versions, code, running, now):
        if versions is home.judge.state.versions[other]:
            raise ZeroDivisionError("poison")
        return real(versions, code, running, now)

    monkeypatch.setattr(absences, "next_due", poisoned)
    home.now = T0 + 4 * HOUR
    home.run()
    raised = "SELECT rule, priority, patient_id, detail FROM alerts ORDER BY patient_id"
    assert home.rows(raised) == [
        ("missing-systolic", "low", 1, "nothing-yet"),
        ("stored-not-judged", "high", other, "missing-systolic"),
    ]
    assert home.rows("SELECT count(*) FROM inputs WHERE set_aside IS NOT NULL") == [(0,)]
    monkeypatch.undo()
    home.now += DAY
    home.run()
    assert home.rows("SELECT count(*) FROM alerts WHERE rule = 'missing-systolic'") == [(2,)]


def test_a_commit_that_another_made_is_noticed_before_anything_is_judged_twice(
    home: World,
) -> None:
    behind = judging.Judge(home.store, home.restored())
    beat(home, 1, "190")
    with pytest.raises(judging.StateBehind):
        behind.run_once(home.now)
    assert home.rows("SELECT count(*) FROM findings") == [(2,)]


def test_nobody_measured_by_the_due_time_is_an_alert_and_a_measurement_ends_it(
    home: World,
) -> None:
    """H8: missing-measurement; T0 is 16:13 in Rome."""
    home.now = T0 + 4 * HOUR
    home.run()
    assert alerts(home) == {"missing-systolic": ("low", False, None, None)}
    assert home.rows("SELECT cause FROM absences") == [("nothing-yet",)]
    home.now += MINUTE
    home.run()
    assert home.rows("SELECT count(*) FROM absences") == [(1,)]
    beat(home, 1, "130")
    assert alerts(home)["missing-systolic"][1]


def test_a_measurement_that_arrives_late_explains_the_absence(home: World) -> None:
    home.now = T0 + 4 * HOUR
    home.run()
    beat(home, 1, "130", T0 + HOUR)
    ((cause, explained),) = home.rows("SELECT cause, explained_at FROM absences")
    assert (cause, explained) == ("nothing-yet", home.now)


@pytest.mark.parametrize(("hours", "cause"), [(3.9, "not-measured"), (1, "gateway-silent")])
def test_what_a_silent_gateway_may_hold_is_not_called_not_measured(
    home: World, hours: float, cause: str
) -> None:
    """The absence is told all the same: whether the patient measured, nobody knows."""
    beat(home, 1, "130", T0 - DAY)
    with home.store.write() as tx:
        tx.measurements.seen_gateway("gw-1", T0 + int(hours * HOUR), 0, {})
    home.now = T0 + 4 * HOUR
    home.run()
    assert home.rows(
        "SELECT cause FROM absences WHERE due_at > 0 ORDER BY due_at DESC LIMIT 1"
    ) == [(cause,)]
    assert home.rows("SELECT detail FROM alerts WHERE rule = 'missing-systolic'") == [(cause,)]


@pytest.mark.parametrize(
    ("more", "cause", "raised"),
    [({"user": 9}, "held", False), ({"unreadable": "byte 1"}, "arrived-unreadable", True)],
    ids=["held", "unreadable"],
)
def test_what_is_held_or_unreadable_is_not_called_not_measured(
    world: World, more: dict, cause: str, raised: bool
) -> None:
    """H1, H2."""
    patient = world.patient()
    world.device(CUFF, patient, user=1)
    world.plan(patient, PLAN)
    values = {} if "unreadable" in more else {"systolic": "120"}
    world.send(envelope("gw-1", [wire(1, 1, values, T0, **more)], 1))
    world.run()
    world.now = T0 + 4 * HOUR
    world.run()
    assert world.rows("SELECT cause FROM absences") == [(cause,)]
    assert ("missing-systolic" in alerts(world)) is raised


def test_a_draft_watches_nothing(world: World) -> None:
    """H8: nothing is watched until a doctor confirms it."""
    patient = world.patient()
    world.device(CUFF, patient)
    with world.store.write() as tx:
        person = tx.directory.patient(patient)
        tx.directory.add_plan(person, msgspec.convert(PLAN, Plan), "anna", T0)
    beat(world, 1, "250")
    assert alerts(world) == {}


def test_a_released_measurement_is_judged_then(world: World) -> None:
    patient = world.patient()
    world.plan(patient, PLAN)
    beat(world, 1, "190")
    assert set(alerts(world)) == {"measurement-held"}
    nurse = _nurse(world)
    with world.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        holding.release(tx, nurse, epoch, 1, "P1", world.now)
    world.run()
    assert {"systolic-high-inner", "systolic-high-outer"} <= set(alerts(world))


def test_a_withdrawn_measurement_leaves_its_finding_entered_in_error(home: World) -> None:
    """H14: nothing moves silently; a person closes the alert."""
    beat(home, 1, "190")
    with home.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        tx.inputs.append([NewInput(InputKind.WITHDRAWN, 1, epoch, 1, 0, home.now)])
    home.run()
    assert {row[0] for row in home.rows("SELECT state FROM findings")} == {"withdrawn"}
    rows = home.rows("SELECT detail, closed_at, cleared_at IS NOT NULL FROM alerts")
    assert {(row[0], row[1], bool(row[2])) for row in rows} == {("entered-in-error", None, True)}


def test_when_the_calm_value_was_somebody_elses_the_condition_is_told_again(home: World) -> None:
    """H4: what ended the condition is withdrawn, so it never ended."""
    beat(home, 1, "190")
    beat(home, 2, "130", home.now + MINUTE)
    assert alerts(home)["systolic-high-outer"][1]
    with home.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        tx.inputs.append([NewInput(InputKind.WITHDRAWN, 1, epoch, 2, 0, home.now)])
    home.run()
    assert not alerts(home)["systolic-high-outer"][1]
    again = home.rows("SELECT alert_id FROM messages WHERE reason = 'began-again'")
    assert len(again) == 2  # the inner level is a rule of its own


def test_a_rule_that_leaves_the_plan_clears_its_alert_and_no_other_rules(home: World) -> None:
    """A rule's place in one version means nothing in the next."""
    rise = {
        "kind": "change",
        "code": "systolic",
        "source": "test",
        "side": "rise",
        "hours": 24,
    }
    first = [{**rise, "name": "systolic-rise-a", "more_than": "20"}]
    second = [{**rise, "name": "systolic-rise-b", "more_than": "25"}]
    home.plan(1, {**PLAN, "rules": [*first, *second]}, home.now - HOUR)
    home.run()
    beat(home, 1, "120")
    beat(home, 2, "150", home.now + MINUTE)
    open_before = alerts(home)
    assert {"systolic-rise-a", "systolic-rise-b"} <= set(open_before)
    home.plan(1, {**PLAN, "rules": second}, home.now + MINUTE)
    home.now += 2 * MINUTE
    home.run()
    beat(home, 3, "151", home.now)
    after = alerts(home)
    assert after["systolic-rise-a"][1]
    assert not after["systolic-rise-b"][1]
    beat(home, 4, "121", home.now + MINUTE)
    assert alerts(home)["systolic-rise-b"][1]


def test_a_pause_covers_one_rule_and_the_outer_level_still_tells(home: World) -> None:
    beat(home, 1, "170")
    nurse = _nurse(home)
    with home.store.write() as tx:
        alert_work.pause(tx, nurse, 1, home.now + DAY, "visit planned", home.now)
    before = len(home.rows("SELECT id FROM messages"))
    beat(home, 2, "175", home.now + MINUTE)
    assert len(home.rows("SELECT id FROM messages")) == before
    beat(home, 3, "185", home.now + 2 * MINUTE)
    told = home.rows(f"SELECT alert_id, reason FROM messages WHERE id > {before} ORDER BY alert_id")
    # The outer level is a rule of its own; and 15 mmHg worse is not what was paused.
    assert told == [(1, "got-worse"), (2, "raised")]
    assert home.rows("SELECT paused_until FROM alerts WHERE id = 1") == [(None,)]
    assert home.rows(f"SELECT count(*) FROM pauses WHERE until_at > {home.now}") == [(0,)]


def test_the_poller_escalates_a_deadline_that_passed_while_everything_was_down(
    home: World,
) -> None:
    beat(home, 1, "190")
    for minutes in (16, 40, 60):
        with home.store.write() as tx:
            poll(tx, T0 + minutes * MINUTE)
    ((unanswered, step, deadline),) = home.rows(
        "SELECT unanswered, step, deadline_at FROM alerts WHERE rule = 'systolic-high-outer'"
    )
    assert (bool(unanswered), step, deadline) == (True, 2, None)


def test_a_silent_gateway_is_a_technical_alert_once(home: World) -> None:
    with home.store.write() as tx:
        tx.measurements.seen_gateway("gw-1", T0, 0, {})
    for minutes in (10, 16, 17):
        with home.store.write() as tx:
            poll(tx, T0 + minutes * MINUTE)
    rows = home.rows("SELECT subject, kind FROM alerts WHERE rule = 'gateway-silent'")
    assert rows == [("gateway:gw-1", "technical")]


def test_limits_are_exact_at_their_edges(home: World) -> None:
    for seq, value in enumerate(["160", "160.1", "95", "94.9"], 1):
        beat(home, seq, value, T0 + seq * MINUTE)
    found = home.rows("SELECT rule, value FROM findings ORDER BY id")
    assert found == [("systolic-high-inner", 1601), ("systolic-low-inner", 949)]


def test_on_the_night_of_25_hours_the_measurement_is_due_by_the_wall_clock(world: World) -> None:
    world.now = from_datetime(datetime(2026, 10, 24, 20, tzinfo=UTC))
    patient = world.patient()
    world.plan(patient, PLAN)
    world.run()
    assert world.judge.state.next_due() == from_datetime(datetime(2026, 10, 25, 19, tzinfo=UTC))


def _nurse(world: World):
    with world.store.write() as tx:
        if (found := tx.directory.user("anna")) is None:
            tx.directory.add_user("anna", "Anna Neri", "nurse", world.chc, "-", "it")
            found = tx.directory.user("anna")
    assert found is not None
    return found


def test_a_close_ends_the_pause_so_that_the_next_breach_tells(home: World) -> None:
    """H4: the first breach after a close opens a new alert, and somebody is told."""
    beat(home, 1, "170")
    nurse = _nurse(home)
    with home.store.write() as tx:
        alert_work.pause(tx, nurse, 1, home.now + DAY, "visit planned", home.now)
        alert_work.close(tx, nurse, 1, "advice-given", home.now + DAY, home.now)
    before = len(home.rows("SELECT id FROM messages"))
    beat(home, 2, "175", home.now + MINUTE)
    assert len(home.rows("SELECT id FROM messages")) == before + 1


def test_the_last_decision_closes_the_matter_of_what_was_held(world: World) -> None:
    world.plan(world.patient(), PLAN)
    beat(world, 1, "120")
    beat(world, 2, "121")
    nurse = _nurse(world)
    for seq, closed in ((1, None), (2, world.now)):
        with world.store.write() as tx:
            epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
            holding.release(tx, nurse, epoch, seq, "P1", world.now)
        rows = world.rows("SELECT closed_at FROM alerts WHERE rule = 'measurement-held'")
        assert rows == [(closed,)]
