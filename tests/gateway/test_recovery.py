"""A radio that does not work: what is tried, in which order, and how seldom."""

import itertools
import logging

import pytest

from gateway.ble import Recovery, Step
from gateway.ble.recovery import SILENCE_SECONDS
from gateway.ble.resets import REQUEST

DAY = 86_400.0


def silent(made, steps, now=0.0):
    """Let nobody be heard until so many steps were taken; return them with their instants."""
    found = []
    while len(found) < steps:
        now += made.silence_seconds
        step = made.was_silent(now)
        if step is Step.POWER_CYCLE:
            made.power_cycled()
        if step is not Step.ANEW or not found:
            found.append((step, now))
    return found


def test_a_silence_is_met_by_a_scan_to_all_then_the_adapter_then_the_root_unit(tmp_path):
    made = Recovery(tmp_path)
    first, second, third = silent(made, 3)
    assert first == (Step.ANEW, SILENCE_SECONDS)
    assert made.is_suspected
    assert second == (Step.POWER_CYCLE, 2 * SILENCE_SECONDS)
    assert third == (Step.ASK, 3 * SILENCE_SECONDS)
    assert (tmp_path / REQUEST).exists()
    assert made.resets == 2


def test_in_a_home_that_is_truly_silent_it_is_tried_ever_more_seldom(tmp_path):
    made = Recovery(tmp_path)
    now, resets = 0.0, []
    while now < 14 * 86_400:
        now += made.silence_seconds
        if made.was_silent(now) is not Step.ANEW:
            resets.append(now)
    first_day, last_day = (sum(a <= at < a + 86_400 for at in resets) for a in (0, 13 * 86_400))
    assert first_day <= 20
    assert 4 <= last_day <= 8, "never given up, and never more than every few hours"


def test_a_quiet_home_with_neighbours_is_no_fault():
    """Our own devices say nothing for a week; whenever all may be heard, somebody is."""
    made = Recovery()
    for day in range(7):
        assert made.was_silent(day * 86_400.0 + 10) is Step.ANEW
        made.heard()
        assert made.silence_seconds > SILENCE_SECONDS
    assert made.resets == 0


def test_faults_within_minutes_are_one_matter_though_somebody_is_heard_between():
    """With no free slot every connection fails while the scan goes on."""
    made = Recovery()
    steps = []
    for now in range(1000, 1040, 10):
        steps.append(made.failed(now))
        made.heard()
    assert steps == [Step.ANEW, Step.POWER_CYCLE, Step.ANEW, Step.ANEW]
    assert made.failed(5000) is Step.ANEW, "another matter"


def test_a_session_that_was_held_ends_the_matter():
    made = Recovery()
    made.failed(1000)
    made.worked("a", 1001)
    assert made.failed(1010) is Step.ANEW
    assert made.resets == 0


def test_a_bluetoothd_that_is_away_is_left_to_come_back_until_it_takes_too_long(tmp_path):
    made = Recovery(tmp_path)
    steps = [made.failed(now, is_open=False) for now in range(1000, 1150, 10)]
    assert steps[:12] == [Step.ANEW] * 12
    assert steps[12] is Step.ASK
    assert Step.POWER_CYCLE not in steps


def test_without_a_root_unit_none_is_asked(tmp_path, caplog):
    made = Recovery()
    assert {step for step, _ in silent(made, 4)} == {Step.ANEW, Step.POWER_CYCLE}
    caplog.set_level(logging.WARNING)
    gone = Recovery(tmp_path / "gone")
    steps = [step for step, _ in silent(gone, 4)]
    assert Step.ASK not in steps
    assert gone.resets == steps.count(Step.POWER_CYCLE), "what was not asked for is not counted"
    assert caplog.text.count("cannot be asked for") == 1, "said once"
    (tmp_path / "gone").mkdir()
    caplog.set_level(logging.INFO)
    assert gone.was_silent(DAY) is Step.ASK
    assert caplog.text.count("can be asked for again") == 1


def resets_by_day(made, days, heard_at, sessions_at=()):
    """Listen for so many days to who is heard then; return how often each day's radio was reset."""
    now, heard, counts = 0.0, iter(heard_at), [0] * days
    next_heard, sessions = next(heard), list(sessions_at)
    since = 0.0
    while now < days * DAY:
        if next_heard <= since + made.silence_seconds:
            now = since = next_heard
            next_heard = next(heard)
            made.heard()
            if sessions and sessions[0] <= now:
                made.worked("cuff", sessions.pop(0))
            continue
        now = since = since + made.silence_seconds
        step = made.was_silent(now)
        if now < days * DAY:
            counts[int(now // DAY)] += step is not Step.ANEW
    return counts


@pytest.mark.parametrize("minutes", [3, 7, 20, 90])
def test_a_stranger_heard_now_and_then_makes_no_pause_forgotten(tmp_path, minutes):
    """Else each one has the adapter reset twice more: 144 times a day."""
    strangers = (60.0 * minutes * number + 30 for number in itertools.count())
    counts = resets_by_day(Recovery(tmp_path), 14, strangers)
    assert counts[0] <= 20
    assert counts[-1] <= 8


def test_a_device_that_was_read_makes_pauses_short_again(tmp_path):
    """What silences the radio after that is another matter, and may cost a measurement."""
    twice_a_day = [number * DAY / 2 + 0.3 * DAY for number in range(28)]
    strangers = (600.0 * number + 30 for number in itertools.count())
    counts = resets_by_day(Recovery(tmp_path), 14, strangers, twice_a_day)
    assert 10 <= counts[-1] <= 40


def test_an_adapter_that_a_power_cycle_cures_each_time_is_cured_each_time():
    made = Recovery()
    for hour in range(48):
        now = hour * 3600.0
        assert made.failed(now) is Step.ANEW
        assert made.failed(now + 1) is Step.POWER_CYCLE
        made.heard()
