"""A back-test by the plan in force finds what the live engine found, and a changed plan more."""

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from contract.codes import Code
from server.domain.instants import DAY, HOUR, at_local, to_datetime
from server.domain.plans import Plan
from server.domain.window_rules import DAYS_MAX, HOURS_MAX
from server.engine import backtest as judging_series
from server.engine.backtest_patient import findings
from server.engine.backtest_result import Backtest, Event
from server.engine.combined import combined
from server.errors import NotFound, WrongInput
from server.services import holding
from server.services.backtesting import WARM_UP_DAYS, Question, backtest, history_of
from server.services.following import follow_charts
from server.services.versions import versions_of
from tests.server.engine.test_order import PLANS
from tests.server.services.test_judging import _nurse
from tests.server.world import EPOCH, T0, World, envelope, wire

CUFF = "AA:BB:CC:DD:EE:01"
TODAY = date(2026, 9, 21)
SYSTOLIC = ["79.9", "88", "90.4", "95", "120", "136", "140", "140.1", "151", "179", "185", "LO"]
WEIGHT = ["68", "69.36", "70", "70.64", "71.36", "72.001", "72.3", "HI"]
# Content ids that are unique but sort in no relation to the order of sending.
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC834
LIMIT = {"thresholds": [{"code": "systolic", "source": "test", "high_inner": "140"}]}


def followed(world: World) -> None:
    world.run()
    while follow_charts(world.store, world.now):
        pass


def asked(world: World, plan: dict[str, Any], days: int = 20, **more: Any) -> Backtest:
    question = Question(
        plan=msgspec.convert(plan, Plan),
        chc=more.pop("chc", "CHC Susa"),
        from_day=TODAY - timedelta(days=days),
        to_day=TODAY,
        minutes_an_alert=10.0,
        **more,
    )
    return backtest(world.store, question, world.now)


def measure(world: World, series: list[tuple[int, str, str]], seq: int = 1, **more: Any) -> None:
    """Send (at, code, value) in the order given, judging after every few."""
    for start in range(0, len(series), 20):
        part = [
            wire(seq + n, (seq + n) * _SPREAD % 2**128, {code: value}, at, **more)
            for n, (at, code, value) in enumerate(series[start : start + 20], start)
        ]
        world.send(envelope("gw-1", part, seq + start))
        world.run()


def beaten(hours_ago: list[int], value: str = "150") -> list[tuple[int, str, str]]:
    return [(T0 - hours * HOUR, "systolic", value) for hours in hours_ago]


def judged_again(world: World, patient_id: int) -> Counter[tuple[str, int, int, int]]:
    """Return (rule, version, measured at, value) of what the charts' series give."""
    with world.store.read() as tx:
        patient = tx.directory.patient(patient_id)
        rows = tx.inputs.plan_versions([patient_id], tx.inputs.cursor())
        versions = versions_of(rows)[patient_id]
        history, *_ = history_of(tx, patient, list(Code), T0 - 20 * DAY, T0)
    found = []
    for code, series in history.series.items():
        if any(code in version.rules for version in versions):
            beyond = judging_series.judge(code, versions, series)
            found += findings(code, versions, series, beyond)
    found += combined(versions, found)
    return Counter((one.rule, one.version, one.at, one.value) for one in found)


def lived(world: World, patient: int) -> Counter[tuple[str, int, int, int]]:
    return Counter(
        world.rows(
            "SELECT rule, version, measured_at, value FROM findings"
            f" WHERE patient_id = {patient} AND state = 'in-force' AND in_series"
        )
    )


def single(found: Counter[Any]) -> Counter[Any]:
    return Counter({key: n for key, n in found.items() if not key[0].startswith("combined-")})


def met(found: Counter[Any]) -> set[tuple[str, int, int]]:
    """The combinations, once an instant: a chart does not say which values were one measurement."""
    return {key[:3] for key in found if key[0].startswith("combined-")}


