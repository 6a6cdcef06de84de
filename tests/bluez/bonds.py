"""Bonds on real BlueZ: with digits, and of which one side has lost its half."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Final

from bumble.core import AdvertisingData
from bumble.gatt import (
    GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
    Characteristic,
    Service,
)
from bumble.pairing import PairingConfig, PairingDelegate

from simulators.peripherals import Cuff
from tests.bluez.home import Home

AT: Final = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


class Private(Cuff):
    """A cuff that gives its battery only over an encrypted link: it must be bonded with."""

    async def start(self) -> None:
        await super().start()
        delegate = PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
        self._device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True, mitm=False, bonding=True, delegate=delegate
        )

    def _services(self) -> list[Service]:
        services = super()._services()
        (battery,) = services[1].characteristics
        battery.permissions = Characteristic.READ_REQUIRES_ENCRYPTION
        return services

    async def _speak(self, connection: object) -> None:
        """Stay connected: the gateway ends the session, and reads the battery then."""
        self._said = len(self._unsent)
        await self._deliver(connection, self._unsent[0])

    async def bonds(self) -> int:
        """With how many boxes it is bonded."""
        return len(await self._device.keystore.get_all())

    async def forget(self) -> None:
        """Lose its half of every bond, as a device does that was reset."""
        await self._device.keystore.delete_all()


class Bonding(Private):
    """A cuff of a model that is bonded with, and lets only who is subscribe."""

    async def start(self) -> None:
        await super().start()
        for attribute in self._device.gatt_server.attributes:
            if attribute.type == GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR:
                attribute.permissions |= attribute.WRITE_REQUIRES_ENCRYPTION

    def _advertisement(self) -> AdvertisingData:
        name = (AdvertisingData.COMPLETE_LOCAL_NAME, b"A&D_UA-651BLE_7")
        return AdvertisingData([*super()._advertisement().ad_structures[:2], name])


class _Label(PairingDelegate):  # type: ignore[misc]  # Bumble is not typed for us
    """Its digits stand on its label."""

    DIGITS: Final = 492_716

    def __init__(self) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)

    async def generate_passkey(self) -> int:
        return self.DIGITS


class WithDigits(Bonding):
    """One that bonds only with who knows its digits."""

    async def start(self) -> None:
        await super().start()
        self._device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True, mitm=True, bonding=True, delegate=_Label()
        )


async def _taken(home: Home, cuff: Private, hour: int, count: int) -> None:
    """Measure, and wait until the gateway has it."""
    await cuff.take(Decimal(130), Decimal(80), None, AT.replace(hour=hour))
    await asyncio.wait_for(cuff.all_taken(), 90)
    assert len(home.kept()) == count


async def box_forgot(home: Home) -> None:
    """BlueZ has lost its half: it is bonded with anew, and nobody need come."""
    cuff = await home.device(Bonding)
    await _taken(home, cuff, 8, 1)
    assert await cuff.bonds() == 1
    await home.forget(cuff.address)
    await _taken(home, cuff, 9, 2)


async def device_forgot(home: Home) -> None:
    """The device has lost its half: that is said, others are read, and pairing by hand mends it.

    Debian's bluetoothd (5.66) ends at each connection with it, and is started anew as by systemd.
    """
    cuff = await home.device(Bonding)
    await _taken(home, cuff, 8, 1)
    await cuff.forget()
    await cuff.take(Decimal(145), Decimal(91), None, AT.replace(hour=9))
    warned = f"WARNING gateway.collector.turns device {cuff.address}: "
    await home.until(lambda: warned in home.log.read_text(), 90)
    other = await home.device(Cuff)
    await other.take(Decimal(120), Decimal(70), None, AT)
    await home.until(lambda: other.address in {one.device for one in home.kept()}, 90)
    await home.pair(cuff.address)
    await asyncio.wait_for(cuff.all_taken(), 90)
    assert [one.device for one in home.kept()].count(cuff.address) == 2


async def passkey(home: Home) -> None:
    """Six digits, typed by who stands before it; the bond serves the gateway that runs then."""
    cuff = await home.device(WithDigits)
    await cuff.take(Decimal(128), Decimal(80), None, AT)
    await home.pair(cuff.address, lambda: f"{_Label.DIGITS:06}")
    assert await cuff.bonds() == 1
    await asyncio.wait_for(cuff.all_taken(), 90)
    assert len(home.kept()) == 1
