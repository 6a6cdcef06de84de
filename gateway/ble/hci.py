"""A radio without BlueZ: a Bumble host on any HCI transport (USB dongle, serial, TCP)."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bumble.core import BaseBumbleError
from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.keys import JsonKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from usb1 import USBError

from gateway.ble.bluez import Passkey
from gateway.ble.hci_client import HciClient
from gateway.ble.hci_scanner import HciScanner
from gateway.ble.radio import CONNECT_SECONDS, Seen
from gateway.errors import RadioUnavailable

_OPEN_SECONDS: Final = 15.0
_CLOSE_SECONDS: Final = 5.0
# libusb's errors derive from no class of Bumble's.
_FOREIGN: Final = (BaseBumbleError, USBError, OSError, TimeoutError, ValueError)

# Bumble logs what it does not expect at WARNING; its debug lines carry values.
logging.getLogger("bumble").setLevel(logging.WARNING)
# It says there what it raises, too: at every try to open a dongle that is not there.
logging.getLogger("bumble.transport.usb").setLevel(logging.CRITICAL)


class _Asking(PairingDelegate):  # type: ignore[misc]  # Bumble is not typed for us
    """Has keys: whoever pairs the device is asked for its digits."""

    def __init__(self, passkey: Passkey) -> None:
        super().__init__(PairingDelegate.KEYBOARD_INPUT_ONLY)
        self._passkey = passkey

    async def get_number(self) -> int | None:
        """See ``PairingDelegate.get_number``. Bumble hangs on 000000: none is better."""
        return await self._passkey() or None


class HciRadio:
    """Bumble's host on one transport, given to bleak as its backend."""

    def __init__(self, transport: str, state_dir: Path, passkey: Passkey | None = None) -> None:
        self._name = transport
        self._passkey = passkey
        self._state_dir = state_dir
        self._transport: Any = None
        self._device: Any = None

    async def open(self) -> None:
        """Open the transport and power the controller on."""
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                self._transport = await open_transport(self._name)
                self._device = self._make_device()
                await self._device.power_on()
        except _FOREIGN as error:
            await self.close()
            raise RadioUnavailable(f"radio hci:{self._name}: {error or 'no answer'}") from error

    async def close(self) -> None:
        """Close the transport; the controller ends what it was doing."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await transport.close()
        except _FOREIGN as error:
            logging.getLogger(__name__).debug("closing hci:%s: %s", self._name, error)

    async def wait_lost(self) -> None:
        """Return when the transport has ended."""
        await asyncio.shield(self._transport.source.terminated)

    async def power_cycle(self) -> None:
        """Nothing more: opening it has reset the controller."""

    async def forget_services(self, device: BLEDevice) -> None:
        """Nothing is remembered: services are discovered anew on every link."""

    def scanner(self, seen: Seen, service_uuids: list[str] | None) -> BleakScanner:
        """See ``Radio.scanner``."""
        return BleakScanner(seen, service_uuids, backend=HciScanner, device=self._device)

    def client(self, device: BLEDevice, lost: Callable[[BleakClient], None]) -> BleakClient:
        """See ``Radio.client``."""
        return BleakClient(
            device, lost, timeout=CONNECT_SECONDS, backend=HciClient, device=self._device
        )

    def _make_device(self) -> Any:  # noqa: ANN401 - Bumble is not typed for us
        address = self._address()
        config = DeviceConfiguration(name="Vicino", address=address)
        device = Device.from_config_with_hci(config, self._transport.source, self._transport.sink)
        device.keystore = JsonKeyStore(str(address), str(self._state_dir / "bonds.json"))
        passkey = self._passkey
        delegate = PairingDelegate() if passkey is None else _Asking(passkey)
        device.pairing_config_factory = lambda _connection: PairingConfig(
            sc=True, mitm=passkey is not None, bonding=True, delegate=delegate
        )
        return device

    def _address(self) -> Any:  # noqa: ANN401 - Bumble is not typed for us
        """Return the static random address of this box: peripherals bond with it."""
        self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._state_dir / "radio-address"
        if not path.exists():
            path.write_text(str(Address.generate_static_address()), encoding="ascii")
        return Address(path.read_text(encoding="ascii").strip())
