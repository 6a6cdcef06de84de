"""When a message leaves, how long between tries, and when a channel is dead."""

import pytest

from server.domain.instants import HOUR, MINUTE, SECOND, at_local
from server.domain.priorities import Priority
from server.domain.reaching import held_until, is_dead, wait_after

ROME = "Europe/Rome"
DAY = 20_717  # 2026-09-21
NIGHT = (22 * 60, 7 * 60)
NOON = (13 * 60, 14 * 60)


def at(minutes: int, day: int = DAY) -> int:
    return at_local(day, minutes, ROME)


@pytest.mark.parametrize(
    ("said", "quiet", "now", "leaves"),
    [
        ("before the night it leaves at once", NIGHT, at(21 * 60 + 59), at(21 * 60 + 59)),
        ("in the evening it waits for the morning", NIGHT, at(22 * 60), at(7 * 60, DAY + 1)),
        ("past midnight it waits for that same morning", NIGHT, at(60), at(7 * 60)),
        ("when the night ends it leaves", NIGHT, at(7 * 60), at(7 * 60)),
        ("an hour at noon ends on the same day", NOON, at(13 * 60 + 30), at(14 * 60)),
        ("a quiet half alone is none", (NIGHT[0], None), at(23 * 60), at(23 * 60)),
        ("the night of the longer autumn hour ends by the clock", NIGHT,
         at_local(20_751, 23 * 60, ROME), at_local(20_752, 7 * 60, ROME)),
    ],
)  # fmt: skip
def test_a_low_message(said, quiet, now, leaves):
    assert held_until(Priority.LOW, *quiet, ROME, now) == leaves, said


@pytest.mark.parametrize("priority", [Priority.HIGH, Priority.MEDIUM])
def test_no_other_message_is_held_by_quiet_hours(priority):
    assert held_until(priority, *NIGHT, ROME, at(23 * 60)) == at(23 * 60)


def test_waits_double_up_to_a_quarter_of_an_hour():
    waits = [wait_after(failures, 0.0) for failures in range(1, 9)]
    assert waits[:5] == [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert set(waits[5:]) == {15 * MINUTE}
    assert wait_after(10_000, 0.0) == 15 * MINUTE


def test_jitter_takes_up_to_half_of_a_wait_away():
    assert wait_after(6, 0.5) == 15 * MINUTE * 3 // 4
    assert 15 * MINUTE // 2 <= wait_after(6, 0.999) < 15 * MINUTE


@pytest.mark.parametrize(
    ("said", "failures", "since", "dead"),
    [
        ("an hour of failures is dead", 3, HOUR, True),
        ("two failures, an hour apart, are not", 2, HOUR, False),
        ("many within the hour are not", 9, HOUR - 1, False),
    ],
)
def test_a_dead_channel(said, failures, since, dead):
    assert is_dead(failures, 0, since) is dead, said
