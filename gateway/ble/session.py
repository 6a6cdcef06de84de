"""One session with one peripheral: connect, subscribe, take what comes, always disconnect.

What a delivery says is stored (``deliver`` returns) before the session decides anything: the next
step of the memory read-out (see ``records``), or the disconnection. The Bluetooth stack confirms
an indication by itself, before we have seen it; where a device has a memory, reading it again
closes that gap.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_str

from contract.messages import Origin
from contract.profiles import Memory, Profile, Source
from gateway.ble.clock_setting import LocalTime, clock_write
from gateway.ble.joiner import Arrival, Joiner
from gateway.ble.omron import CHANNELS_IN, UNLOCK, OmronLink
from gateway.ble.pace import Pace
from gateway.ble.radio import Radio
from gateway.ble.records import LastRecord, Reading, Step
from gateway.ble.scanner import Sighting
from gateway.ble.translation import FOREIGN, device_errors
from gateway.codecs import record_access
from gateway.errors import DecodeError, DeviceUnavailable

_log = logging.getLogger(__name__)
IDLE_SECONDS: Final = 10.0  # a cuff sends at once after the subscription, or not at all
SESSION_SECONDS_MAX: Final = 120.0  # other devices wait meanwhile
STREAM_SECONDS_MAX: Final = 20.0  # a strap never stops by itself
_CONNECT_SECONDS_MAX: Final = 60.0  # with discovery, and pairing where it is needed
_STEP_SECONDS: Final = 10.0
_DISCONNECT_SECONDS: Final = 5.0
_RECORD_ACCESS: Final = "2a52"
_BATTERY_LEVEL: Final = normalize_uuid_str("2a19")


class Kept(Enum):
    """What became of a delivery."""

    STORED = auto()
    """It is news, and on our disk."""
    KNOWN = auto()
    """It was stored before."""
    WAITS = auto()
    """It waits in memory: the disk takes nothing now."""


Deliver = Callable[[Arrival, Origin], Awaitable[Kept]]


class Ended(Enum):
    """Why a session ended."""

    BY_PEER = auto()
    """The peripheral disconnected: it has nothing more to say, or the link was lost."""
    READ = auto()
    """Its memory was read to the end."""
    IDLE = auto()
    """Nothing came for a while."""
    BY_LIMIT = auto()
    """It was still talking when its time was over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session gave: how much news, why it ended, the battery in % if it said so.

    ``last`` is from where its memory is to be read the next time; None: all of it.
    """

    news: int
    ended: Ended
    battery: int | None
    last: LastRecord | None = None


class Session:
    """A session with the peripheral of one sighting."""

    def __init__(
        self,
        radio: Radio,
        sighting: Sighting,
        deliver: Deliver,
        last: LastRecord | None = None,
        local_time: LocalTime = lambda: None,
        key: bytes = b"",
    ) -> None:
        """``last`` is what an earlier session's outcome said of the device's memory.

        ``key`` is this box's own, for devices that let themselves be read with one only.
        """
        self._sighting = sighting
        self._profile: Profile = sighting.profile
        self._deliver = deliver
        self._last = last
        self._local_time, self._key = local_time, key
        self._arrived: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._joiner = Joiner(sighting.profile)
        self._pace = Pace(sighting.profile)
        self._reading: Reading | None = None
        self._news = 0
        self._seconds_max = SESSION_SECONDS_MAX
        self._client = radio.client(sighting.device, lambda _client: self._arrived.put_nowait(None))

    async def run(self) -> Outcome:
        """Run to the end. Raises ``DeviceUnavailable`` when it could not be had."""
        with device_errors(self._sighting.address):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS_MAX):
                    await self._client.connect()
                    if self._profile.bond:
                        await self._bond()
                await self._set_clock()
                if self._profile.memory is not None:
                    ended = await self._read_memory(self._profile.memory)
                else:
                    await self._subscribe()
                    ended = await self._take()
                last = self._reading.last if self._reading else None
                return Outcome(self._news, ended, await self._battery(), last)
            finally:
                await self._disconnect()

    async def pair(self) -> None:
        """Make the device this box's: bond, give it the key, set its clock; take no measurement.

        Raises ``DeviceUnavailable``, and then has forgotten a bond of which the peer knows nothing.
        """
        with device_errors(self._sighting.address):
            try:
                async with asyncio.timeout(_CONNECT_SECONDS_MAX):
                    await self._client.connect()
                    await self._bond_anew()
                if self._profile.memory is not None:
                    await self._give_key()
                await self._set_clock()
            finally:
                await self._disconnect()

    async def _bond_anew(self) -> None:
        try:
            await self._client.pair()
        except BleakError as error:
            with suppress(BleakError):
                await self._client.unpair()
            raise self._unavailable(f"cannot bond: {error}") from error

    async def _bond(self) -> None:
        """Pair where there is no bond yet. A peer that lost its half refuses: say what to do."""
        try:
            await self._client.pair()
        except BleakError as error:
            raise self._unavailable(f"cannot bond, pair it anew: {error}") from error

    async def _set_clock(self) -> None:
        """Set its clock if the profile says how; a device that refuses is read all the same."""
        write = clock_write(self._profile, self._local_time)
        if write is None or self._find(normalize_uuid_str(write[0])) is None:
            return
        try:
            await self._write(*write)
        except BleakError as error:
            _log.warning("device %s: its clock is not set: %s", self._sighting.address, error)

    async def _subscribe(self) -> None:
        found: list[Source] = []
        # A device may speak at once: what belongs to another value is subscribed to before it.
        for source in sorted(self._profile.measurement, key=lambda one: one.beside is None):
            characteristic = self._find(normalize_uuid_str(source.characteristic_uuid))
            if characteristic is not None:
                found.append(source)
                await self._listen(characteristic, source.characteristic_uuid)
        if not found:
            raise self._unavailable(
                f"has none of the characteristics of {self._sighting.profile_name}"
            )
        for start in self._profile.start:
            await self._write(start.characteristic_uuid, bytes.fromhex(start.value))
        if self._profile.record_access:
            await self._ask_for_records()
        elif all(source.delivery == "notify" for source in found):
            self._seconds_max = STREAM_SECONDS_MAX

    async def _listen(self, characteristic: BleakGATTCharacteristic, uuid: str) -> None:
        def arrived(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            self._arrived.put_nowait((uuid, bytes(value)))

        async with asyncio.timeout(_STEP_SECONDS):
            await self._client.start_notify(characteristic, arrived)

    async def _ask_for_records(self) -> None:
        control = self._find(normalize_uuid_str(_RECORD_ACCESS))
        if control is None:
            raise self._unavailable("has no 0x2A52")
        await self._listen(control, _RECORD_ACCESS)
        self._reading = Reading(self._last, asyncio.get_running_loop().time())
        await self._write(_RECORD_ACCESS, self._reading.request)

    async def _write(self, uuid: str, value: bytes) -> None:
        found = self._find(normalize_uuid_str(uuid))
        if found is None:
            raise self._unavailable(f"has no {uuid} to write to")
        async with asyncio.timeout(_STEP_SECONDS):
            with_response = "write" in found.properties
            await self._client.write_gatt_char(found, value, response=with_response)

    async def _read_memory(self, memory: Memory) -> Ended:
        """Read a memory by its addresses; every slot is stored before the next is asked for."""
        (source,) = self._profile.measurement
        link = await self._omron_link()
        try:
            await link.unlock(self._key)
            async for slot in link.slots(memory):
                arrival = Arrival(source.characteristic_uuid, slot.raw, user=slot.user)
                await self._store(arrival, "device-memory")
        except DeviceUnavailable as error:
            raise self._unavailable(str(error)) from error
        return Ended.READ

    async def _give_key(self) -> None:
        link = await self._omron_link()
        try:
            await link.give_key(self._key)
        except DeviceUnavailable as error:
            raise self._unavailable(str(error)) from error

    async def _omron_link(self) -> OmronLink:
        """Subscribe to all that a cuff answers on."""
        for uuid in (UNLOCK, *CHANNELS_IN):
            characteristic = self._find(normalize_uuid_str(uuid))
            if characteristic is None:
                raise self._unavailable(f"has no {uuid}")
            await self._listen(characteristic, uuid)
        return OmronLink(self._write, self._next)

    async def _next(self) -> tuple[str, bytes]:
        arrived = await self._arrived.get()
        if arrived is None:
            raise DeviceUnavailable("the link was lost")
        return arrived

    async def _take(self) -> Ended:
        """Take what arrives until the peer ends, is idle, or its time is over."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._seconds_max
        while True:
            wait = min(IDLE_SECONDS, ends_at - loop.time())
            if wait <= 0 and self._arrived.empty():
                return await self._give_up(Ended.BY_LIMIT)
            try:
                async with asyncio.timeout(max(wait, 0.0)):
                    arrived = await self._arrived.get()
            except TimeoutError:
                is_over = loop.time() >= ends_at
                return await self._give_up(Ended.BY_LIMIT if is_over else Ended.IDLE)
            if arrived is None:
                await self._store_rest()
                return Ended.BY_PEER
            if await self._took(*arrived):
                return Ended.READ

    async def _took(self, uuid: str, value: bytes) -> bool:
        """Take one delivery, or an answer of the control point; True when all records came."""
        if self._reading is not None and uuid == _RECORD_ACCESS:
            return await self._answered(self._reading, value)
        for arrival in self._joiner.arrived(uuid, value):
            if self._pace.allows(arrival.characteristic, asyncio.get_running_loop().time()):
                await self._store(arrival)
        return False

    async def _store(self, arrival: Arrival, origin: Origin = "device") -> None:
        kept = await self._deliver(arrival, "device-memory" if self._reading else origin)
        self._news += kept is not Kept.KNOWN
        if self._reading is not None:
            is_on_disk = kept is not Kept.WAITS
            self._reading.took(arrival.number, arrival.raw, is_on_disk=is_on_disk)

    async def _store_rest(self) -> None:
        """Store what waited for its other half; not what a memory is asked for once more."""
        for arrival in self._joiner.rest() if self._reading is None else ():
            await self._store(arrival)

    async def _answered(self, reading: Reading, value: bytes) -> bool:
        for arrival in self._joiner.rest():
            await self._store(arrival)
        try:
            step = reading.answered(value)
        except DecodeError as error:
            raise self._unavailable(f"record access: {error}") from error
        if step is Step.FAILED:
            raise self._unavailable(f"record access: answered {value.hex()}")
        if step is Step.ASK_WHOLE:
            await self._write(_RECORD_ACCESS, reading.request)
        return step is Step.ENDED

    async def _give_up(self, ended: Ended) -> Ended:
        """End a read-out that came to no end: it is aborted, and what still comes is taken."""
        if self._reading is None:
            await self._store_rest()
            return ended
        await self._write(_RECORD_ACCESS, record_access.ABORT)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STEP_SECONDS):
                while (arrived := await self._arrived.get()) is not None:
                    if arrived[0] == _RECORD_ACCESS:
                        break
                    await self._took(*arrived)
        if ended is Ended.IDLE:
            raise self._unavailable("record access: no answer")
        return ended

    def _unavailable(self, reason: str) -> DeviceUnavailable:
        return DeviceUnavailable(f"device {self._sighting.address}: {reason}")

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