def mixed(world: World, rng: random.Random) -> int:
    """Let a patient live through late, flagged, held, unsure and withdrawn data and two plans."""
    patient = world.patient()
    world.device(CUFF, patient, user=1)
    world.plan(patient, PLANS[0])
    series = [
        (T0 - 12 * DAY + step * 2 * HOUR, "systolic", rng.choice(SYSTOLIC)) for step in range(140)
    ]
    series += [
        (T0 - 12 * DAY + step * 7 * HOUR, "weight", rng.choice(WEIGHT)) for step in range(40)
    ]
    series += [series[3], series[50]]  # two at one instant
    rng.shuffle(series)
    flagged = {"user": 1, "flags": ["irregular-pulse"]}
    measure(world, series[:100], user=1)
    world.plan(patient, PLANS[1], T0 - 5 * DAY)
    measure(world, series[100:120], 101, **flagged)
    measure(world, series[120:], 121, user=1)
    measure(world, beaten([4, 30, 50], "190"), 301, user=2)  # held: another user
    measure(world, beaten([6], "191"), 304, user=1, clock="unsynchronised")
    nurse = _nurse(world)
    with world.store.write() as tx:
        epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
        for seq in (301, 302):
            holding.release(tx, nurse, epoch, seq, "P1", world.now)
    world.run()
    with world.store.write() as tx:
        holding.take_back(tx, nurse, epoch, 302, world.now)
    followed(world)
    return patient


@pytest.mark.parametrize("number", range(3))
def test_what_was_found_live_is_found_again(world: World, number: int) -> None:
    patient = mixed(world, random.Random(number))
    expected = lived(world, patient)
    again = judged_again(world, patient)
    assert single(again) == single(expected)
    assert met(again) == met(expected)
    assert {name.split("-")[0] for name, *_ in expected} >= {"systolic", "weight", "combined"}
    answer = asked(world, LIMIT)
    counted = {one.rule: one.findings for one in answer.in_force.rules}
    by_rule = Counter(rule for rule, *_ in single(expected).elements())
    by_rule.update(rule for rule, *_ in met(expected))
    assert {rule: n for rule, n in counted.items() if not rule.startswith("missing-")} == by_rule
    assert answer.held_or_unsure == 3
    assert (answer.patients, answer.observations) == (1, 186)
    assert answer.inputs_behind == 0


