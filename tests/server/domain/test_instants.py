"""When was it measured? Local times, gateways without a clock, both summer-time nights."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.instants import (
    CORRECTED,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    MeasuredAt,
    Quality,
    at_local,
    civil_day,
    measured_at,
    to_datetime,
    zone,
)

ROME = "Europe/Rome"


def instant(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


NOON = instant(2026, 7, 10, 10)


def told(device_time: str | None, received_at: int = NOON, **more: object):
    fields = {"clock_synchronised": True, "time_unset": False, "zone_name": ROME, **more}
    stored_at = fields.pop("stored_at", received_at + 1000)
    return measured_at(
        device_time=device_time,
        received_at=received_at,
        stored_at=stored_at,
        **fields,  # type: ignore[arg-type]
    )


def test_a_devices_local_time_is_read_in_the_patients_zone() -> None:
    assert told("2026-07-10T08:15:00").at == instant(2026, 7, 10, 6, 15)
    assert told("2026-07-10T08:15:00").quality is Quality.TRUSTED


def test_without_a_device_time_the_gateways_stands_in() -> None:
    assert (told(None).at, told(None).quality) == (NOON, Quality.RECEIVED)


@pytest.mark.parametrize(
    ("device_time", "mark"),
    [
        ("2031-01-01T08:00:00", "device-clock-ahead"),
        ("2000-01-01T00:00:00", "device-clock-behind"),
        ("2026-02-31T00:00:00", "device-time-impossible"),
    ],
)
def test_a_time_that_cannot_be_is_unsure_and_the_arrival_stands_in(
    device_time: str, mark: str
) -> None:
    assert (told(device_time).at, told(device_time).quality) == (NOON, Quality.UNSURE)
    assert told(device_time).mark == mark


def test_the_devices_word_that_its_clock_is_not_set_wins_over_its_date() -> None:
    """ChoiceMMed oximeters send "clock not set" together with a date."""
    assert told("2026-07-10T11:59:00", time_unset=True).mark == "device-clock-unset"


def test_a_device_five_minutes_ahead_is_believed() -> None:
    assert told("2026-07-10T12:05:00").quality is Quality.TRUSTED
    assert told("2026-07-10T12:05:01").quality is Quality.UNSURE


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (instant(2026, 10, 25, 0, 31), instant(2026, 10, 25, 0, 30)),  # still summer time
        (instant(2026, 10, 25, 1, 31), instant(2026, 10, 25, 1, 30)),  # the hour again
    ],
)
def test_in_the_doubled_hour_the_nearest_to_the_arrival_is_taken_and_marked(
    received: int, expected: int
) -> None:
    found = told("2026-10-25T02:30:00", received)
    assert (found.at, found.mark) == (expected, "doubled-hour")


def test_a_time_in_the_spring_gap_is_still_an_instant() -> None:
    found = told("2026-03-29T02:30:00", instant(2026, 3, 29, 1, 31))
    assert found.quality is Quality.TRUSTED
    assert abs(found.at - instant(2026, 3, 29, 1, 30)) <= HOUR


@pytest.mark.parametrize(
    ("received", "synchronised", "mark"),
    [
        (60_000, False, "gateway-clock-unset"),
        (60_000, True, "gateway-clock-unset"),
        (NOON, False, "gateway-clock-unsynchronised"),
        (NOON + 10 * DAY, True, "gateway-clock-ahead"),
    ],
)
def test_a_gateway_without_a_clock_is_unsure(received: int, synchronised: bool, mark: str) -> None:
    found = told(None, received, clock_synchronised=synchronised, stored_at=NOON + MINUTE)
    assert (found.quality, found.mark) == (Quality.UNSURE, mark)


def test_what_a_gateway_corrected_once_its_clock_was_set_is_believed_and_marked() -> None:
    found = told(None, NOON - MINUTE, stored_at=NOON, corrected=True)
    assert found.at == NOON - MINUTE
    assert (found.quality, found.mark) == (Quality.RECEIVED, "gateway-clock-corrected")
    still = told(None, NOON + HOUR, stored_at=NOON, corrected=True)
    assert still.quality is Quality.UNSURE


def test_civil_days_follow_the_zone_on_both_summer_time_nights() -> None:
    assert civil_day(instant(2026, 3, 28, 23, 30), ROME) == civil_day(
        instant(2026, 3, 29, 12), ROME
    )
    day = civil_day(instant(2026, 10, 25, 12), ROME)
    assert at_local(day + 1, 0, ROME) - at_local(day, 0, ROME) == 25 * HOUR
    spring = civil_day(instant(2026, 3, 29, 12), ROME)
    assert at_local(spring + 1, 0, ROME) - at_local(spring, 0, ROME) == 23 * HOUR


def shown(instant: int) -> str:
    """Write what a clock shows that is right in Rome."""
    local = to_datetime(instant).astimezone(zone(ROME))
    return local.replace(tzinfo=None).isoformat(timespec="seconds")


def by_a_wrong_clock(wrong_by: int, age: int, received_at: int = NOON) -> MeasuredAt:
    """Tell when a measurement was taken by a clock that nobody touched since."""
    now = datetime.fromisoformat(shown(received_at)) + timedelta(milliseconds=wrong_by)
    then = now - timedelta(milliseconds=age)
    return told(then.isoformat(), received_at, device_now=now.isoformat())


YEAR = 365 * DAY


@given(
    wrong_by=st.one_of(
        st.integers(-26 * 365, 10 * 365).map(lambda days: days * DAY),  # never set, a year off
        st.sampled_from([-HOUR, HOUR, 2 * HOUR, -12 * HOUR, 400, 6 * MINUTE, -DAY, 3 * DAY]),
    ),
    age=st.integers(0, 86_400).map(lambda seconds: seconds * 1000),
)
def test_a_clock_that_is_wrong_by_anything_tells_the_last_day_right(
    wrong_by: int, age: int
) -> None:
    found = by_a_wrong_clock(wrong_by, age)
    is_right = abs(wrong_by) <= 5 * MINUTE
    expected = NOON - age + (wrong_by if is_right else 0)
    assert (found.at, found.quality) == (expected, Quality.TRUSTED)
    assert found.mark == (None if is_right else CORRECTED)


@pytest.mark.parametrize("wrong_by", [HOUR, -HOUR, 20 * HOUR])
def test_a_clock_that_is_wrong_by_hours_tells_its_memory_right_across_the_summer_time_night(
    wrong_by: int,
) -> None:
    """It counts on through the night in which ours goes forward: the age is what is left."""
    spring = instant(2026, 3, 31, 10)
    found = by_a_wrong_clock(wrong_by, 10 * DAY, spring)
    assert (found.at, found.mark) == (spring - 10 * DAY, CORRECTED)


@pytest.mark.parametrize(
    ("wrong_by", "age", "mark"),
    [
        (-16 * YEAR, 2 * DAY, "device-clock-behind"),  # it may have fallen back twice
        (-16 * YEAR, -16 * YEAR, "device-clock-behind"),  # taken before it fell back
        (YEAR, 2 * DAY, "device-clock-ahead"),
        (-3 * DAY, 5 * DAY, "device-clock-behind"),  # its own word would be believed: wrongly
        (-HOUR, 93 * DAY, "device-clock-behind"),
    ],
)
def test_what_a_wrong_clock_cannot_tell_is_unsure(wrong_by: int, age: int, mark: str) -> None:
    """H2: an old value must never look new, nor a new one old."""
    assert by_a_wrong_clock(wrong_by, age) == MeasuredAt(NOON, Quality.UNSURE, mark)


def test_what_was_taken_this_second_may_lie_a_little_ahead() -> None:
    assert by_a_wrong_clock(-YEAR, -SECOND).at == NOON


def test_its_own_word_that_it_was_never_set_wins_over_what_it_shows() -> None:
    found = told("2010-01-01T00:00:00", device_now="2010-01-01T00:00:05", time_unset=True)
    assert (found.at, found.mark) == (NOON, "device-clock-unset")


@pytest.mark.parametrize("device_now", ["2026-13-01T00:00:00", "0000-01-01T00:00:00"])
def test_a_clock_that_shows_no_time_says_nothing(device_now: str) -> None:
    found = told("2026-07-10T08:15:00", device_now=device_now)
    assert (found.at, found.mark) == (instant(2026, 7, 10, 6, 15), None)


@pytest.mark.parametrize("device_now", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("device_time", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_the_ends_of_the_calendar_are_times_like_others(device_now: str, device_time: str) -> None:
    found = told(device_time, device_now=device_now)
    same = device_now == device_time
    assert (found.at, found.quality) == (NOON, Quality.TRUSTED if same else Quality.UNSURE)
