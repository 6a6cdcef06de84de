"""A device's clock is set where its profile says so, and only by a gateway that knows the time."""

from datetime import datetime

import msgspec
import pytest

from contract.profiles import profiles
from gateway.ble.device_clock import Shown, clock_shown, clock_write
from gateway.codecs import BY_CHARACTERISTIC

# 2019-02-27 11:10:30 stands so in a published glucose record.
AT = datetime(2019, 2, 27, 11, 10, 30)  # noqa: DTZ001 - a device's clock has no zone
CUFF = profiles()["and_ua651ble"]


def test_a_clock_is_set_in_local_time():
    assert clock_write(CUFF, lambda: AT) == ("2a08", bytes.fromhex("e307021b0b0a1e"))


@pytest.mark.parametrize("kind", ["date-time", "current-time"])
def test_what_is_written_says_that_time(kind):
    characteristic, value = clock_write(msgspec.structs.replace(CUFF, set_clock=kind), lambda: AT)
    assert BY_CHARACTERISTIC[characteristic](value).time == AT


def test_a_current_time_has_its_weekday_and_says_where_it_is_from():
    profile = msgspec.structs.replace(CUFF, set_clock="current-time")
    assert clock_write(profile, lambda: AT)[1][7:] == bytes([3, 0, 2])


def test_who_does_not_know_the_time_sets_no_clock():
    assert clock_write(CUFF, lambda: None) is None


def test_a_clock_that_the_profile_does_not_name_is_left_alone():
    assert clock_write(profiles()["generic_blood_pressure"], lambda: AT) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date-time", "e307021b0b0a"),  # a byte is missing
        ("date-time", "0000021b0b0a1e"),  # no year
        ("date-time", "0f270c1f173b3b"),  # the last second of the calendar
        ("current-time", "e307021b0b0a1e"),  # a Date Time only
        (None, "e307021b0b0a1e"),
    ],
)
def test_what_is_no_time_says_nothing(kind, value):
    profile = msgspec.structs.replace(CUFF, set_clock=kind)
    assert clock_shown(profile, bytes.fromhex(value)) is None


def test_a_clock_goes_on_from_what_it_showed():
    assert clock_shown(CUFF, bytes.fromhex("e307021b0b0a1e")) == AT
    assert Shown(AT, at=100.0).then(129.9) == AT.replace(second=59)
