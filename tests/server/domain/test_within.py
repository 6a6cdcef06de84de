"""What is one matter with an outer alert, and what parts the two: nothing may hide in a row."""

from dataclasses import replace

import pytest

from server.domain.plans import Priority
from server.domain.within import is_within, outer_by_inner
from tests.server.domain.test_alerts import new
from tests.server.world import T0

INNER = new(id=1)
OUTER = new(id=2, rule="systolic-high-outer", priority=Priority.HIGH)


def test_the_inner_alert_of_the_same_value_is_in_the_outer_one():
    assert outer_by_inner([INNER, OUTER]) == {1: OUTER}
    assert outer_by_inner([OUTER, INNER]) == {1: OUTER}
    assert outer_by_inner([INNER]) == {}
    assert not is_within(OUTER, INNER)
    assert not is_within(OUTER, OUTER)


@pytest.mark.parametrize(
    "inner",
    [
        replace(INNER, newest_at=T0 + 1),
        replace(INNER, newest_at=T0 - 1),
        replace(INNER, newest=1640),
        replace(INNER, owner="anna"),
        replace(INNER, paused_until=T0 + 1),
        replace(INNER, unanswered=True),
        replace(INNER, cleared_at=T0),
        replace(INNER, confirmed=False),
        replace(INNER, subject="patient:2"),
        replace(INNER, rule="systolic-low-inner"),
        replace(INNER, rule="spo2-high-inner"),
    ],
)
def test_what_differs_of_the_inner_one_parts_them(inner):
    assert outer_by_inner([inner, OUTER]) == {}


@pytest.mark.parametrize(
    "outer",
    [
        replace(OUTER, owner="anna"),
        replace(OUTER, paused_until=T0 + 1),
        replace(OUTER, cleared_at=T0),
        replace(OUTER, closed_at=T0),
        replace(OUTER, superseded=True),
        replace(OUTER, confirmed=False),
    ],
)
def test_what_differs_of_the_outer_one_parts_them(outer):
    assert outer_by_inner([INNER, outer]) == {}


def test_an_outer_alert_that_is_louder_still_says_it_all():
    assert is_within(INNER, replace(OUTER, unanswered=True))
