"""The life of an alert, row by row of hazards H4, H5 and H6. Time is passed, never slept."""

from dataclasses import replace

import pytest

from server.domain import alerts as life
from server.domain.alerts import Alert, Evidence, Kind, Reason
from server.domain.instants import DAY, HOUR, MINUTE
from server.domain.plans import Priority, Step
from server.domain.roles import Role
from server.errors import IllegalTransition, WrongInput
from tests.server.world import T0

ROME = "Europe/Rome"
CHAIN = [Step(role=Role.NURSE, minutes=15), Step(role=Role.DOCTOR, minutes=30)]


def new(**changes: object) -> Alert:
    alert = Alert(
        id=0,
        chc_id=1,
        subject="patient:1",
        patient_id=1,
        kind=Kind.CLINICAL,
        rule="systolic-high-inner",
        priority=Priority.MEDIUM,
        raised_at=T0,
        began_at=T0,
        newest_at=T0,
        deadline_at=None,
        worst=1650,
        newest=1650,
    )
    return replace(alert, **changes)  # type: ignore[arg-type]


def raised(**changes: object) -> Alert:
    return life.raised(new(**changes), CHAIN, T0, ROME).alert


def acknowledged(**changes: object) -> Alert:
    return life.acknowledged(raised(**changes), by="anna", now=T0 + MINUTE, zone_name=ROME).alert


def beyond(value: int, at: int, **more: object) -> Evidence:
    return Evidence(at, value, **more)  # type: ignore[arg-type]


def test_a_new_alert_tells_the_first_step_and_has_its_deadline() -> None:
    change = life.raised(new(), CHAIN, T0, ROME)
    assert [(one.reason, one.role) for one in change.tellings] == [(Reason.RAISED, Role.NURSE)]
    assert change.alert.deadline_at == T0 + 15 * MINUTE


def test_unanswered_it_goes_down_the_chain_and_its_end_is_loud() -> None:
    alert = raised()
    second = life.deadline_passed(alert, CHAIN, T0 + 15 * MINUTE)
    assert [(t.reason, t.role) for t in second.tellings] == [(Reason.ESCALATED, Role.DOCTOR)]
    assert second.alert.deadline_at == T0 + 45 * MINUTE
    end = life.deadline_passed(second.alert, CHAIN, T0 + 45 * MINUTE)
    assert end.alert.unanswered
    assert end.alert.deadline_at is None
    assert {t.role for t in end.tellings} == {Role.NURSE, Role.DOCTOR}


def test_a_person_who_takes_an_unanswered_alert_makes_it_quiet() -> None:
    alert = life.acknowledged(raised(unanswered=True), by="anna", now=T0, zone_name=ROME).alert
    assert not alert.unanswered
    assert alert.deadline_at is not None


def test_acknowledging_twice_keeps_the_first_name() -> None:
    first = acknowledged()
    again = life.acknowledged(first, by="bruno", now=T0 + HOUR, zone_name=ROME)
    assert again.alert == first
    assert again.tellings == ()


@pytest.mark.parametrize(
    ("priority", "follow_up"),
    [
        (Priority.HIGH, T0 + MINUTE + HOUR),
        (Priority.MEDIUM, T0 + MINUTE + 4 * HOUR),
        # T0 is a Monday afternoon: Tuesday 22 September 2026, 08:00 in Rome.
        (Priority.LOW, 1_790_056_800_000),
    ],
)
def test_acknowledged_without_a_close_has_a_follow_up(priority: Priority, follow_up: int) -> None:
    assert acknowledged(priority=priority).deadline_at == follow_up


def test_low_on_a_friday_is_followed_up_on_monday() -> None:
    friday = T0 + 4 * DAY
    assert life.next_working_day(friday, ROME) == 1_790_575_200_000  # Mon 28 September, 08:00


