"""IEEE 11073 numbers against published values."""

from decimal import Decimal

import pytest

from gateway.codecs.decoded import Above, Absent, Below
from gateway.codecs.ieee11073 import decode_float, decode_sfloat
from tests.gateway.vectors import load


def expected(vector):
    if vector.get("above"):
        return Above()
    if vector.get("below"):
        return Below()
    return Decimal(vector["value"]) if "value" in vector else Absent(vector["absent"])


@pytest.mark.parametrize("vector", load("numbers.toml", "sfloat"), ids=lambda v: v["source"])
def test_an_sfloat_decodes_to_its_published_value(vector):
    assert decode_sfloat(vector["raw"]) == expected(vector)


@pytest.mark.parametrize("vector", load("numbers.toml", "float"), ids=lambda v: v["source"])
def test_a_float_decodes_to_its_published_value(vector):
    assert decode_float(vector["raw"]) == expected(vector)


def test_the_device_s_digits_are_kept():
    assert str(decode_float(0xFE000E38)) == "36.40"


@pytest.mark.parametrize("special", [0x07FF, 0x07FE, 0x0800, 0x0801, 0x0802])
def test_a_reserved_mantissa_with_an_exponent_is_a_number(special):
    assert isinstance(decode_sfloat(0x1000 | special), Decimal)
