"""One session with one peripheral: connect, subscribe, take what comes, always disconnect.

What a delivery says is stored (``deliver`` returns) before the session decides anything: the next
step of the memory read-out (see ``records`` and ``omron``), or the disconnection. The Bluetooth
stack confirms an indication by itself, before we have seen it; where a device has a memory, reading
it again closes that gap.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bleak.exc import BleakError

from contract.messages import Origin
from contract.profiles import Memory, Profile
from gateway.ble.device_clock import (
    LocalTime,
    Shown,
    clock_characteristic,
    clock_shown,
    clock_write,
)
from gateway.ble.joiner import Arrival, Joiner
from gateway.ble.link import STEP_SECONDS, Link, Notified
from gateway.ble.omron import OmronMemory
from gateway.ble.outcome import Deliver, Ended, Kept, Outcome
from gateway.ble.pace import Pace
from gateway.ble.radio import Radio
from gateway.ble.readout import CONTROL, Readout
from gateway.ble.records import LastRecord
from gateway.ble.scanner import Sighting
from gateway.ble.translation import device_errors
from gateway.errors import DeviceUnavailable, ServicesUnavailable

_log = logging.getLogger(__name__)
IDLE_SECONDS: Final = 10.0  # a cuff sends at once after the subscription, or not at all
SESSION_SECONDS_MAX: Final = 120.0  # other devices wait meanwhile
STREAM_SECONDS_MAX: Final = 20.0  # a strap never stops by itself
_MEMORY_SECONDS_MAX: Final = 240.0  # two hundred slots, one after the other


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
        self._sighting, self._profile = sighting, sighting.profile
        self._deliver, self._last = deliver, last
        self._local_time, self._key = local_time, key
        self._link = Link(radio, sighting.device, sighting.address)
        self._joiner, self._pace = Joiner(sighting.profile), Pace(sighting.profile)
        self._readout: Readout | None = None
        self._clock: Shown | None = None
        self._news = 0

    async def run(self) -> Outcome:
        """Run to the end. Raises ``DeviceUnavailable`` when it could not be had.

        One whose services are not those that it must have is discovered anew the next time.
        """
        try:
            return await self._run()
        except ServicesUnavailable:
            await self._link.forget_services()
            raise

    async def _run(self) -> Outcome:
        with device_errors(self._sighting.address):
            try:
                await self._link.open(bond=self._profile.bond)
                await self._read_clock()
                await self._set_clock()
                ended = await self._hold(self._profile)
                last = self._readout.last if self._readout else None
                return Outcome(self._news, ended, await self._link.battery(), last)
            finally:
                await self._link.close()

    async def forget_bond(self) -> None:
        """Forget what bond there may be: a device that is paired by hand has begun anew."""
        await self._link.forget_bond()

    async def pair(self) -> None:
        """Make the device this box's: bond, give it the key, set its clock; take no measurement.

        Raises ``DeviceUnavailable``, and then has forgotten a bond of which the peer knows nothing.
        """
        with device_errors(self._sighting.address):
            try:
                try:
                    await self._link.open(bond=True)
                except DeviceUnavailable:
                    await self._link.forget_bond()
                    raise
                if self._profile.memory is not None:
                    await OmronMemory(self._link).give_key(self._key)
                await self._set_clock()
            finally:
                await self._link.close()

    async def _read_clock(self) -> None:
        """Note what its clock shows before it is set: what it keeps has the times of that clock."""
        place = clock_characteristic(self._profile)
        value = await self._link.read(place) if place is not None else None
        shown = clock_shown(self._profile, value) if value is not None else None
        if shown is not None:
            self._clock = Shown(shown, asyncio.get_running_loop().time())

    async def _set_clock(self) -> None:
        """Set its clock if the profile says how; a device that refuses is read all the same."""
        write = clock_write(self._profile, self._local_time)
        if write is None or not self._link.has(write[0]):
            return
        try:
            await self._link.write(*write)
        except BleakError as error:
            _log.warning("device %s: its clock is not set: %s", self._sighting.address, error)

    async def _hold(self, profile: Profile) -> Ended:
        if profile.memory is not None:
            return await self._read_memory(profile.memory)
        is_stream = await self._subscribe()
        for start in profile.start:
            await self._link.write(start.characteristic_uuid, bytes.fromhex(start.value))
        if profile.record_access:
            self._readout = Readout(self._link, self._last)
            await self._readout.begin()
        elif is_stream:
            return await self._take(STREAM_SECONDS_MAX)
        return await self._take(SESSION_SECONDS_MAX)

    async def _read_memory(self, memory: Memory) -> Ended:
        """Read a memory by its addresses; every slot is stored before the next is asked for."""
        (source,) = self._profile.measurement
        async with asyncio.timeout(_MEMORY_SECONDS_MAX):
            async for slot in OmronMemory(self._link).slots(memory, self._key):
                arrival = Arrival(source.characteristic_uuid, slot.raw, user=slot.user)
                await self._store(arrival, "device-memory")
        return Ended.READ

    async def _subscribe(self) -> bool:
        """Subscribe to what the profile names and the device has; tell whether all is notified."""
        # A device may speak at once: what belongs to another value is subscribed to before it.
        sources = sorted(self._profile.measurement, key=lambda one: one.beside is None)
        found = [source for source in sources if self._link.has(source.characteristic_uuid)]
        if not found:
            address, name = self._sighting.address, self._sighting.profile_name
            reason = f"device {address}: has none of the characteristics of {name}"
            raise ServicesUnavailable(reason)
        for source in found:
            await self._link.listen(source.characteristic_uuid)
        return all(source.delivery == "notify" for source in found)

    async def _take(self, seconds_max: float) -> Ended:
        """Take what arrives until the peer ends, is idle, or its time is over."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds_max
        while True:
            wait = min(IDLE_SECONDS, ends_at - loop.time())
            if wait <= 0 and self._link.is_silent:
                return await self._give_up(Ended.BY_LIMIT)
            try:
                async with asyncio.timeout(max(wait, 0.0)):
                    arrived = await self._link.next()
            except TimeoutError:
                is_over = loop.time() >= ends_at
                return await self._give_up(Ended.BY_LIMIT if is_over else Ended.IDLE)
            if arrived is None:
                await self._store_rest()
                return Ended.BY_PEER
            if await self._took(arrived):
                return Ended.READ

    async def _took(self, arrived: Notified) -> bool:
        """Take one delivery, or an answer of the control point; True when all records came."""
        if self._readout is not None and arrived[0] == CONTROL:
            for arrival in self._joiner.rest():
                await self._store(arrival)
            return await self._readout.answered(arrived[1])
        for arrival in self._joiner.arrived(*arrived):
            if self._pace.allows(arrival.characteristic, asyncio.get_running_loop().time()):
                await self._store(arrival)
        return False

    async def _store(self, arrival: Arrival, origin: Origin = "device") -> None:
        if self._clock is not None:
            now = self._clock.then(asyncio.get_running_loop().time())
            arrival = replace(arrival, device_now=now)
        kept = await self._deliver(arrival, "device-memory" if self._readout else origin)
        self._news += kept is not Kept.KNOWN
        if self._readout is not None:
            self._readout.took(arrival, is_on_disk=kept is not Kept.WAITS)

    async def _store_rest(self) -> None:
        """Store what waited for its other half; not what a memory is asked for once more."""
        for arrival in self._joiner.rest() if self._readout is None else ():
            await self._store(arrival)

    async def _give_up(self, ended: Ended) -> Ended:
        """End a read-out that came to no end: it is aborted, and what still comes is taken."""
        if self._readout is None:
            await self._store_rest()
            return ended
        await self._readout.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(STEP_SECONDS):
                while (arrived := await self._link.next()) is not None and arrived[0] != CONTROL:
                    await self._took(arrived)
        if ended is Ended.IDLE:
            raise self._link.unavailable("record access: no answer")
        return ended
