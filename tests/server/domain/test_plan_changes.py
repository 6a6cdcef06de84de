"""What a plan says differently, and whether it watches less than any protocol (H8)."""

import json
from decimal import Decimal

import pytest

from server.domain.plan_changes import changes, unusual
from server.domain.plans import Plan, parse_plan
from server.services.shipped import protocols


def plan(protocol: str = "", **limits: str) -> Plan:
    threshold = {"code": "systolic", "source": "test", **limits}
    return parse_plan(json.dumps({"thresholds": [threshold], "protocol": protocol}))


KNOWN = [plan("one 1", low_outer="80", high_outer="170"), plan("two 1", high_outer="180")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (plan(high_outer="180"), []),
        (plan(high_outer="180.1"), [("systolic-high-outer", Decimal("180.1"), 180)]),
        (plan(low_outer="80", high_outer="150"), []),
        (plan(low_outer="79.9"), [("systolic-low-outer", Decimal("79.9"), 80)]),
        (plan("one 1", high_outer="170"), [("systolic-low-outer", None, 80)]),
        (plan("two 1", high_outer="170"), []),
        (plan(high_inner="200"), []),
    ],
)
def test_a_limit_that_watches_less_than_any_protocols_is_unusual(
    given: Plan, expected: list
) -> None:
    assert unusual(given, KNOWN) == expected


@pytest.mark.parametrize("name", sorted(protocols()))
def test_no_protocol_of_ours_is_unusual(name: str) -> None:
    every = [one.plan() for one in protocols().values()]
    assert unusual(protocols()[name].plan(), every) == []


def test_changes_name_each_rule_as_it_was_and_as_it_is_to_be() -> None:
    old = plan(low_outer="80", high_outer="170")
    new = plan(high_inner="150", high_outer="175")
    assert changes(old, old) == []
    assert changes(old, new) == [
        ("systolic-low-outer", Decimal(80), None),
        ("systolic-high-outer", Decimal(170), Decimal(175)),
        ("systolic-high-inner", None, Decimal(150)),
    ]
    assert changes(Plan(), old)[-1] == ("missing-systolic", None, "20:00")
