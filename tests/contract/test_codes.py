"""Scaled integers are exact, and what cannot be true is wider than what can be survived."""

from decimal import Decimal

import pytest

from contract.codes import BY_NUMBER, DEFINITIONS, Code, possible, scaled, unscaled


@pytest.mark.parametrize(
    ("code", "value", "steps"),
    [
        (Code.WEIGHT, "81.4", 81400),
        (Code.WEIGHT, "0.0005", 1),  # half rounds up
        (Code.SYSTOLIC, "132", 1320),
        (Code.TEMPERATURE, "36.40", 3640),
        (Code.GLUCOSE, "70.05", 701),
        (Code.SPO2, "88.04", 880),
    ],
)
def test_a_value_becomes_its_scaled_integer(code: Code, value: str, steps: int) -> None:
    assert scaled(code, Decimal(value)) == steps


@pytest.mark.parametrize("code", list(Code))
def test_the_way_back_is_exact(code: Code) -> None:
    for steps in (0, 1, 7, 999, 12345):
        assert scaled(code, unscaled(code, steps)) == steps


@pytest.mark.parametrize(
    ("code", "value"),
    [
        # Survived, each published: none may ever be called impossible (hazards H1, H2).
        (Code.TEMPERATURE, "11.8"),  # accidental hypothermia, child, Poland 2014
        (Code.TEMPERATURE, "46.5"),  # heat stroke, Atlanta 1980
        (Code.SYSTOLIC, "370"),  # MacDougall 1985
        (Code.SPO2, "35"),
        (Code.GLUCOSE, "2656"),
        (Code.WEIGHT, "635"),
        (Code.PULSE, "26"),
    ],
)
def test_a_survived_value_is_possible(code: Code, value: str) -> None:
    assert possible(code, Decimal(value))


@pytest.mark.parametrize(
    ("code", "value"), [(Code.SYSTOLIC, "712"), (Code.SPO2, "1001"), (Code.SYSTOLIC, "182400")]
)
def test_a_value_seen_from_broken_devices_is_not(code: Code, value: str) -> None:
    assert not possible(code, Decimal(value))


def test_numbers_are_dense_and_belong_to_one_code_each() -> None:
    assert [DEFINITIONS[code].number for code in BY_NUMBER] == list(range(len(Code)))
