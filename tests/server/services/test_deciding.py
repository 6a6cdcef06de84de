"""What becomes of what came, decided without a store."""

from decimal import Decimal
from typing import Any

import pytest

from contract.messages import Measurement
from server.domain.attribution import Assignment, Weighing
from server.ports.measurements import GatewayRow, Source
from server.services.deciding import Came, Decided, Known, decide
from tests.server.world import T0, wire

CUFF = "AA:BB:CC:DD:EE:01"
HOME = GatewayRow(1, "Europe/Rome", False)
HIS = Assignment(7, 0, None, None, "Europe/Rome")


def came(seq: int, content: int, values: dict[str, str], **more: Any) -> Came:
    return Came("gw-1", HOME, 5, seq, b"raw", wire(seq, content, values, T0, **more), None)


def decided(*elements: Came, chc: int = 1, **known: Any) -> Decided:
    return decide(elements, Known(**{**stored(chc), **known}), T0)


def stored(chc: int = 1) -> dict[str, Any]:
    return {"sources": {CUFF: Source(chc, [HIS])}, "contents": {}, "weights": {}}


def fates(found: Decided) -> list[str]:
    return [row.fate for row in found.measurements]


def test_a_readable_one_becomes_a_row_its_observations_and_an_input() -> None:
    found = decided(came(1, 1, {"systolic": "132", "diastolic": "LO"}))
    ((row,), values) = found.measurements, [one.value for one in found.observations]
    assert (row.fate, row.patient_id, row.measured_at) == ("stored", 7, T0)
    assert values == [1320, -(2**30)]
    assert [one.kind for one in found.inputs] == ["attributed"]
    assert found.matters == {}


def test_the_same_content_twice_in_a_batch_is_a_duplicate() -> None:
    one = {"systolic": "132"}
    assert fates(decided(came(1, 9, one), came(2, 9, one))) == ["stored", "duplicate"]


@pytest.mark.parametrize(("raw", "fate"), [("00", "duplicate"), ("01", "stored")])
def test_a_stored_content_is_a_duplicate_only_if_its_bytes_are_the_same(
    raw: str, fate: str
) -> None:
    contents = {bytes.fromhex(f"{9:032x}"): (CUFF, "00")}
    found = decided(came(1, 9, {"systolic": "132"}, raw=raw), contents=contents)
    assert fates(found) == [fate]


def test_a_weight_is_believed_for_the_rest_of_the_batch_and_a_held_one_is_not() -> None:
    weights = [came(seq, seq, {"weight": kg}) for seq, kg in enumerate(("80", "60", "81", "61"), 1)]
    assert fates(decided(*weights)) == ["stored", "held", "stored", "held"]
    assert fates(decided(*weights, weights={7: Weighing(0, Decimal(60))})) == [
        "held",
        "stored",
        "held",
        "stored",
    ]


def test_a_hundred_held_ones_are_one_matter() -> None:
    found = decided(*(came(seq, seq, {"systolic": "132"}) for seq in range(1, 101)), sources={})
    assert fates(found) == ["held"] * 100
    assert list(found.matters) == [(f"device:{CUFF}", "measurement-held")]


def test_the_gateway_of_another_chc_is_held_for_the_devices_chc() -> None:
    found = decided(came(1, 1, {"systolic": "132"}), chc=2)
    assert [(row.fate, row.chc_id, row.reason) for row in found.measurements] == [
        ("held", 2, "gateway-of-another-chc")
    ]


def test_what_is_no_element_is_put_away_with_its_bytes() -> None:
    found = decided(Came("gw-1", HOME, 5, 1, b"{", None, "not a measurement: cut off"))
    assert [(row.fate, row.element) for row in found.measurements] == [("quarantined", b"{")]
    assert list(found.matters) == [("gateway:gw-1", "measurement-unreadable")]


def test_an_element_that_says_another_place_is_put_away() -> None:
    wrong = Came("gw-1", HOME, 5, 1, b"raw", wire(2, 1, {"systolic": "132"}, T0), "says seq 2")
    assert isinstance(wrong.element, Measurement)
    assert fates(decided(wrong)) == ["quarantined"]
