"""What a plan may say, what it expects when it does not say, and what its rules are called."""

import json

import pytest

from contract.codes import Code
from server.domain.plans import Priority, parse_plan, priority_of, repeat_minutes
from server.errors import WrongInput

GOOD = {
    "code": "systolic",
    "source": "test",
    "low_outer": "80",
    "low_inner": "90",
    "high_inner": "160",
    "high_outer": "180",
}

OUTER = {"code": "systolic", "source": "test", "high_outer": "180"}


RISE = {
    "kind": "change",
    "name": "systolic-rise",
    "code": "systolic",
    "source": "test",
    "side": "rise",
    "hours": 24,
    "more_than": "30",
}
BASE = {
    "kind": "baseline",
    "name": "systolic-off",
    "code": "systolic",
    "source": "test",
    "side": "rise",
    "days": 7,
    "more_than": "2",
    "least": 7,
}


def plan(**parts: object) -> str:
    return json.dumps(parts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "plan:"),
        (plan(limits=[]), "limits"),
        (plan(thresholds=[{**GOOD, "code": "mood"}]), "code"),
        (plan(thresholds=[{**GOOD, "source": ""}]), "source"),
        (plan(thresholds=[{**GOOD, "high_outer": "150"}]), "crossed"),
        (plan(thresholds=[{**GOOD, "low_inner": "160"}]), "crossed"),
        (plan(thresholds=[{**GOOD, "high_outer": "9000"}]), "can be true"),
        (plan(thresholds=[{"code": "pulse", "source": "test"}]), "no limit"),
        (plan(thresholds=[{**GOOD, "inner_n": 3, "inner_m": 2}]), "inner_n"),
        (plan(thresholds=[{**GOOD, "hysteresis": "-1"}]), "hysteresis"),
        (plan(thresholds=[{**GOOD, "measure_again": 0}]), "measure_again"),
        (plan(thresholds=[{**GOOD, "measure_again": 16}]), "measure_again"),
        (plan(thresholds=[{**GOOD, "measure_again": 5, "inner_m": 3}]), "n of m"),
        (plan(thresholds=[{**OUTER, "measure_again": 5}]), "inner limit"),
        (plan(thresholds=[GOOD, GOOD]), "twice"),
        (plan(gains=[{"name": "weight-x", "source": "ESC", "days": 3}]), "more_than or at_least"),
        (plan(gains=[{"name": "w", "source": "ESC", "days": 3, "more_than": "2"}]), "name"),
        (plan(gains=[{"name": "weight-x", "source": "ESC", "days": 9, "more_than": "2"}]), "days"),
        (plan(expected=[{"code": "weight", "due": "25:00"}]), "due"),
        (plan(thresholds=[{**GOOD, "high_outer": "NaN"}]), "plan"),
        (plan(rules=[{**RISE, "hours": 23}], expected=[{"code": "systolic"}]), "once a day"),
        (plan(rules=[{**BASE, "least": 8}], expected=[{"code": "systolic"}]), "once a day"),
        (plan(early_warning={"source": "RCP", "scale": 2}), "early_warning doctor"),
    ],
)
def test_a_wrong_plan_is_refused_whole_with_the_key(text: str, said: str) -> None:
    with pytest.raises(WrongInput, match=said):
        parse_plan(text)


def test_a_window_that_its_schedule_fills_is_taken() -> None:
    daily = [{"code": "systolic"}]
    assert len(parse_plan(plan(rules=[RISE, BASE], expected=daily)).rules) == 2
    often = parse_plan(plan(rules=[{**RISE, "hours": 2}], expected=[{"code": "weight"}]))
    assert often.rules[0].name == "systolic-rise"


def test_a_repeat_is_asked_for_after_both_levels_of_a_threshold_and_no_other_rule() -> None:
    asking = parse_plan(plan(thresholds=[{**GOOD, "measure_again": 15}]))
    rules = ("systolic-low-outer", "systolic-high-inner", "missing-systolic", "pulse-high-inner")
    assert [repeat_minutes(rule, asking) for rule in rules] == [15, 15, None, None]
    assert repeat_minutes("systolic-high-inner", None) is None


def test_the_priority_is_fixed_by_the_rule() -> None:
    gain = {"name": "weight-gain", "source": "ESC", "days": 3, "more_than": "2"}
    high = parse_plan(plan(gains=[{**gain, "priority": "high"}]))
    assert priority_of("systolic-high-outer", None) is Priority.HIGH
    assert priority_of("systolic-low-inner", None) is Priority.MEDIUM
    assert priority_of("missing-weight", None) is Priority.LOW
    assert priority_of("weight-gain", high) is Priority.HIGH


def test_without_a_schedule_every_watched_measurement_is_expected_once_a_day() -> None:
    """H8: once a day with grace to 20:00; one missed cuff is one absence."""
    watched = parse_plan(
        plan(
            thresholds=[GOOD, {"code": "pulse", "source": "test", "high_inner": "110"}],
            gains=[{"name": "weight-gain", "source": "ESC", "days": 3, "more_than": "2"}],
        )
    )
    due = [(one.code, one.due) for one in watched.expectations()]
    assert due == [(Code.SYSTOLIC, "20:00"), (Code.WEIGHT, "20:00")]


def test_a_schedule_is_taken_as_it_is_written() -> None:
    written = parse_plan(plan(thresholds=[GOOD], expected=[{"code": "weight", "due": "10:00"}]))
    assert [(one.code, one.due) for one in written.expectations()] == [(Code.WEIGHT, "10:00")]


def test_a_strap_alone_is_expected_too() -> None:
    alone = parse_plan(
        plan(thresholds=[{"code": "heart-rate", "source": "test", "high_inner": "110"}])
    )
    assert [one.code for one in alone.expectations()] == [Code.HEART_RATE]
