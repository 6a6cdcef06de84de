"""Every connection fails while advertisements are heard: is it the radio, or one device?"""

import pytest

from gateway.ble import Recovery, Step
from gateway.ble.links import Links

HOUR, DAY = 3600.0, 86_400.0


def fail(made, now, *addresses, times=4, every=60.0):
    """Let them fail in turn so many times each; return the time after the last."""
    for _ in range(times):
        now += every
        for address in addresses:
            made.failed(address, now)
    return now


def known(*addresses, at=0.0):
    """Make one in which these were read once."""
    made = Links()
    for address in addresses:
        made.held(address, at)
    return made


def test_two_devices_of_which_none_can_be_had_are_the_radios_matter():
    made = known("cuff", "scale")
    now = fail(made, 0.0, "cuff", "scale")
    assert made.fail(now)
    assert not made.are_down(now), "a reset may help"
    assert made.are_down(fail(made, now, "cuff", "scale", times=10))


def test_a_session_of_anybody_ends_the_matter():
    made = known("cuff", "scale")
    now = fail(made, 0.0, "cuff", "scale", times=20)
    made.held("cuff", now)
    assert not made.fail(now)
    assert not made.are_down(now)


def test_a_device_that_fails_alone_is_no_matter_of_the_radio():
    """A scale that is broken and awake for a whole day, while the cuff is simply not used."""
    made = known("cuff", "scale")
    assert not made.fail(fail(made, 0.0, "scale", times=2000, every=40.0))


def test_a_device_that_fails_while_another_is_read_counts_no_more():
    made = known("cuff", "scale", "oximeter")
    now = fail(made, 0.0, "scale", times=10)
    made.held("cuff", now)
    now = fail(made, now, "scale", "oximeter", times=10)
    assert not made.fail(now), "the oximeter alone"
    assert made.fail(fail(made, now, "scale", "oximeter", "cuff", times=4))


def test_one_that_was_away_and_is_back_counts_again():
    made = known("cuff", "scale")
    now = fail(made, 0.0, "scale", times=3)
    made.held("cuff", now)
    assert made.fail(fail(made, now + 2 * HOUR, "scale", "cuff"))


def test_where_nobody_was_read_for_days_one_device_is_enough():
    """The cuff is used every morning, the scale once in a month."""
    made = known("cuff", "scale")
    now = fail(made, DAY, "cuff", times=5, every=12.0)
    assert not made.fail(now)
    now = fail(made, 2 * DAY, "cuff", times=1)
    assert made.fail(now)
    assert not made.fail(now + 2 * DAY), "nobody has tried since"


def test_where_only_one_device_is_known_it_is_enough():
    made = known("cuff")
    assert made.fail(fail(made, 0.0, "cuff"))
    named = Links(["cuff"])
    assert named.fail(fail(named, 0.0, "cuff"))


def test_a_stranger_never_counts_where_a_device_is_known():
    made = known("cuff")
    assert not made.fail(fail(made, 0.0, "a neighbour's", "another's", times=50))


def test_where_none_is_known_two_are_needed():
    made = Links()
    now = fail(made, 0.0, "somebody", times=50)
    assert not made.fail(now)
    assert made.fail(fail(made, now, "somebody", "somebody else"))


def test_failures_within_moments_are_no_matter_yet():
    made = known("cuff", "scale")
    assert not made.fail(fail(made, 0.0, "cuff", "scale", times=10, every=5.0))


def test_strangers_fill_no_memory():
    made = Links()
    for number in range(10_000):
        made.failed(str(number), float(number))
        made.held(str(number), float(number))
    assert len(made._failing) <= 64
    assert len(made._held) <= 64


@pytest.mark.parametrize("every", [30.0, HOUR, DAY])
def test_what_no_reset_cures_is_reset_ever_more_seldom(tmp_path, every):
    """A home with one cuff that is broken, awake always, or tried once a day."""
    made, now, steps = Recovery(tmp_path, ["cuff"]), 0.0, []
    while now < 14 * DAY:
        now += every
        if (step := made.link_failed("cuff", now)) is not None:
            steps.append((step, now))
            if step is Step.POWER_CYCLE:
                made.power_cycled()
    assert [step for step, _ in steps[:3]].count(Step.ANEW) == 1
    assert {step for step, _ in steps} == set(Step)
    last_day = [step for step, at in steps if at > 13 * DAY]
    assert 1 <= len(last_day) <= 8
    assert made.resets == len(steps) - 1


def test_a_silence_between_makes_no_reset_of_links_forgotten(tmp_path):
    made, now = Recovery(tmp_path, ["cuff"]), 0.0
    for _ in range(20):
        now += 300.0
        made.was_silent(now)
        made.heard()
        made.link_failed("cuff", now + 10)
    assert made.links.are_down(now)
