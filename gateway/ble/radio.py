"""The one place that knows which radio is in use: BlueZ, or a Bumble host over an HCI transport."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gateway.ble.adapter import Adapter
from gateway.ble.bluez import BluezWatch, Passkey
from gateway.errors import RadioUnavailable, SettingsError

if TYPE_CHECKING:
    from gateway.ble.hci import HciRadio

_HCI: Final = "hci:"
CONNECT_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = 15.0

Seen = Callable[[BLEDevice, AdvertisementData], None]


class Radio(Protocol):
    """Makes bleak's scanners and clients; every call may raise ``RadioUnavailable``."""

    async def open(self) -> None:
        """Make the radio usable."""

    async def close(self) -> None:
        """Let go of it; never raises."""

    async def wait_lost(self) -> None:
        """Return when the radio is known to be gone; may never return."""

    async def power_cycle(self) -> None:
        """Take the adapter's power away for a moment; it is open."""

    async def forget_services(self, device: BLEDevice) -> None:
        """Forget what is remembered of a device's services, unless its bond would go too."""

    def scanner(self, seen: Seen, service_uuids: list[str] | None) -> BleakScanner:
        """Make a scanner that calls ``seen`` for every advertisement."""

    def client(self, device: BLEDevice, lost: Callable[[BleakClient], None]) -> BleakClient:
        """Make a client for a device that this radio's scanner saw."""


class BluezRadio:
    """bleak's own backend: BlueZ over D-Bus, with an agent of ours for pairing."""

    def __init__(self, passkey: Passkey | None = None) -> None:
        self._watch = BluezWatch(passkey)
        self._adapter = Adapter(self._watch.call)

    async def open(self) -> None:
        """See ``Radio.open``. An adapter that is off is powered on."""
        async with _answering():
            await self._watch.open()
            await self._adapter.make_ready()

    async def close(self) -> None:
        """See ``Radio.close``."""
        self._watch.close()

    async def wait_lost(self) -> None:
        """Return when bluetoothd has left the bus, or the adapter is gone or off."""
        await self._watch.wait_lost()

    async def power_cycle(self) -> None:
        """See ``Radio.power_cycle``."""
        async with _answering():
            await self._adapter.power_cycle()
            self._watch.excuse_power()

    async def forget_services(self, device: BLEDevice) -> None:
        """See ``Radio.forget_services``."""
        async with _answering():
            await self._adapter.forget(device.details["path"])

    def scanner(self, seen: Seen, service_uuids: list[str] | None) -> BleakScanner:
        """See ``Radio.scanner``."""
        return BleakScanner(seen, service_uuids)

    def client(self, device: BLEDevice, lost: Callable[[BleakClient], None]) -> BleakClient:
        """See ``Radio.client``."""
        return BleakClient(device, lost, timeout=CONNECT_SECONDS)


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            yield
    except TimeoutError as error:
        raise RadioUnavailable("radio: BlueZ does not answer") from error


def open_radio(setting: str, state_dir: Path, passkey: Passkey | None = None) -> Radio:
    """Choose the radio: ``bluez``, or ``hci:`` and a Bumble transport.

    ``passkey`` is asked when a device wants its six digits; without it such a device is refused.
    Raises ``SettingsError`` when the Bumble host is asked for but not installed.
    """
    if not setting.startswith(_HCI):
        return BluezRadio(passkey)
    return _hci_radio()(setting.removeprefix(_HCI), state_dir, passkey)


def _hci_radio() -> "type[HciRadio]":
    try:
        from gateway.ble.hci import HciRadio
    except ImportError as error:
        raise SettingsError(f"radio: needs the extra gateway-hci: {error}") from error
    return HciRadio
