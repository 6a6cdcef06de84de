"""The simulators' encoders against published bytes: they share no code with the codecs."""

from datetime import datetime
from decimal import Decimal

import pytest

from simulators import encoders
from tests.gateway.vectors import load

NUMBERS = [v for v in load("numbers.toml", "sfloat") if "value" in v]
FLOATS = [v for v in load("numbers.toml", "float") if "value" in v]


@pytest.mark.parametrize("vector", NUMBERS, ids=lambda v: v["source"])
def test_an_sfloat_has_the_published_value_to_the_digit(vector):
    raw = int.from_bytes(encoders.sfloat(Decimal(vector["value"])), "little")
    mantissa, exponent = raw & 0xFFF, raw >> 12
    published, scale = vector["raw"] & 0xFFF, vector["raw"] >> 12
    assert mantissa * 10 ** (exponent - 16 * (exponent > 7)) == pytest.approx(
        published * 10 ** (scale - 16 * (scale > 7))
    )


@pytest.mark.parametrize("vector", FLOATS, ids=lambda v: v["source"])
def test_a_float_has_the_published_bytes(vector):
    assert encoders.float32(Decimal(vector["value"])) == vector["raw"].to_bytes(4, "little")


def test_not_a_number_has_the_published_bytes():
    assert encoders.sfloat(None) == bytes.fromhex("FF07")


def test_a_number_never_takes_a_reserved_mantissa():
    for value in range(2000, 2100):
        assert int.from_bytes(encoders.sfloat(Decimal(value)), "little") not in range(0x7FE, 0x803)


def test_a_temperature_has_the_published_bytes():
    # NordicSemiconductor/Android-BLE-Common-Library, TemperatureMeasurementDataCallbackTest.java
    at = datetime(2012, 12, 5, 11, 50, 27)  # noqa: DTZ001
    found = encoders.temperature(Decimal("37.60"), at=at, kind=4)
    assert found.hex() == "06b00e00fedc070c050b321b04"


def test_a_heart_rate_has_the_published_bytes():
    # NordicSemiconductor/Android-BLE-Common-Library, HeartRateMeasurementDataCallbackTest.java,
    # with skin contact detected
    assert encoders.heart_rate(85).hex() == "0655"
