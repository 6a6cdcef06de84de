"""Hours and duty: when a team reads, when a shift ends, and which hours nobody covers (H9)."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from server.domain import duty
from server.domain.duty import DEFAULT_HOURS, Duty, Span, parse_hours
from server.domain.instants import HOUR, MINUTE, from_datetime
from server.domain.roles import Role
from server.errors import WrongInput

ROME = "Europe/Rome"


def at(text: str) -> int:
    """Return the instant of a civil time in Rome."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ROME)))


def hours(text: str = DEFAULT_HOURS) -> duty.Hours:
    return parse_hours(text, ROME)


WEEK = "Mon-Fri 08:00-20:00, Sat 08:00-14:00"
NIGHT = "Mon-Sun 20:00-08:00"


@pytest.mark.parametrize(
    ("text", "now", "until"),
    [
        (WEEK, "2026-09-21T07:59", None),
        (WEEK, "2026-09-21T08:00", "2026-09-21T20:00"),
        (WEEK, "2026-09-21T20:00", None),
        (WEEK, "2026-09-26T13:59", "2026-09-26T14:00"),
        (WEEK, "2026-09-27T10:00", None),
        (NIGHT, "2026-09-22T03:00", "2026-09-22T08:00"),
        # Hours that touch are one stretch.
        ("Mon 08:00-12:00, Mon 12:00-18:00", "2026-09-21T09:00", "2026-09-21T18:00"),
        ("Fri 20:00-24:00, Sat 00:00-08:00", "2026-09-25T21:00", "2026-09-26T08:00"),
        # Clocks go back in that night: the hours end by the clock on the wall.
        (NIGHT, "2026-10-24T23:00", "2026-10-25T08:00"),
        # Liberation Day is a Saturday in 2026, and a Sunday in the hours.
        (WEEK, "2026-04-25T10:00", None),
    ],
)
def test_hours_run_until(text: str, now: str, until: str | None) -> None:
    assert hours(text).until(at(now)) == (at(until) if until else None)


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-09-21T07:00", "2026-09-21T08:00"),
        ("2026-09-21T08:00", "2026-09-22T08:00"),
        ("2026-09-26T15:00", "2026-09-28T08:00"),
        # From Christmas Eve over Christmas, Saint Stephen (a Saturday) and Sunday to Monday.
        ("2026-12-24T21:00", "2026-12-28T08:00"),
    ],
)
def test_the_next_hours_begin(now: str, start: str) -> None:
    assert hours(WEEK).next_start(at(now)) == at(start)


def test_a_low_matter_waits_for_a_working_day() -> None:
    assert hours().next_working_day(at("2026-09-25T10:00")) == at("2026-09-28T08:00")
    assert hours("Sat 09:00-12:00").next_working_day(at("2026-09-25T10:00")) == at(
        "2026-09-26T09:00"
    )


@pytest.mark.parametrize(
    "day",
    # Easter Mondays as the calendars print them, and fixed days.
    ["2024-04-01", "2025-04-21", "2026-04-06", "2027-03-29", "2038-04-26", "2026-10-04",
     "2026-01-01", "2026-08-15"],
)  # fmt: skip
def test_public_holidays(day: str) -> None:
    assert duty.is_holiday(date.fromisoformat(day))
    assert not duty.is_holiday(date(2026, 9, 21))


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-09-21T09:00", "2026-09-21T20:00"),
        # Early: until the end of the hours that are about to begin.
        ("2026-09-21T07:30", "2026-09-21T20:00"),
        # In the last hour, and outside the hours: two hours at a time.
        ("2026-09-21T19:30", "2026-09-21T21:30"),
        ("2026-09-21T23:00", "2026-09-22T01:00"),
    ],
)
def test_a_shift_ends_by_itself(now: str, end: str) -> None:
    assert duty.shift_end(hours(), at(now)) == at(end)


def test_no_shift_is_forgotten_where_the_hours_never_end() -> None:
    now = at("2026-09-21T09:00")
    assert duty.shift_end(hours("Mon-Sun 00:00-24:00"), now) == now + 13 * HOUR


@pytest.mark.parametrize(
    ("agreed", "said"),
    [
        ([DEFAULT_HOURS], "Mon-Sun 20:00-08:00"),
        ([DEFAULT_HOURS, NIGHT], ""),
        ([WEEK], "Mon-Fri 20:00-08:00, Sat 14:00-Mon 08:00"),
        ([WEEK, NIGHT], "Sat 14:00-20:00, Sun 08:00-20:00"),
        (["Mon 00:00-24:00"], "Tue 00:00-Mon 00:00"),
    ],
)
def test_the_hours_nobody_covers(agreed: list[str], said: str) -> None:
    found = duty.hours_text(duty.uncovered(*(hours(text) for text in agreed)))
    assert found == said


def test_with_no_hours_nobody_covers_the_week() -> None:
    assert duty.uncovered() == [Span(0, 0, 7 * 24 * 60)]


@pytest.mark.parametrize("text", ["", "always", "Mon 8-20", "Mon 08:00-25:00", "Mon-Fri 08:00"])
def test_hours_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(WrongInput):
        hours(text)


def test_the_recipient_reads_and_is_not_of_the_team() -> None:
    on = Duty(hours(), {"anna": Role.NURSE}, ("gmedica", Role.DOCTOR))
    assert on.reads("anna")
    assert on.reads("gmedica")
    assert not on.reads("dora")
    assert on.has(Role.NURSE)
    assert not on.has(Role.DOCTOR)
    assert Duty(hours()).nobody
    assert not Duty(hours(), {}, ("gmedica", Role.DOCTOR)).nobody


def test_minutes_are_kept() -> None:
    assert hours("Mon 08:15-09:45").until(at("2026-09-21T08:15")) == (
        at("2026-09-21T08:15") + 90 * MINUTE
    )
