"""Pairing by hand: six digits of the profile or of whoever types them, and none that is wrong."""

from datetime import datetime
from decimal import Decimal

import pytest
from bumble.pairing import PairingConfig, PairingDelegate

from gateway.ble import open_radio
from gateway.errors import DeviceUnavailable
from gateway.pairing import Digits, pair
from simulators.peripherals import GlucoseMeter
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import switched_on

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


class _Label(PairingDelegate):
    """Its digits stand on its label."""

    def __init__(self):
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)

    async def generate_passkey(self):
        return 123456


class MeterWithDigits(GlucoseMeter):
    """A meter that bonds only with who knows its digits."""

    async def start(self):
        await super().start()
        self._device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True, mitm=True, bonding=True, delegate=_Label()
        )


async def paired(tmp_path, radio, meter, typed):
    await meter.take(Decimal(100), AT)
    digits = Digits(lambda: typed)
    made = open_radio(radio.transport, tmp_path, digits.give)
    return await pair(made, {}, meter.address, b"k" * 16, digits)


async def test_with_its_digits_a_meter_is_bonded_with(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, MeterWithDigits) as (meter,):
        assert await paired(tmp_path, radio, meter, "123456") == "generic_glucose_meter"
        assert meter.address in (tmp_path / "bonds.json").read_text()


@pytest.mark.parametrize("typed", ["654321", "12345", "", "twelve"])
async def test_with_other_digits_it_is_not(tmp_path, typed):
    async with VirtualRadio() as radio, switched_on(radio, MeterWithDigits) as (meter,):
        with pytest.raises(DeviceUnavailable, match=f"{meter.address}: cannot bond"):
            await paired(tmp_path, radio, meter, typed)
        bonds = tmp_path / "bonds.json"
        assert not bonds.exists() or meter.address not in bonds.read_text()


async def test_the_profiles_digits_go_before_asking():
    digits = Digits(lambda: pytest.fail("nobody is asked"))
    digits.of_profile = "000042"
    assert await digits.give() == 42