def test_past_its_follow_up_it_is_unclaimed_and_its_chain_restarts() -> None:
    change = life.deadline_passed(acknowledged(), CHAIN, T0 + 5 * HOUR)
    assert change.alert.owner is None
    assert change.alert.step == 1
    assert change.alert.deadline_at == T0 + 5 * HOUR + 15 * MINUTE
    assert [one.user for one in change.tellings] == [None, "anna"]


def test_clearing_never_closes_and_the_chain_of_a_cleared_alert_runs_on() -> None:
    alert = life.cleared(raised(), T0 + MINUTE).alert
    assert alert.closed_at is None
    assert alert.deadline_at == T0 + 15 * MINUTE
    told = life.deadline_passed(alert, CHAIN, T0 + 15 * MINUTE).tellings
    assert [one.role for one in told] == [Role.DOCTOR]


def test_acknowledging_never_clears() -> None:
    assert acknowledged().cleared_at is None


@pytest.mark.parametrize("make", [raised, acknowledged], ids=["unclaimed", "acknowledged"])
def test_beginning_again_after_clearing_tells_again_and_restarts(make) -> None:
    alert = life.cleared(make(), T0 + HOUR).alert
    again = T0 + 2 * HOUR
    change = life.gathered(alert, beyond(1650, again), CHAIN, again, ROME, None)
    assert change.tellings[0].reason is Reason.AGAIN
    assert change.alert.cleared_at is None
    assert change.alert.owner is None
    assert change.alert.deadline_at == again + 15 * MINUTE


def test_more_of_the_same_gathers_without_a_word() -> None:
    change = life.gathered(acknowledged(), beyond(1660, T0 + HOUR), CHAIN, T0 + HOUR, ROME, 100)
    assert change.tellings == ()
    assert (change.alert.worst, change.alert.newest) == (1660, 1660)


def test_worse_than_the_acknowledged_value_by_the_plans_step_tells_again() -> None:
    change = life.gathered(acknowledged(), beyond(1750, T0 + HOUR), CHAIN, T0 + HOUR, ROME, 100)
    assert change.tellings[0].reason is Reason.WORSE
    assert change.alert.owner is None


def test_a_low_rule_grows_worse_downwards() -> None:
    alert = acknowledged(rule="spo2-low-inner", worst=910, newest=910)
    assert life.gathered(alert, beyond(960, T0 + HOUR), CHAIN, T0 + HOUR, ROME, 20).tellings == ()
    worse = life.gathered(alert, beyond(880, T0 + HOUR), CHAIN, T0 + HOUR, ROME, 20)
    assert worse.tellings[0].reason is Reason.WORSE
    assert worse.alert.worst == 880


def test_getting_worse_while_unclaimed_never_moves_the_deadline_away() -> None:
    alert = raised(told=1650)
    change = life.gathered(
        alert, beyond(1800, T0 + 10 * MINUTE), CHAIN, T0 + 10 * MINUTE, ROME, 100
    )
    assert change.alert.deadline_at == alert.deadline_at
    assert [one.reason for one in change.tellings] == [Reason.WORSE]


def test_a_pause_holds_messages_and_ends_by_itself() -> None:
    until = T0 + 3 * HOUR
    alert = life.paused(raised(), until=until, now=T0).alert
    assert alert.deadline_at == until
    assert life.gathered(alert, beyond(1900, T0 + HOUR), CHAIN, T0 + HOUR, ROME, 10).tellings == ()
    ended = life.deadline_passed(alert, CHAIN, until)
    assert ended.alert.paused_until is None
    assert ended.tellings[0].reason is Reason.PAUSE_ENDED
    assert ended.alert.deadline_at == until + 15 * MINUTE


def test_raised_during_a_pause_it_waits_for_the_pauses_end() -> None:
    change = life.raised(new(paused_until=T0 + HOUR), CHAIN, T0, ROME)
    assert change.tellings == ()
    assert change.alert.deadline_at == T0 + HOUR


