"""One link to one peripheral: connect, bond, subscribe, write, hear, always disconnect."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_str

from gateway.ble.radio import Radio
from gateway.ble.translation import FOREIGN
from gateway.errors import DeviceUnavailable, RadioUnavailable, ServicesUnavailable

_log = logging.getLogger(__name__)
_CONNECT_SECONDS_MAX: Final = 60.0  # with discovery, and pairing where it is needed
STEP_SECONDS: Final = 10.0
_DISCONNECT_SECONDS: Final = 5.0
_BATTERY_LEVEL: Final = "2a19"
_WHOLE: Final = 100
_SIG: Final = "00001000800000805f9b34fb"

Notified = tuple[str, bytes]


class Link:
    """UUIDs are written as profiles write them. bleak's errors are the caller's to translate."""

    def __init__(self, radio: Radio, device: BLEDevice, address: str) -> None:
        self._radio, self._device, self._address = radio, device, address
        self._arrived: asyncio.Queue[Notified | None] = asyncio.Queue()
        self._client = radio.client(device, lambda _client: self._arrived.put_nowait(None))

    async def open(self, *, bond: bool) -> None:
        """Connect, and pair where ``bond`` asks for it and there is no bond yet.

        A peer that lost its half of a bond refuses: it must be paired by hand.
        """
        async with asyncio.timeout(_CONNECT_SECONDS_MAX):
            await self._client.connect()
            self._begin()
            if bond:
                try:
                    await self._client.pair()
                except BleakError as error:
                    reason = f"cannot bond (by hand: vicino-gateway pair): {error}"
                    raise self.unavailable(reason) from error

    def _begin(self) -> None:
        """Begin with an empty queue: bleak tells the ends of the tries that it repeats, too."""
        while not self._arrived.empty():
            self._arrived.get_nowait()
        if not self._client.is_connected:
            self._arrived.put_nowait(None)

    async def forget_bond(self) -> None:
        """Forget a bond of which the peer may know nothing: the next pairing is a new one."""
        with suppress(*FOREIGN):
            await self._client.unpair()

    def characteristics(self) -> dict[str, tuple[str, ...]]:
        """Return what can be done with each characteristic, in the words of bleak."""
        return {
            as_profiles_write(one.uuid): tuple(sorted(one.properties))
            for service in self._client.services
            for one in service.characteristics
        }

    def has(self, uuid: str) -> bool:
        """Tell whether the peripheral has that characteristic."""
        return self._find(uuid) is not None

    async def listen(self, uuid: str) -> None:
        """Subscribe to a characteristic that it has."""

        def arrived(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            self._arrived.put_nowait((uuid, bytes(value)))

        async with asyncio.timeout(STEP_SECONDS):
            await self._client.start_notify(self._found(uuid), arrived)

    async def write(self, uuid: str, value: bytes) -> None:
        """Write, with a response where the characteristic gives one."""
        found = self._found(uuid)
        async with asyncio.timeout(STEP_SECONDS):
            with_response = "write" in found.properties
            await self._client.write_gatt_char(found, value, response=with_response)

    async def next(self) -> Notified | None:
        """Wait for what comes next; None: the link has ended."""
        return await self._arrived.get()

    @property
    def is_silent(self) -> bool:
        """Whether everything that came was taken."""
        return self._arrived.empty()

    async def battery(self) -> int | None:
        """Read the battery in %, if it has one."""
        value = await self.read(_BATTERY_LEVEL)
        return value[0] if value and value[0] <= _WHOLE else None

    async def read(self, uuid: str) -> bytes | None:
        """Read what it has, if it is still there and lets itself be read; never worth an error."""
        found = self._find(uuid) if self._client.is_connected else None
        if found is None or "read" not in found.properties:
            return None
        try:
            async with asyncio.timeout(STEP_SECONDS):
                return bytes(await self._client.read_gatt_char(found))
        except FOREIGN:
            return None

    async def close(self) -> None:
        """Disconnect whatever happened: a link that is left open fills one of the adapter's slots.

        Raises ``RadioUnavailable`` when that does not end: opening the radio anew frees the slot.
        """
        try:
            async with asyncio.timeout(_DISCONNECT_SECONDS):
                await self._client.disconnect()
        except TimeoutError as error:
            reason = f"radio: the link to {self._address} does not end"
            raise RadioUnavailable(reason) from error
        except FOREIGN as error:
            _log.warning("device %s: disconnecting: %s", self._address, error)

    async def forget_services(self) -> None:
        """Let nothing that is remembered of the peer's services stand for those that it has."""
        with suppress(RadioUnavailable):
            await self._radio.forget_services(self._device)

    def unavailable(self, reason: str) -> DeviceUnavailable:
        """Make an error about this device."""
        return DeviceUnavailable(f"device {self._address}: {reason}")

    def _found(self, uuid: str) -> BleakGATTCharacteristic:
        found = self._find(uuid)
        if found is None:
            raise ServicesUnavailable(f"device {self._address}: has no {uuid}")
        return found

    def _find(self, uuid: str) -> BleakGATTCharacteristic | None:
        wanted = normalize_uuid_str(uuid)
        for service in self._client.services:
            for characteristic in service.characteristics:
                if characteristic.uuid == wanted:
                    return characteristic
        return None


def as_profiles_write(uuid: str) -> str:
    """Write a UUID of bleak's in 4 digits where it is the SIG's, else in 32."""
    digits = uuid.replace("-", "")
    return digits[4:8] if digits.startswith("0000") and digits.endswith(_SIG) else digits
