"""A radio that does not work: what is tried, in which order, and how seldom."""

import logging

from gateway.ble import Recovery, Step
from gateway.ble.recovery import REQUEST, SILENCE_SECONDS


def silent(made, steps, now=0.0):
    """Let nobody be heard until so many steps were taken; return them with their instants."""
    found = []
    while len(found) < steps:
        now += made.silence_seconds
        step = made.was_silent(now)
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
    made.worked()
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
    silent(gone, 3)
    assert "cannot be asked for" in caplog.text
