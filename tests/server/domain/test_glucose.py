"""Glucose in range: the consensus of 2019 (Battelino, Diabetes Care 42:1593), 70 to 180 mg/dL."""

from server.domain.glucose import InRange, in_range
from server.domain.instants import DAY, MINUTE

COMPARATOR = 2**30


def test_both_ends_are_in_range_and_what_has_no_number_is_outside():
    values = [699, 700, 1800, 1801, -COMPARATOR, COMPARATOR]
    counted = in_range([(at, value) for at, value in enumerate(values)])
    assert counted == InRange(below=2, inside=2, above=2, continuous=False)
    assert counted.total == 6


def test_only_seven_tenths_of_the_data_of_a_day_say_time():
    every = [(at, 1000) for at in range(0, 2 * DAY + 1, 15 * MINUTE)]
    assert in_range(every).continuous
    assert in_range(every[: len(every) * 7 // 10] + every[-1:]).continuous
    assert not in_range(every[: len(every) * 6 // 10] + every[-1:]).continuous
    assert not in_range(every[:50]).continuous  # less than a day
    assert not in_range([]).continuous
