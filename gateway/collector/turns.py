"""Whose turn it is: who was seen, who waits, and who must wait for longer."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gateway.ble import Ended, Sighting

_log = logging.getLogger(__name__)
# No longer than this: many devices advertise for half a minute after a measurement.
_FAILED_AGAIN_SECONDS: Final = (4.0, 30.0)
_TOOK_DOWN_AGAIN_SECONDS: Final = (4.0, 3600.0)
_AGAIN_SECONDS: Final = 1.0  # it said all it had; its next measurement is news
_NOTHING_SAID_AGAIN_SECONDS: Final = 10.0  # some advertise whether they have news or not
_STILL_TALKING_AGAIN_SECONDS: Final = 60.0  # a stream: the others come first
WAITING_MAX: Final = 64
_REMEMBERED_MAX: Final = 1000


class Turns:
    """One device after the other; ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: dict[str, Sighting] = {}
        self._served: dict[str, None] = {}  # the latest last
        self._not_before: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._taken_down: dict[str, int] = {}
        self._seen = asyncio.Event()

    def seen(self, sighting: Sighting) -> None:
        """Let a device wait for its turn, unless it had one a moment ago."""
        address = sighting.address
        if self._clock() >= self._not_before.get(address, 0.0) and self._has_place(address):
            self._waiting[address] = sighting
            self._seen.set()

    async def wait(self, seconds: float) -> None:
        """Return when a device waits, or after so long."""
        self._seen.clear()
        if not self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._seen.wait()

    def next(self) -> Sighting | None:
        """Take the next: who was served before goes first."""
        if not self._waiting:
            return None
        known = (address for address in self._waiting if address in self._served)
        return self._waiting.pop(next(known, next(iter(self._waiting))))

    def was_served(self, address: str, news: int, ended: Ended) -> None:
        """Note how its session ended: it decides when the next may be."""
        self._taken_down.pop(address, None)
        if self._failures.pop(address, 0):
            _log.info("device %s: is back", address)
        self._served.pop(address, None)
        self._served[address] = None
        if len(self._served) > WAITING_MAX:
            del self._served[next(iter(self._served))]
        if news == 0:
            self._wait(address, _NOTHING_SAID_AGAIN_SECONDS)
            return
        _log.info("device %s: %d deliveries", address, news)
        talks = ended is Ended.BY_LIMIT
        self._wait(address, _STILL_TALKING_AGAIN_SECONDS if talks else _AGAIN_SECONDS)

    def failed(self, address: str, reason: str) -> None:
        """Note that it could not be had: it waits longer each time."""
        failures = self._failures.get(address, 0)
        if failures == 0:
            _log.warning("%s; trying again when it is seen", reason)
        self._failures[address] = failures + 1
        least, most = _FAILED_AGAIN_SECONDS
        self._wait(address, min(least * 2.0 ** min(failures, 10), most))

    def took_radio_down(self, address: str) -> None:
        """Note that the radio was lost in its session: if that is its doing, it must not last.

        Debian's bluetoothd (5.66) ends each time it connects to a device that lost its half of a
        bond. The others are read in longer and longer times between.
        """
        times = self._taken_down[address] = self._taken_down.get(address, 0) + 1
        if times == 2:
            text = (
                "device %s: the radio was lost in its session again: pair it (vicino-gateway pair)"
            )
            _log.warning(text, address)
        least, most = _TOOK_DOWN_AGAIN_SECONDS
        self._wait(address, min(least * 8.0 ** min(times - 1, 10), most))

    def _has_place(self, address: str) -> bool:
        """Tell whether a device may wait. Anybody can advertise under a thousand addresses: who was
        served before always finds a place, strangers share the rest."""
        return (
            address in self._waiting or address in self._served or len(self._waiting) < WAITING_MAX
        )

    def _wait(self, address: str, seconds: float) -> None:
        now = self._clock()
        if len(self._not_before) > _REMEMBERED_MAX:
            self._not_before = {a: at for a, at in self._not_before.items() if at > now}
            self._failures = {a: n for a, n in self._failures.items() if a in self._not_before}
            self._taken_down = {a: n for a, n in self._taken_down.items() if a in self._not_before}
        self._not_before[address] = now + seconds
        self._waiting.pop(address, None)
