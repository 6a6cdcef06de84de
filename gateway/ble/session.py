"""One session with one peripheral: connect, subscribe, take what comes, always disconnect.

What a delivery says is stored (``deliver`` returns) before the session decides anything: the next
step of the memory read-out, or the disconnection. The Bluetooth stack confirms an indication by
itself, before we have seen it; where a device has a memory, reading it again closes that gap.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.uuids import normalize_uuid_str

from contract.messages import Origin
from contract.profiles import Profile, Source
from gateway.ble.radio import Radio
from gateway.ble.scanner import Sighting
from gateway.ble.translation import FOREIGN, device_errors
from gateway.errors import DeviceUnavailable

_log = logging.getLogger(__name__)
IDLE_SECONDS: Final = 10.0  # a cuff sends at once after the subscription, or not at all
SESSION_SECONDS_MAX: Final = 120.0  # other devices wait meanwhile
STREAM_SECONDS_MAX: Final = 20.0  # a strap never stops by itself
_CONNECT_SECONDS_MAX: Final = 60.0  # with discovery, and pairing where it is needed
_STEP_SECONDS: Final = 10.0
_DISCONNECT_SECONDS: Final = 5.0
_RECORD_ACCESS: Final = normalize_uuid_str("2a52")
_BATTERY_LEVEL: Final = normalize_uuid_str("2a19")
# Glucose Service 1.0.1, "Record Access Control Point": report stored records, all records.
_REPORT_ALL: Final = bytes((0x01, 0x01))
_RESPONSE: Final = 0x06

Deliver = Callable[[str, bytes, Origin], Awaitable[None]]


class Ended(Enum):
    """Why a session ended."""

    BY_PEER = auto()
    """The peripheral disconnected: it has nothing more to say."""
    IDLE = auto()
    """Nothing came for a while."""
    BY_LIMIT = auto()
    """It was still talking when its time was over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session gave: how many deliveries, why it ended, the battery in % if it said so."""

    deliveries: int
    ended: Ended
    battery: int | None


class Session:
    """A session with the peripheral of one sighting."""

    def __init__(self, radio: Radio, sighting: Sighting, deliver: Deliver) -> None:
        self._sighting = sighting
        self._profile: Profile = sighting.profile
        self._deliver = deliver
        self._arrived: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._reported = asyncio.Event()
        self._origin: Origin = "device"
        self._deliveries = 0
        self._seconds_max = SESSION_SECONDS_MAX
        self._client = radio.client(sighting.device, lambda _client: self._arrived.put_nowait(None))

    async def run(self) -> Outcome:
        """Run to the end. Raises ``DeviceUnavailable`` when it could not be had."""
        with device_errors(self._sighting.address):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS_MAX):
                    await self._client.connect()
                await self._subscribe()
                ended = await self._take()
                return Outcome(self._deliveries, ended, await self._battery())
            finally:
                await self._disconnect()

    async def _subscribe(self) -> None:
        found: list[Source] = []
        for source in self._profile.measurement:
            characteristic = self._find(normalize_uuid_str(source.characteristic_uuid))
            if characteristic is not None:
                found.append(source)
                await self._listen(characteristic, source)
        if not found:
            raise DeviceUnavailable(
                f"device {self._sighting.address}: has none of the characteristics of "
                f"{self._sighting.profile_name}"
            )
        if self._profile.record_access:
            await self._ask_for_records()
        elif all(source.delivery == "notify" for source in found):
            self._seconds_max = STREAM_SECONDS_MAX

    async def _listen(self, characteristic: BleakGATTCharacteristic, source: Source) -> None:
        def arrived(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            self._arrived.put_nowait((source.characteristic_uuid, bytes(value)))

        async with asyncio.timeout(_STEP_SECONDS):
            await self._client.start_notify(characteristic, arrived)

    async def _ask_for_records(self) -> None:
        """Have the device send its whole memory; what we had before drops out by content id."""
        control = self._find(_RECORD_ACCESS)
        if control is None:
            raise DeviceUnavailable(f"device {self._sighting.address}: has no 0x2A52")

        def answered(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            if value[:1] == bytes((_RESPONSE,)):
                self._reported.set()
                self._arrived.put_nowait(None)

        async with asyncio.timeout(_STEP_SECONDS):
            await self._client.start_notify(control, answered)
            self._origin = "device-memory"
            await self._client.write_gatt_char(control, _REPORT_ALL, response=True)

    async def _take(self) -> Ended:
        """Deliver what arrives until the peer ends, is idle, or its time is over."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._seconds_max
        while True:
            wait = min(IDLE_SECONDS, ends_at - loop.time())
            if wait <= 0 and self._arrived.empty():
                return Ended.BY_LIMIT
            try:
                async with asyncio.timeout(max(wait, 0.0)):
                    arrived = await self._arrived.get()
            except TimeoutError:
                return Ended.BY_LIMIT if loop.time() >= ends_at else Ended.IDLE
            if arrived is None:
                return Ended.IDLE if self._reported.is_set() else Ended.BY_PEER
            await self._deliver(*arrived, self._origin)
            self._deliveries += 1

    def _find(self, uuid: str) -> BleakGATTCharacteristic | None:
        for service in self._client.services:
            for characteristic in service.characteristics:
                if characteristic.uuid == uuid:
                    return characteristic
        return None

    async def _battery(self) -> int | None:
        """Read the battery if the peer is still there and has one; never worth an error."""
        characteristic = self._find(_BATTERY_LEVEL) if self._client.is_connected else None
        if characteristic is None:
            return None
        try:
            async with asyncio.timeout(_STEP_SECONDS):
                value = await self._client.read_gatt_char(characteristic)
        except FOREIGN:
            return None
        return value[0] if value and value[0] <= 100 else None

    async def _disconnect(self) -> None:
        """Disconnect whatever happened: a link that is left open blocks the adapter's slots."""
        try:
            async with asyncio.timeout(_DISCONNECT_SECONDS):
                await self._client.disconnect()
        except FOREIGN as error:
            _log.warning("device %s: disconnecting: %s", self._sighting.address, error)
