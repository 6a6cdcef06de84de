"""The life of an alert, row by row of hazards H4, H5 and H6. Time is passed, never slept."""

from dataclasses import replace

import pytest

from server.domain import alerts as life
from server.domain.alerts import Alert, Evidence, Kind, Reason
from server.domain.duty import DEFAULT_HOURS, Duty, parse_hours
from server.domain.instants import DAY, HOUR, MINUTE
from server.domain.plans import Priority, Step
from server.domain.roles import Role
from server.errors import IllegalTransition, WrongInput
from tests.server.world import T0

HOURS = parse_hours(DEFAULT_HOURS, "Europe/Rome")
BOTH = Duty(HOURS, {"anna": Role.NURSE, "bruno": Role.NURSE, "dora": Role.DOCTOR})
NOBODY = Duty(HOURS)
DOCTOR = Duty(HOURS, {"dora": Role.DOCTOR})
AGREED = Duty(HOURS, {}, ("gmedica", Role.DOCTOR))
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
    return life.raised(new(**changes), CHAIN, T0, BOTH).alert


def acknowledged(**changes: object) -> Alert:
    return life.acknowledged(raised(**changes), by="anna", now=T0 + MINUTE, hours=HOURS).alert


def beyond(value: int, at: int, **more: object) -> Evidence:
    return Evidence(at, value, **more)  # type: ignore[arg-type]


def test_a_new_alert_tells_the_first_step_and_has_its_deadline() -> None:
    change = life.raised(new(), CHAIN, T0, BOTH)
    assert [(one.reason, one.role) for one in change.tellings] == [(Reason.RAISED, Role.NURSE)]
    assert change.alert.deadline_at == T0 + 15 * MINUTE


def test_unanswered_it_goes_down_the_chain_and_its_end_is_loud() -> None:
    alert = raised()
    second = life.deadline_passed(alert, CHAIN, T0 + 15 * MINUTE, BOTH)
    assert [(t.reason, t.role) for t in second.tellings] == [(Reason.ESCALATED, Role.DOCTOR)]
    assert second.alert.deadline_at == T0 + 45 * MINUTE
    end = life.deadline_passed(second.alert, CHAIN, T0 + 45 * MINUTE, BOTH)
    assert end.alert.unanswered
    assert end.alert.deadline_at is None
    assert {t.role for t in end.tellings} == {Role.NURSE, Role.DOCTOR}


def test_a_person_who_takes_an_unanswered_alert_makes_it_quiet() -> None:
    alert = life.acknowledged(raised(unanswered=True), by="anna", now=T0, hours=HOURS).alert
    assert not alert.unanswered
    assert alert.deadline_at is not None


def test_acknowledging_twice_keeps_the_first_name() -> None:
    first = acknowledged()
    again = life.acknowledged(first, by="bruno", now=T0 + HOUR, hours=HOURS)
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
    assert HOURS.next_working_day(friday) == 1_790_575_200_000  # Mon 28 September, 08:00


def test_past_its_follow_up_it_is_unclaimed_and_its_chain_restarts() -> None:
    change = life.deadline_passed(acknowledged(), CHAIN, T0 + 5 * HOUR, BOTH)
    assert change.alert.owner is None
    assert change.alert.step == 1
    assert change.alert.deadline_at == T0 + 5 * HOUR + 15 * MINUTE
    assert [one.user for one in change.tellings] == [None, "anna"]


def test_clearing_never_closes_and_the_chain_of_a_cleared_alert_runs_on() -> None:
    alert = life.cleared(raised(), T0 + MINUTE).alert
    assert alert.closed_at is None
    assert alert.deadline_at == T0 + 15 * MINUTE
    told = life.deadline_passed(alert, CHAIN, T0 + 15 * MINUTE, BOTH).tellings
    assert [one.role for one in told] == [Role.DOCTOR]


def test_acknowledging_never_clears() -> None:
    assert acknowledged().cleared_at is None


@pytest.mark.parametrize("make", [raised, acknowledged], ids=["unclaimed", "acknowledged"])
def test_beginning_again_after_clearing_tells_again_and_restarts(make) -> None:
    alert = life.cleared(make(), T0 + HOUR).alert
    again = T0 + 2 * HOUR
    change = life.gathered(alert, beyond(1650, again), CHAIN, again, BOTH, None)
    assert change.tellings[0].reason is Reason.AGAIN
    assert change.alert.cleared_at is None
    assert change.alert.owner is None
    assert change.alert.deadline_at == again + 15 * MINUTE