@pytest.mark.parametrize("until", [T0 - 1, T0, T0 + 8 * DAY])
def test_a_pause_has_an_end_that_lies_ahead_and_is_near(until: int) -> None:
    with pytest.raises(WrongInput):
        life.paused(raised(), until=until, now=T0)


def test_closing_needs_an_outcome_and_a_next_review() -> None:
    with pytest.raises(WrongInput, match="outcome"):
        life.closed(raised(), by="anna", outcome="fine", next_review_at=T0 + DAY, now=T0)
    with pytest.raises(WrongInput, match="review"):
        life.closed(raised(), by="anna", outcome="advice-given", next_review_at=T0, now=T0)
    alert = life.closed(
        raised(), by="anna", outcome="advice-given", next_review_at=T0 + DAY, now=T0
    ).alert
    assert (alert.closed_by, alert.deadline_at) == ("anna", None)
    for move in (
        lambda: life.acknowledged(alert, by="b", now=T0, zone_name=ROME),
        lambda: life.paused(alert, until=T0 + HOUR, now=T0),
        lambda: life.closed(alert, by="b", outcome="advice-given", next_review_at=T0 + 1, now=T0),
    ):
        with pytest.raises(IllegalTransition):
            move()


def test_old_evidence_goes_on_the_worklist_and_is_told_at_the_next_coverage_hours() -> None:
    """H6: three weeks offline are no flood at night."""
    change = life.raised(new(newest_at=T0 - 3 * DAY), CHAIN, T0, ROME)
    assert change.tellings == ()
    assert change.alert.deadline_at == 1_790_056_800_000  # the next morning, 08:00 in Rome
    told = life.deadline_passed(change.alert, CHAIN, change.alert.deadline_at)
    assert [(one.reason, one.role) for one in told.tellings] == [(Reason.RAISED, Role.NURSE)]


def test_late_evidence_never_becomes_the_newest_value() -> None:
    alert = life.gathered(raised(), beyond(1900, T0 - HOUR), CHAIN, T0, ROME, None).alert
    assert (alert.worst, alert.newest, alert.newest_at) == (1900, 1650, T0)
    assert alert.began_at == T0 - HOUR


def test_a_superseded_alert_stays_open_for_a_person() -> None:
    change = life.superseded(acknowledged(), T0 + HOUR, CHAIN)
    assert change.alert.superseded
    assert change.alert.closed_at is None
    assert [(one.reason, one.user) for one in change.tellings] == [(Reason.SUPERSEDED, "anna")]


def test_a_breach_of_now_beside_an_old_one_is_told_at_once() -> None:
    """H6: the reconnect sends the oldest first; what is of now must not wait for the morning."""
    old = life.raised(new(newest_at=T0 - 3 * DAY), CHAIN, T0, ROME).alert
    change = life.gathered(old, beyond(1900, T0), CHAIN, T0, ROME, None)
    assert [(one.reason, one.role) for one in change.tellings] == [(Reason.RAISED, Role.NURSE)]
    assert change.alert.deadline_at == T0 + 15 * MINUTE


def test_the_newest_value_beyond_is_never_called_cleared() -> None:
    quiet = life.cleared(acknowledged(newest_at=T0 - 5 * DAY), T0).alert
    late = life.gathered(quiet, beyond(2300, T0 - 25 * HOUR), CHAIN, T0, ROME, None)
    assert late.alert.cleared_at is None
    assert late.alert.owner is None
    assert late.alert.deadline_at is not None
    assert late.alert.deadline_at <= 1_790_056_800_000  # somebody is told by the next morning
    pause = life.paused(life.cleared(raised(), T0).alert, until=T0 + DAY, now=T0).alert
    again = life.gathered(pause, beyond(1700, T0 + HOUR), CHAIN, T0 + HOUR, ROME, None)
    assert again.alert.cleared_at is None
    assert again.alert.deadline_at == T0 + DAY
