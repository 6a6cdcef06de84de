"""Goes round the devices: one session at a time; one stops no other."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from contract.messages import Origin
from contract.profiles import Profile
from gateway.ble import (
    Arrival,
    Broadcasts,
    Kept,
    LastRecord,
    Radio,
    Recogniser,
    Recovery,
    Session,
    Sighting,
    broadcasts,
    within,
)
from gateway.clock import Moment
from gateway.collector.keeping import Keeping
from gateway.collector.listening import RADIO_SECONDS_MAX, Listening
from gateway.collector.turns import Turns
from gateway.errors import (
    DeviceUnavailable,
    LinkUnavailable,
    OutboxUnavailable,
    RadioUnavailable,
)
from gateway.observe import Delivery, measure
from gateway.outbox import OutboxThread
from gateway.supervision import Loop

# What serving one device takes at the very most.
_SESSION_SECONDS_MAX: Final = 400.0
_SERVE_SECONDS_MAX: Final = 420.0


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
        recovery: Recovery | None = None,
    ) -> None:
        """``models`` names the profile of devices whose advertisement does not tell it.

        ``key`` is this box's own, see ``Session``. ``zone`` is the home's: devices keep its time.
        """
        self.loop = Loop("collector")
        self.recovery = recovery or Recovery(named=devices)
        recogniser = Recogniser(profiles, models)
        self.listening = Listening(radio, recogniser, self._on_sighting, self.recovery, self.loop)
        self._gateway, self._radio = gateway, radio
        self._allowed = frozenset(devices)
        self._outbox, self._moment, self._key, self._zone = outbox, moment, key, zone
        self._turns = Turns(time.monotonic)
        self._keeping = Keeping(outbox, stored)
        # In memory only: after a restart a device's memory is read whole, which is always right.
        self._last_records: dict[tuple[str, str], LastRecord | None] = {}
        self._broadcasts = Broadcasts()
        self._broadcast: asyncio.Queue[tuple[Sighting, Arrival]] = asyncio.Queue()
        self.batteries: dict[str, int] = {}

    @property
    def is_full(self) -> bool:
        """Tell whether something was taken that the outbox does not keep."""
        return self._keeping.is_full

    @property
    def is_well(self) -> bool:
        """Tell whether the radio scans and connects, and the outbox takes what comes."""
        return self.listening.scans and self.listening.connects and not self.is_full

    async def run(self) -> None:
        """Run until cancelled. A radio that is missing is waited for, however long."""
        keeping = asyncio.create_task(self._keeping.run())
        try:
            await self.listening.run(self._go_round, self._take_broadcasts)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _go_round(self) -> None:
        """Serve sightings in turn; return when this scan is over."""
        while (left := self.listening.seconds_left) > 0:
            self.loop.goes_on_within(left + RADIO_SECONDS_MAX)
            await self._turns.wait(left)
            while (sighting := await self._next()) is not None:
                self.loop.goes_on_within(_SERVE_SECONDS_MAX)
                await self._serve(sighting)

    async def _next(self) -> Sighting | None:
        """Choose whom to serve once all is on disk that was taken before."""
        await self._keeping.until_kept(lambda: self.loop.goes_on_within(_SERVE_SECONDS_MAX))
        return self._turns.next()

    def _on_sighting(self, sighting: Sighting) -> None:
        if self._allowed and sighting.address not in self._allowed:
            return
        if broadcasts(sighting.profile):
            for arrival in self._broadcasts.heard(sighting, time.monotonic()):
                self._broadcast.put_nowait((sighting, arrival))
        else:
            self._turns.seen(sighting)

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
        except RadioUnavailable:
            self._turns.took_radio_down(address)
            raise
        except asyncio.CancelledError:
            if self.listening.is_gone:  # else we are told to stop
                self._turns.took_radio_down(address)
            raise
        except LinkUnavailable as error:
            self._turns.failed(address, str(error))
            self.listening.link_failed(address)
        except (DeviceUnavailable, OutboxUnavailable) as error:
            self._turns.failed(address, str(error))
        except TimeoutError:
            self._turns.failed(address, f"device {address}: its session did not end in time")
            self.listening.link_failed(address)
        else:
            self.listening.worked(address)
            self._last_records[place] = outcome.last
            self._turns.was_served(address, outcome.news, outcome.ended)
            if outcome.battery is not None:
                self.batteries[address] = outcome.battery

    def _local_time(self) -> datetime | None:
        """Return the time in the home; None where its zone or the time is not known."""
        moment = self._moment()
        if self._zone is None or moment.clock != "synchronised":
            return None
        return datetime.fromtimestamp(moment.wall_ms / 1000, self._zone).replace(tzinfo=None)

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
            device_now=arrival.device_now,
            origin=origin,
            received_at=moment.wall_ms,
            monotonic_ms=moment.monotonic_ms,
            boot_id=moment.boot_id,
            clock=moment.clock,
        )
        return await self._keeping.keep(partial(measure, delivery))