def test_one_alert_lasts_as_long_as_its_condition(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    measure(world, beaten([100, 90, 80, 60, 50]))
    measure(world, beaten([70], "120"), 6)  # between the third and the fourth
    followed(world)
    tested = asked(world, LIMIT).tested
    first, second = (one for one in tested.raised if one.rule == "systolic-high-inner")
    assert (first.findings, second.findings) == (3, 2)
    assert first.began_at == to_datetime(T0 - 100 * HOUR)
    assert first.ended_at == to_datetime(T0 - 70 * HOUR)
    assert second.ended_at is None


def test_a_condition_that_held_before_the_first_day_is_no_new_alert(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    measure(world, beaten([24 * day for day in range(12)]))
    followed(world)
    (rule,) = (one for one in asked(world, LIMIT, days=3).tested.rules if "high" in one.rule)
    assert (rule.alerts, rule.findings) == (0, 4)
    (rule,) = (one for one in asked(world, LIMIT, days=20).tested.rules if "high" in one.rule)
    assert (rule.alerts, rule.findings) == (1, 12)


def test_a_baseline_is_full_on_the_first_day(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    measure(world, [(T0 - day * DAY, "systolic", "120.1" if day else "180") for day in range(9)])
    followed(world)
    baseline = {
        "kind": "baseline",
        "name": "systolic-baseline",
        "code": "systolic",
        "source": "test",
        "side": "rise",
        "days": 7,
        "more_than": "2",
    }
    found = asked(world, {"rules": [baseline]}, days=0).tested
    assert [one.rule for one in found.raised] == ["systolic-baseline"]


def test_a_lower_limit_gives_more_alerts_and_costs_more(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    world.plan(patient, {**LIMIT, "expected": [{"code": "systolic"}]})
    measure(world, beaten([100, 40], "150") + beaten([90, 30], "100") + beaten([70], "135"))
    followed(world)
    lower = {"thresholds": [{"code": "systolic", "source": "test", "high_inner": "130"}]}
    answer = asked(world, lower)
    clinical = [
        {one.rule: one.alerts for one in outcome.rules if one.rule.startswith("systolic")}
        for outcome in (answer.tested, answer.in_force)
    ]
    assert clinical == [{"systolic-high-inner": 2}, {"systolic-high-inner": 2}]
    measure(world, beaten([55], "100"), 6)
    followed(world)
    answer = asked(world, lower)
    assert answer.difference.alerts == 1
    assert answer.tested.nurse_minutes - answer.in_force.nurse_minutes == 10
    assert answer.difference.nurse_minutes_per_week == pytest.approx(10 / ((20 + 0.593) / 7), 0.01)
    weeks = answer.patient_weeks
    assert weeks == pytest.approx(
        (T0 - at_local(TODAY.toordinal() - 719_163 - 20, 0, "Europe/Rome")) / (7 * DAY)
    )
    (rule,) = (one for one in answer.tested.rules if one.rule == "systolic-high-inner")
    assert rule.alerts_per_patient_week == pytest.approx(3 / weeks)


def test_events_that_an_alert_preceded_and_one_that_it_missed(world: World) -> None:
    world.device(CUFF, world.patient())
    world.device("AA:BB:CC:DD:EE:02", world.patient("P2"))
    measure(world, beaten([240, 230, 200], "150") + beaten([235], "120"))
    measure(world, beaten([240], "120"), 5, device="AA:BB:CC:DD:EE:02")
    followed(world)
    events = [
        Event("P1", T0 - 210 * HOUR, "admission"),
        Event("P1", T0 - 241 * HOUR, "too early"),
        Event("P2", T0 - 210 * HOUR, "fall"),
        Event("P2", T0 - 900 * HOUR, "long ago"),
    ]
    answer = asked(world, LIMIT, events=events)
    told = [(one.patient, one.event, one.rule, one.lead_hours) for one in answer.tested.events]
    assert told == [
        ("P1", "admission", "systolic-high-inner", 30.0),
        ("P1", "too early", None, None),
        ("P2", "fall", None, None),
    ]
    assert (answer.tested.events_preceded, answer.tested.events_missed) == (1, 2)
    assert (answer.in_force.events_preceded, answer.in_force.events_missed) == (0, 3)
    assert answer.events_outside == 1
    # Ten of the 41 days of both: the alerts of one patient, ten days ago, until now.
    assert answer.tested.chance == pytest.approx(10 / (2 * 20.6), 0.01)
    with pytest.raises(NotFound, match="P9"):
        asked(world, LIMIT, events=[Event("P9", T0, "fall")])


def test_a_day_without_the_measurement_is_one_absence(world: World) -> None:
    patient = world.patient()
    world.device(CUFF, patient)
    with world.store.write() as tx:
        tx.connection.exec_driver_sql(f"UPDATE patients SET enrolled_at = {T0 - 9 * DAY}")
    measure(world, [(T0 - day * DAY - HOUR, "systolic", "120") for day in (8, 7, 4, 1)])
    followed(world)
    missing = [one for one in asked(world, LIMIT).tested.raised if one.rule.startswith("missing")]
    # Enrolled nine days ago; today is not due before 20:00.
    told = [(one.rule, (T0 - at_ms(one.began_at)) // DAY, one.findings) for one in missing]
    assert told == [("missing-systolic", 8, 1), ("missing-systolic", 5, 2),
                    ("missing-systolic", 2, 2)]  # fmt: skip
    assert missing[1].ended_at == to_datetime(T0 - 4 * DAY - HOUR)


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/New_York"])
def test_absences_are_those_that_live_days_had(world: World, zone: str) -> None:
    """Day by day, measured in time or not at all, over the night with two third hours."""
    first = at_local(date(2026, 10, 18).toordinal() - 719_163, 6 * 60, zone)
    patient = world.patient(zone=zone)
    world.device(CUFF, patient)
    world.now = first
    world.plan(patient, {**LIMIT, "expected": [{"code": "systolic", "due": "20:00"}]}, first)
    with world.store.write() as tx:
        tx.connection.exec_driver_sql(f"UPDATE patients SET enrolled_at = {first}")
    world.run()
    seq = 0
    for hour in range(14 * 24):
        world.now = first + hour * HOUR
        if hour in (3, 4, 30, 82, 100, 123, 150, 199, 207, 300):
            seq += 1
            value = wire(seq, seq * _SPREAD % 2**128, {"systolic": "120"}, world.now)
            world.send(envelope("gw-1", [value], seq))
        world.run()
    followed(world)
    question = Question(
        msgspec.convert(LIMIT, Plan), "CHC Susa", date(2026, 10, 10), date(2026, 11, 9), 10.0
    )
    answer = backtest(world.store, question, world.now)
    absences = world.rows("SELECT due_at FROM absences ORDER BY due_at")
    (rule,) = answer.in_force.rules
    assert (rule.rule, rule.findings) == ("missing-systolic", len(absences))
    began = [at_ms(one.began_at) for one in answer.in_force.raised]
    assert set(began) <= {due for (due,) in absences}
    assert 3 < len(began) < len(absences)
    (tested,) = answer.tested.rules
    assert (tested.findings, tested.alerts) == (rule.findings, rule.alerts)


def test_a_combination_is_one_alert_while_enough_of_its_rules_hold(world: World) -> None:
    world.device(CUFF, world.patient())
    plan = {
        "thresholds": [
            {"code": "systolic", "source": "test", "high_inner": "140"},
            {"code": "pulse", "source": "test", "high_inner": "100"},
        ],
        "combinations": [
            {"name": "combined-both", "source": "test", "hours": 48, "at_least": 2,
             "of": ["systolic-high-inner", "pulse-high-inner"], "priority": "high"},
        ],
    }  # fmt: skip
    beats = [(100, "150", "80"), (90, "150", "110"), (80, "150", "110"), (70, "120", "110"),
             (60, "150", "110"), (50, "120", "80")]  # fmt: skip
    for seq, (hours, systolic, pulse) in enumerate(beats, 1):
        values = {"systolic": systolic, "pulse": pulse}
        at = T0 - hours * HOUR
        world.send(envelope("gw-1", [wire(seq, seq * _SPREAD % 2**128, values, at)], seq))
    followed(world)
    raised = [one for one in asked(world, plan).tested.raised if one.rule == "combined-both"]
    # At 70 h the pulse alone is high, with a systolic within the hours before: met, and over.
    told = [((T0 - at_ms(one.began_at)) // HOUR, one.findings, one.priority) for one in raised]
    assert told == [(90, 2, "high"), (70, 1, "high"), (60, 1, "high")]
    assert [one.ended_at for one in raised] == [
        to_datetime(T0 - hours * HOUR) for hours in (70, 70, 50)
    ]


def at_ms(moment: Any) -> int:
    return round(moment.timestamp() * 1000)


def test_nothing_of_another_chc_is_looked_at(world: World) -> None:
    with world.store.write() as tx:
        other = tx.directory.add_chc("CHC Aosta", "Europe/Rome")
    world.device(CUFF, world.patient("P9", chc=other))
    measure(world, beaten([100, 90]))
    followed(world)
    assert asked(world, LIMIT).patients == 0
    assert asked(world, LIMIT).tested.alerts == 0
    there = asked(world, LIMIT, chc="CHC Aosta")
    assert {one.patient for one in there.tested.raised} == {"P9"}


def test_what_the_charts_do_not_know_yet_is_said(world: World) -> None:
    world.device(CUFF, world.patient())
    measure(world, beaten([100, 90]))
    assert asked(world, LIMIT).inputs_behind == 2
    followed(world)
    assert asked(world, LIMIT).inputs_behind == 0


def test_progress_is_told_patient_by_patient(world: World) -> None:
    for number in range(3):
        world.patient(f"P{number}")
    question = Question(msgspec.convert(LIMIT, Plan), "CHC Susa", TODAY, TODAY, 10.0)
    seen: list[tuple[int, int]] = []
    backtest(world.store, question, world.now, lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_impossible_questions(world: World) -> None:
    plan = msgspec.convert(LIMIT, Plan)
    tomorrow = TODAY + timedelta(days=1)
    for chc, first, last, error in (
        ("CHC Aosta", TODAY, TODAY, NotFound),
        ("CHC Susa", TODAY, TODAY - timedelta(days=1), WrongInput),
        ("CHC Susa", tomorrow, tomorrow, WrongInput),
    ):
        with pytest.raises(error):
            backtest(world.store, Question(plan, chc, first, last, 10.0), world.now)


def test_the_warm_up_reaches_as_far_as_any_window() -> None:
    assert max((DAYS_MAX + 1) * DAY, HOURS_MAX * HOUR) < WARM_UP_DAYS * DAY