def test_more_of_the_same_gathers_without_a_word() -> None:
    change = life.gathered(acknowledged(), beyond(1660, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, 100)
    assert change.tellings == ()
    assert (change.alert.worst, change.alert.newest) == (1660, 1660)


def test_worse_than_the_acknowledged_value_by_the_plans_step_tells_again() -> None:
    change = life.gathered(acknowledged(), beyond(1750, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, 100)
    assert change.tellings[0].reason is Reason.WORSE
    assert change.alert.owner is None


def test_a_low_rule_grows_worse_downwards() -> None:
    alert = acknowledged(rule="spo2-low-inner", worst=910, newest=910)
    assert life.gathered(alert, beyond(960, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, 20).tellings == ()
    worse = life.gathered(alert, beyond(880, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, 20)
    assert worse.tellings[0].reason is Reason.WORSE
    assert worse.alert.worst == 880


def test_getting_worse_while_unclaimed_never_moves_the_deadline_away() -> None:
    alert = raised(told=1650)
    change = life.gathered(
        alert, beyond(1800, T0 + 10 * MINUTE), CHAIN, T0 + 10 * MINUTE, BOTH, 100
    )
    assert change.alert.deadline_at == alert.deadline_at
    assert [one.reason for one in change.tellings] == [Reason.WORSE]


def test_a_pause_holds_messages_and_ends_by_itself() -> None:
    until = T0 + 3 * HOUR
    alert = life.paused(raised(), until=until, now=T0).alert
    assert alert.deadline_at == until
    assert life.gathered(alert, beyond(1650, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, 10).tellings == ()
    ended = life.deadline_passed(alert, CHAIN, until, BOTH)
    assert ended.alert.paused_until is None
    assert ended.tellings[0].reason is Reason.PAUSE_ENDED
    assert ended.alert.deadline_at == until + 15 * MINUTE


def test_raised_during_a_pause_it_waits_for_the_pauses_end() -> None:
    change = life.raised(new(paused_until=T0 + HOUR), CHAIN, T0, BOTH)
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
        lambda: life.acknowledged(alert, by="b", now=T0, hours=HOURS),
        lambda: life.paused(alert, until=T0 + HOUR, now=T0),
        lambda: life.closed(alert, by="b", outcome="advice-given", next_review_at=T0 + 1, now=T0),
    ):
        with pytest.raises(IllegalTransition):
            move()


def test_old_evidence_goes_on_the_worklist_and_is_told_at_the_next_coverage_hours() -> None:
    """H6: three weeks offline are no flood at night."""
    change = life.raised(new(newest_at=T0 - 3 * DAY), CHAIN, T0, BOTH)
    assert change.tellings == ()
    assert change.alert.deadline_at == 1_790_056_800_000  # the next morning, 08:00 in Rome
    told = life.deadline_passed(change.alert, CHAIN, change.alert.deadline_at, BOTH)
    assert [(one.reason, one.role) for one in told.tellings] == [(Reason.RAISED, Role.NURSE)]


def test_late_evidence_never_becomes_the_newest_value() -> None:
    alert = life.gathered(raised(), beyond(1900, T0 - HOUR), CHAIN, T0, BOTH, None).alert
    assert (alert.worst, alert.newest, alert.newest_at) == (1900, 1650, T0)
    assert alert.began_at == T0 - HOUR


def test_a_superseded_alert_stays_open_for_a_person() -> None:
    change = life.superseded(acknowledged(), T0 + HOUR, CHAIN)
    assert change.alert.superseded
    assert change.alert.closed_at is None
    assert [(one.reason, one.user) for one in change.tellings] == [(Reason.SUPERSEDED, "anna")]


def test_a_breach_of_now_beside_an_old_one_is_told_at_once() -> None:
    """H6: the reconnect sends the oldest first; what is of now must not wait for the morning."""
    old = life.raised(new(newest_at=T0 - 3 * DAY), CHAIN, T0, BOTH).alert
    change = life.gathered(old, beyond(1900, T0), CHAIN, T0, BOTH, None)
    assert [(one.reason, one.role) for one in change.tellings] == [(Reason.RAISED, Role.NURSE)]
    assert change.alert.deadline_at == T0 + 15 * MINUTE


def test_the_newest_value_beyond_is_never_called_cleared() -> None:
    quiet = life.cleared(acknowledged(newest_at=T0 - 5 * DAY), T0).alert
    late = life.gathered(quiet, beyond(2300, T0 - 25 * HOUR), CHAIN, T0, BOTH, None)
    assert late.alert.cleared_at is None
    assert late.alert.owner is None
    assert late.alert.deadline_at is not None
    assert late.alert.deadline_at <= 1_790_056_800_000  # somebody is told by the next morning
    pause = life.paused(life.cleared(raised(), T0).alert, until=T0 + DAY, now=T0).alert
    again = life.gathered(pause, beyond(1700, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, None)
    assert again.alert.cleared_at is None
    assert again.alert.deadline_at == T0 + DAY


def test_a_value_worse_than_the_pauses_ends_the_pause() -> None:
    """H4: a pause is of what was known then; worse by the plan's step is news."""
    pause = life.paused(raised(newest=1850), until=T0 + DAY, now=T0).alert
    same = life.gathered(pause, beyond(1890, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, 50)
    assert (same.alert.paused_until, same.tellings) == (T0 + DAY, ())
    worse = life.gathered(same.alert, beyond(1900, T0 + 2 * HOUR), CHAIN, T0 + 2 * HOUR, BOTH, 50)
    assert worse.alert.paused_until is None
    assert worse.alert.owner is None
    assert [one.reason for one in worse.tellings] == [Reason.WORSE]
    without_step = life.gathered(pause, beyond(2500, T0 + HOUR), CHAIN, T0 + HOUR, BOTH, None)
    assert without_step.alert.paused_until == T0 + DAY


def test_a_high_alert_is_paused_for_a_day_at_most() -> None:
    """H4."""
    high, medium = raised(priority=Priority.HIGH), raised()
    assert life.paused(high, until=T0 + DAY, now=T0).alert.paused_until == T0 + DAY
    with pytest.raises(WrongInput, match="within 24 hours"):
        life.paused(high, until=T0 + DAY + 1, now=T0)
    assert life.paused(medium, until=T0 + 7 * DAY, now=T0).alert.paused_until == T0 + 7 * DAY


def told(change: life.Change) -> list[tuple[Reason, Role, str | None]]:
    return [(one.reason, one.role, one.user) for one in change.tellings]


def test_with_nobody_on_duty_it_goes_at_once_to_the_recipient() -> None:
    """H9."""
    change = life.raised(new(), CHAIN, T0, AGREED)
    assert told(change) == [(Reason.RAISED, Role.DOCTOR, "gmedica")]
    assert change.alert.deadline_at == T0 + 15 * MINUTE
    end = life.deadline_passed(change.alert, CHAIN, T0 + 15 * MINUTE, AGREED)
    assert end.alert.unanswered


def test_with_nobody_on_duty_and_no_recipient_it_is_unanswered_at_once() -> None:
    """H9."""
    change = life.raised(new(), CHAIN, T0, NOBODY)
    assert change.alert.unanswered
    assert change.tellings == ()


def test_a_step_with_nobody_on_duty_is_not_waited_for() -> None:
    change = life.raised(new(), CHAIN, T0, DOCTOR)
    assert told(change) == [(Reason.RAISED, Role.DOCTOR, None)]
    assert change.alert.deadline_at == T0 + 30 * MINUTE


def test_the_recipient_is_the_last_to_be_told() -> None:
    on = replace(BOTH, recipient=("gmedica", Role.DOCTOR))
    alert, reached = raised(), []
    for _ in range(3):
        change = life.deadline_passed(alert, CHAIN, alert.deadline_at or 0, on)
        alert = change.alert
        reached.append([one.user or one.role for one in change.tellings])
    assert reached == [["doctor"], ["gmedica"], ["nurse", "doctor", "gmedica"]]


def test_who_comes_on_duty_is_told_at_once_of_what_is_unanswered_and_nothing_waits_again() -> None:
    """H9: a high alert of the night does not wait for fifteen minutes and fifteen more."""
    alert = life.raised(new(priority=Priority.HIGH), CHAIN, T0, NOBODY).alert
    first = life.arrived(alert, who="anna", duty=BOTH)
    assert told(first) == [(Reason.CAME_ON_DUTY, Role.NURSE, "anna")]
    assert first.alert.unanswered
    second = life.arrived(first.alert, who="dora", duty=BOTH)
    assert told(second) == [(Reason.CAME_ON_DUTY, Role.DOCTOR, "dora")]
    assert life.arrived(acknowledged(), who="dora", duty=BOTH).tellings == ()


def test_what_was_old_when_it_was_raised_never_leaves_the_team() -> None:
    """H6."""
    old = life.raised(new(newest_at=T0 - 3 * DAY), CHAIN, T0, AGREED).alert
    due = life.deadline_passed(old, CHAIN, old.deadline_at or 0, AGREED)
    assert due.alert.unanswered
    assert due.tellings == ()
    assert life.arrived(due.alert, who="gmedica", duty=AGREED).tellings == ()


def test_an_owner_who_goes_off_duty_loses_it_and_the_chain_restarts() -> None:
    """H4."""
    change = life.left(acknowledged(), CHAIN, T0 + HOUR, DOCTOR)
    assert change.alert.owner is None
    assert told(change) == [(Reason.OFF_DUTY, Role.DOCTOR, None)]
    assert change.alert.deadline_at == T0 + HOUR + 30 * MINUTE
    assert life.left(acknowledged(), CHAIN, T0 + HOUR, NOBODY).alert.unanswered
    assert life.left(acknowledged(), CHAIN, T0 + HOUR, BOTH) == life.Change(acknowledged())


def test_a_running_chain_restarts_when_nobody_whom_it_told_is_left() -> None:
    alert = raised()
    assert told(life.left(alert, CHAIN, T0 + MINUTE, DOCTOR)) == [
        (Reason.OFF_DUTY, Role.DOCTOR, None)
    ]
    assert life.left(alert, CHAIN, T0 + MINUTE, NOBODY).alert.unanswered
    nurse = Duty(HOURS, {"bruno": Role.NURSE})
    assert life.left(alert, CHAIN, T0 + MINUTE, nurse) == life.Change(alert)
    agreed = life.raised(new(), CHAIN, T0, AGREED).alert
    assert life.left(agreed, CHAIN, T0 + MINUTE, AGREED) == life.Change(agreed)
    assert told(life.left(agreed, CHAIN, T0 + MINUTE, BOTH)) == [
        (Reason.OFF_DUTY, Role.NURSE, None)
    ]


def test_a_paused_alert_whose_owner_leaves_is_nobodys_and_stays_paused() -> None:
    alert = life.paused(acknowledged(), until=T0 + DAY, now=T0 + HOUR).alert
    change = life.left(alert, CHAIN, T0 + 2 * HOUR, NOBODY)
    assert (change.alert.owner, change.alert.deadline_at) == (None, T0 + DAY)
    assert change.tellings == ()


def test_a_hand_over_names_the_new_owner_and_gives_no_more_time() -> None:
    alert = acknowledged()
    change = life.handed_over(alert, by="anna", to="dora", role=Role.DOCTOR)
    assert told(change) == [(Reason.HANDED_OVER, Role.DOCTOR, "dora")]
    assert change.alert == replace(alert, owner="dora")
    with pytest.raises(IllegalTransition):
        life.handed_over(change.alert, by="anna", to="bruno", role=Role.NURSE)


def test_an_unanswered_alert_that_gets_worse_tells_everybody_there() -> None:
    alert = life.raised(new(told=1650), CHAIN, T0, NOBODY).alert
    on = replace(DOCTOR, recipient=("gmedica", Role.DOCTOR))
    change = life.gathered(alert, beyond(1800, T0 + MINUTE), CHAIN, T0 + MINUTE, on, 100)
    assert [one.user or one.role for one in change.tellings] == ["doctor", "gmedica"]
    assert change.alert.unanswered


def test_old_evidence_never_quietens_an_unanswered_alert() -> None:
    quiet = replace(raised(newest_at=T0 - 5 * DAY), unanswered=True, deadline_at=None, step=2)
    quiet = life.cleared(quiet, T0).alert
    late = life.gathered(quiet, beyond(2300, T0 - 25 * HOUR), CHAIN, T0, BOTH, None)
    assert late.alert.unanswered
    assert late.alert.cleared_at is None


def test_a_pause_ended_early_starts_the_chain_while_the_condition_holds() -> None:
    until = T0 + DAY
    holds = life.paused(acknowledged(), until=until, now=T0).alert
    change = life.resumed(holds, CHAIN, T0 + HOUR, BOTH)
    assert change.tellings[0].reason is Reason.PAUSE_ENDED
    assert (change.alert.paused_until, change.alert.owner) == (None, None)
    gone = life.paused(life.cleared(acknowledged(), T0).alert, until=until, now=T0).alert
    ended = life.resumed(gone, CHAIN, T0 + HOUR, BOTH)
    assert ended.tellings == ()
    assert (ended.alert.owner, ended.alert.deadline_at) == ("anna", T0 + 5 * HOUR)
    with pytest.raises(IllegalTransition):
        life.resumed(ended.alert, CHAIN, T0 + HOUR, BOTH)


def test_not_reached_is_no_end() -> None:
    """H4: never of a high alert, and of any other only until tomorrow."""

    def close(priority: Priority, review: int) -> Alert:
        alert = raised(priority=priority)
        return life.closed(
            alert, by="anna", outcome="patient-not-reached", next_review_at=review, now=T0
        ).alert

    for priority, review in (
        (Priority.HIGH, T0 + HOUR), (Priority.MEDIUM, T0 + DAY + 1), (Priority.LOW, T0 + 2 * DAY),
    ):  # fmt: skip
        with pytest.raises(WrongInput):
            close(priority, review)
    review = life.review_of(close(Priority.MEDIUM, T0 + DAY), T0 + DAY)
    assert (review.rule, review.priority) == ("review-systolic-high-inner", Priority.MEDIUM)


def test_a_review_that_is_due_is_a_low_alert_and_of_a_review_no_other_rule() -> None:
    done = life.closed(
        raised(id=7), by="anna", outcome="advice-given", next_review_at=T0 + DAY, now=T0
    ).alert
    review = life.review_of(done, T0 + DAY)
    assert (review.kind, review.priority, review.previous_id) == (Kind.CLINICAL, Priority.LOW, 7)
    assert review.subject == done.subject
    again = life.review_of(replace(review, outcome=life.Outcome.ADVICE_GIVEN), T0 + 2 * DAY)
    assert again.rule == review.rule


def test_only_a_technical_matter_is_finished_without_a_review() -> None:
    with pytest.raises(WrongInput):
        life.closed(raised(), by="anna", outcome="advice-given", next_review_at=None, now=T0)
    held = raised(kind=Kind.TECHNICAL)
    life.closed(held, by="anna", outcome="technical-fixed", next_review_at=None, now=T0)


def test_a_pause_ends_when_the_matter_becomes_more_urgent() -> None:
    """Its deadline would be the chain's, and not the pause's end."""
    paused = life.paused(acknowledged(), until=T0 + HOUR, now=T0).alert
    graver = life.more_urgent(paused, Priority.HIGH, CHAIN, T0, BOTH).alert
    assert (graver.paused_until, graver.owner) == (None, None)
    assert graver.deadline_at is not None
    assert graver.deadline_at < T0 + HOUR


def doubted(value: int, minutes: int) -> Evidence:
    return Evidence(T0 + minutes * MINUTE, value, 0, confirmed=False)


def sure(value: int, minutes: int) -> Evidence:
    return Evidence(T0 + minutes * MINUTE, value, 0)


def test_what_may_be_another_persons_never_stands_as_hers_beside_what_is():
    one, other = sure(1700, 0), doubted(1880, 5)
    for first, second in ((one, other), (other, one)):
        unproven = not first.confirmed
        began = new(worst=first.value, newest=first.value, confirmed=not unproven)
        began = replace(began, newest_at=first.measured_at, began_at=first.measured_at)
        alert = life.with_evidence(began, second)
        assert (alert.newest, alert.newest_at, alert.worst) == (1700, T0, 1700)
        assert alert.confirmed


def test_where_there_is_no_other_it_stands_there_and_says_so():
    alert = life.with_evidence(new(confirmed=False), doubted(1880, 5))
    assert (alert.newest, alert.worst, alert.confirmed) == (1880, 1880, False)
    again = life.with_evidence(new(cleared_at=T0 + MINUTE), doubted(1880, 5))
    assert (again.newest, again.confirmed) == (1880, False)
