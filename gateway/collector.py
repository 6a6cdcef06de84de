"""Goes round the devices: scans without pause, one session at a time; one stops no other."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from contract.messages import Origin
from contract.profiles import Profile
from gateway.ble import (
    Arrival,
    Broadcasts,
    Ended,
    Kept,
    LastRecord,
    Radio,
    Session,
    Sighting,
    broadcasts,
    scan,
    within,
)
from gateway.clock import Moment
from gateway.errors import DeviceUnavailable, OutboxUnavailable, RadioUnavailable
from gateway.observe import Delivery, measure
from gateway.outbox import Make, OutboxThread
from gateway.supervision import Loop

_log = logging.getLogger(__name__)
_RADIO_RETRY_SECONDS: Final = (1.0, 60.0)
# No longer than this: many devices advertise for half a minute after a measurement.
_DEVICE_RETRY_SECONDS: Final = (4.0, 30.0)
_AGAIN_SECONDS: Final = 1.0  # it said all it had; its next measurement is news
_NOTHING_SAID_AGAIN_SECONDS: Final = 10.0  # some advertise whether they have news or not
_STILL_TALKING_AGAIN_SECONDS: Final = 60.0  # a stream: the others come first
_WAITING_MAX: Final = 64
_REMEMBERED_MAX: Final = 1000
_OUTBOX_RETRY_SECONDS: Final = 5.0
# A radio that is started anew is away for moments: nobody need be called for that.
_DEAF_SECONDS: Final = 60.0
# What opening or closing a radio, and serving one device, take at the very most.
_RADIO_SECONDS_MAX: Final = 90.0
_SESSION_SECONDS_MAX: Final = 400.0
_SERVE_SECONDS_MAX: Final = 420.0
# No advertisement from anybody: a stuck adapter looks like this, and so does a quiet home.
_SILENCE_SECONDS: Final = 300.0


class Collector:
    """Collects from every allowed device in reach into the outbox."""

    def __init__(
        self,
        *,
        gateway: str,
        radio: Radio,
        profiles: Mapping[str, Profile],
        devices: Sequence[str],
        outbox: OutboxThread,
        moment: Callable[[], Moment],
        stored: Callable[[], None],
        models: Mapping[str, str] | None = None,
        key: bytes = b"",
        zone: ZoneInfo | None = None,
    ) -> None:
        """``models`` names the profile of devices whose advertisement does not tell it.

        ``key`` is this box's own, see ``Session``. ``zone`` is the home's: devices keep its time.
        """
        self._models, self._key, self._zone = models or {}, key, zone
        self._gateway, self._radio, self._profiles = gateway, radio, profiles
        self._allowed = frozenset(devices)
        self._outbox, self._moment, self._stored = outbox, moment, stored
        self._waiting: dict[str, Sighting] = {}
        self._served: dict[str, None] = {}  # the latest last
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        # In memory only: after a restart a device's memory is read whole, which is always right.
        self._last_records: dict[tuple[str, str], LastRecord | None] = {}
        self._unkept: deque[Make] = deque()
        self._broadcasts = Broadcasts()
        self._broadcast: asyncio.Queue[tuple[Sighting, Arrival]] = asyncio.Queue()
        self._seen = asyncio.Event()
        self._heard_at = time.monotonic()
        self.batteries: dict[str, int] = {}
        self.radio_state = "starting"
        self.radio_restarts = 0
        self.loop = Loop("collector")
        self._radio_worked_at = time.monotonic()

    @property
    def is_deaf(self) -> bool:
        """Tell whether the radio has not worked for so long that somebody must know."""
        return time.monotonic() - self._radio_worked_at > _DEAF_SECONDS and not self._scans

    @property
    def is_full(self) -> bool:
        """Tell whether something was taken that the outbox does not keep."""
        return bool(self._unkept)

    @property
    def is_well(self) -> bool:
        """Tell whether the radio scans, and the outbox takes what comes."""
        return self._scans and not self.is_full

    @property
    def _scans(self) -> bool:
        return self.radio_state == "scanning"

    async def run(self) -> None:
        """Run until cancelled. A radio that is missing is waited for, however long."""
        keeping = asyncio.create_task(self._go_on_keeping())
        try:
            await self._go_on_collecting()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _go_on_keeping(self) -> None:
        """Try again to keep what waits in memory, whoever speaks or not."""
        while True:
            await asyncio.sleep(_OUTBOX_RETRY_SECONDS)
            with suppress(OutboxUnavailable):
                while self._unkept:
                    await self._store_oldest()

    async def _go_on_collecting(self) -> None:
        retry_least, retry_most = _RADIO_RETRY_SECONDS
        retry = retry_least
        while True:
            self.loop.goes_on_within(_RADIO_SECONDS_MAX)
            try:
                await self._collect()
                retry = retry_least
            except RadioUnavailable as error:
                self._radio_is_missing(str(error))
                self.radio_restarts += 1
            self.loop.goes_on_within(retry + _RADIO_SECONDS_MAX)
            await asyncio.sleep(retry)
            retry = min(retry * 2, retry_most)

    async def _collect(self) -> None:
        """Scan and go round until the radio fails or seems to be stuck."""
        try:
            await self._radio.open()
            self._heard_at = time.monotonic()
            async with scan(
                self._radio, self._profiles, self._on_sighting, self._on_heard, self._models
            ):
                if self.radio_state != "scanning":
                    _log.info("scanning")
                self.radio_state = "scanning"
                await self._first_of(
                    self._radio.wait_lost(), self._go_round(), self._take_broadcasts()
                )
        finally:
            await self._radio.close()
        raise RadioUnavailable("radio: gone")

    async def _first_of(self, *awaitables: Awaitable[None]) -> None:
        tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _go_round(self) -> None:
        """Serve sightings in turn; return when nothing at all was heard for long."""
        while time.monotonic() - self._heard_at < _SILENCE_SECONDS:
            self._seen.clear()
            while self._waiting:
                await self._keep()
                address = self._next()
                self.loop.goes_on_within(_SERVE_SECONDS_MAX)
                await self._serve(self._waiting.pop(address))
            self.loop.goes_on_within(_SILENCE_SECONDS + _RADIO_SECONDS_MAX)
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await self._seen.wait()
            except TimeoutError:
                continue
        _log.info("nothing was heard for %.0f s: starting the scan anew", _SILENCE_SECONDS)

    def _on_heard(self) -> None:
        self._heard_at = time.monotonic()

    def _on_sighting(self, sighting: Sighting) -> None:
        address = sighting.address
        if self._allowed and address not in self._allowed:
            return
        if broadcasts(sighting.profile):
            for arrival in self._broadcasts.heard(sighting, time.monotonic()):
                self._broadcast.put_nowait((sighting, arrival))
        elif time.monotonic() >= self._not_before.get(address, 0.0) and self._has_place(address):
            self._waiting[address] = sighting
            self._seen.set()

    def _has_place(self, address: str) -> bool:
        """Tell whether a device may wait. Anybody can advertise under a thousand addresses: who was
        served before always finds a place, strangers share the rest."""
        return (
            address in self._waiting or address in self._served or len(self._waiting) < _WAITING_MAX
        )

    def _next(self) -> str:
        """Choose whom to serve: who was served before goes first."""
        known = (address for address in self._waiting if address in self._served)
        return next(known, next(iter(self._waiting)))

    async def _take_broadcasts(self) -> None:
        """Store what was heard, also while another device is served."""
        while True:
            sighting, arrival = await self._broadcast.get()
            await self._deliver(sighting, arrival, "device")

    async def _serve(self, sighting: Sighting) -> None:
        """Hold one session and decide when the device may have the next."""
        address = sighting.address
        try:
            # A new epoch is a new file: what the old one held may be read from the device again.
            place = (await self._outbox.state()).epoch, address
            last = self._last_records.get(place)
            deliver = partial(self._deliver, sighting)
            session = Session(self._radio, sighting, deliver, last, self._local_time, self._key)
            outcome = await within(_SESSION_SECONDS_MAX, session.run())
        except (DeviceUnavailable, OutboxUnavailable) as error:
            self._device_failed(address, str(error))
        except TimeoutError:
            self._device_failed(address, f"device {address}: its session did not end in time")
        else:
            self._last_records[place] = outcome.last
            self._device_served(address, outcome.news, outcome.ended)
            if outcome.battery is not None:
                self.batteries[address] = outcome.battery

    def _local_time(self) -> datetime | None:
        """Return the time in the home; None where its zone or the time is not known."""
        moment = self._moment()
        if self._zone is None or moment.clock != "synchronised":
            return None
        return datetime.fromtimestamp(moment.wall_ms / 1000, self._zone).replace(tzinfo=None)

    def _device_served(self, address: str, news: int, ended: Ended) -> None:
        if self._failures.pop(address, 0):
            _log.info("device %s: is back", address)
        self._served.pop(address, None)
        self._served[address] = None
        if len(self._served) > _WAITING_MAX:
            del self._served[next(iter(self._served))]
        if news == 0:
            self._wait(address, _NOTHING_SAID_AGAIN_SECONDS)
            return
        _log.info("device %s: %d deliveries", address, news)
        talks = ended is Ended.BY_LIMIT
        self._wait(address, _STILL_TALKING_AGAIN_SECONDS if talks else _AGAIN_SECONDS)

    def _device_failed(self, address: str, reason: str) -> None:
        failures = self._failures.get(address, 0)
        if failures == 0:
            _log.warning("%s; trying again when it is seen", reason)
        self._failures[address] = failures + 1
        least, most = _DEVICE_RETRY_SECONDS
        self._wait(address, min(least * 2.0 ** min(failures, 10), most))

    def _wait(self, address: str, seconds: float) -> None:
        now = time.monotonic()
        if len(self._not_before) > _REMEMBERED_MAX:
            self._not_before = {a: at for a, at in self._not_before.items() if at > now}
            self._failures = {a: n for a, n in self._failures.items() if a in self._not_before}
        self._not_before[address] = now + seconds
        self._waiting.pop(address, None)

    async def _deliver(self, sighting: Sighting, arrival: Arrival, origin: Origin) -> Kept:
        """Store one delivery: on disk when this returns, unless the disk is full.

        Then it waits in memory, the rest of its session behind it, and nobody else is read until
        all of it is kept: the peripheral will not say it again.
        """
        moment = self._moment()
        delivery = Delivery(
            gateway=self._gateway,
            device=sighting.address,
            profile_name=sighting.profile_name,
            profile=sighting.profile,
            characteristic=arrival.characteristic,
            raw=arrival.raw,
            beside=arrival.beside,
            user=arrival.user,
            origin=origin,
            received_at=moment.wall_ms,
            monotonic_ms=moment.monotonic_ms,
            boot_id=moment.boot_id,
            clock=moment.clock,
        )
        self._unkept.append(partial(measure, delivery))
        if len(self._unkept) > 1:
            return Kept.WAITS
        try:
            return Kept.STORED if await self._store_oldest() else Kept.KNOWN
        except OutboxUnavailable as error:
            _log.error("%s; nothing more is read until there is room", error)
            return Kept.WAITS

    async def _keep(self) -> None:
        """Wait until everything that was taken is on disk."""
        while self._unkept:
            self.loop.goes_on_within(_SERVE_SECONDS_MAX)
            try:
                await self._store_oldest()
            except OutboxUnavailable:
                await asyncio.sleep(_OUTBOX_RETRY_SECONDS)
            else:
                _log.info("there is room again: kept what had waited")

    async def _store_oldest(self) -> bool:
        """Store it; tell whether it was news."""
        oldest = self._unkept.popleft()
        try:
            seq = await self._outbox.store(oldest)
        except OutboxUnavailable:
            self._unkept.appendleft(oldest)
            raise
        if seq is not None:
            _log.info("stored seq=%d", seq)
            self._stored()
        return seq is not None

    def _radio_is_missing(self, reason: str) -> None:
        if self._scans:
            self._radio_worked_at = time.monotonic()
        if self.radio_state != reason:
            _log.warning("%s; waiting for it", reason)
        self.radio_state = reason
