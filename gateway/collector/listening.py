"""Keeps the radio scanning: waits for one that is missing, and recovers one that is stuck."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.ble import Radio, Recogniser, Recovery, Sighting, Step, scan
from gateway.errors import RadioUnavailable
from gateway.supervision import Loop

_log = logging.getLogger(__name__)
_RETRY_SECONDS: Final = (1.0, 60.0)
# BlueZ is there and refuses: just started, it is busy with its adapter for some seconds.
_OPEN_RETRY_SECONDS_MAX: Final = 4.0
# A radio that is started anew is away for moments: nobody need be called for that.
DEAF_SECONDS: Final = 60.0
# What opening or closing a radio takes at the very most.
RADIO_SECONDS_MAX: Final = 90.0
_LOOK_SECONDS: Final = 5.0
_SCANNING: Final = "scanning"
_LINKLESS: Final = "radio: devices are heard, and none can be connected to"


class _Linkless(RadioUnavailable):
    """The radio scans and connects to nobody: ``step`` is to be done with it."""

    def __init__(self, step: Step) -> None:
        super().__init__(_LINKLESS)
        self.step = step


class Listening:
    """Scans without pause, however often the radio must be begun with anew."""

    def __init__(
        self,
        radio: Radio,
        recogniser: Recogniser,
        seen: Callable[[Sighting], None],
        recovery: Recovery,
        loop: Loop,
    ) -> None:
        """``seen`` is told of each advertisement that a profile recognises."""
        self._radio, self._recogniser = radio, recogniser
        self._seen, self._recovery, self._loop = seen, recovery, loop
        self._heard_at = self._worked_at = time.monotonic()
        self._is_open = self._is_open_to_all = False
        self._step = Step.ANEW
        self._state = "starting"
        self._is_linkless = False
        self.restarts = 0
        self.is_gone = False
        """Whether the radio went away during the latest scan."""

    @property
    def scans(self) -> bool:
        """Tell whether the radio scans."""
        return self._state == _SCANNING

    @property
    def connects(self) -> bool:
        """Tell whether devices that are heard can be connected to, as far as is known."""
        return not self._recovery.links.are_down(time.monotonic())

    @property
    def state(self) -> str:
        """How the radio is, in words."""
        return _LINKLESS if self.scans and not self.connects else self._state

    @property
    def is_deaf(self) -> bool:
        """Tell whether the radio has not worked for so long that somebody must know."""
        is_missing = time.monotonic() - self._worked_at > DEAF_SECONDS and not self.scans
        return is_missing or not self.connects

    @property
    def seconds_left(self) -> float:
        """How long this scan goes on if nobody is heard; 0: it is over, a next one is begun."""
        if self._is_open_to_all and not self._recovery.is_suspected:
            return 0.0
        left = self._heard_at + self._recovery.silence_seconds - time.monotonic()
        return max(min(left, _LOOK_SECONDS) if self._is_open_to_all else left, 0.0)

    def heard(self) -> None:
        """Note that somebody was heard."""
        self._heard_at = time.monotonic()
        self._recovery.heard()

    def worked(self, address: str) -> None:
        """Note that a session was held."""
        self.heard()
        self._recovery.worked(address, time.monotonic())
        if self._is_linkless:
            _log.info("radio: devices can be connected to again")
        self._is_linkless = False

    def link_failed(self, address: str) -> None:
        """Note that no link came up to a device, or it did not last: the radio may be the cause.

        Raises ``RadioUnavailable`` when something is to be done with it.
        """
        step = self._recovery.link_failed(address, time.monotonic())
        if not self.connects and not self._is_linkless:
            _log.warning("%s", _LINKLESS)
            self._is_linkless = True
        if step is not None:
            raise _Linkless(step)

    async def run(self, *work: Callable[[], Awaitable[None]]) -> None:
        """Run until cancelled; ``work`` is begun with every scan, and ends it by returning."""
        least, most = _RETRY_SECONDS
        retry = least
        while True:
            self._loop.goes_on_within(RADIO_SECONDS_MAX)
            try:
                await self._listen(work)
            except _Linkless as error:
                self.restarts += 1
                step = error.step
            except RadioUnavailable as error:
                slowest = _OPEN_RETRY_SECONDS_MAX if self._is_open else most
                retry = least if self.scans else min(retry * 2, slowest)
                self._is_missing(str(error))
                self.restarts += 1
                step = self._recovery.failed(time.monotonic(), is_open=self._is_open)
                self._loop.goes_on_within(retry + RADIO_SECONDS_MAX)
                await asyncio.sleep(retry)
            else:
                _log.info("nobody was heard for %.0f s", self._recovery.silence_seconds)
                step = self._recovery.was_silent(time.monotonic())
            if step is not Step.ANEW:
                _log.warning("the radio: %s", step.value)
                self._step = step  # until it is done: the radio may not even open

    async def _listen(self, work: tuple[Callable[[], Awaitable[None]], ...]) -> None:
        """Scan until nobody was heard for too long. Raises ``RadioUnavailable``."""
        try:
            self._is_open = False
            await self._radio.open()
            self._is_open = True
            if self._step is Step.POWER_CYCLE:
                self._step = Step.ANEW
                self._recovery.power_cycled()
                await self._radio.power_cycle()
            while True:
                self._is_open_to_all = self._recovery.is_suspected
                await self._scan(work)
                if self._recovery.is_suspected or not self._is_open_to_all:
                    return
        finally:
            await self._radio.close()

    async def _scan(self, work: tuple[Callable[[], Awaitable[None]], ...]) -> None:
        everybody = self._is_open_to_all
        async with scan(self._radio, self._recogniser, self._seen, self.heard, everybody=everybody):
            self._heard_at = time.monotonic()
            self.is_gone = False
            if not self.scans:
                _log.info("scanning")
            self._state = _SCANNING
            await _first_of(self._lost(), *(one() for one in work))

    async def _lost(self) -> None:
        await self._radio.wait_lost()
        self.is_gone = True
        raise RadioUnavailable("radio: gone")

    def _is_missing(self, reason: str) -> None:
        if self.scans:
            self._worked_at = time.monotonic()
        if self._state != reason:
            _log.warning("%s; waiting for it", reason)
        self._state = reason


async def _first_of(*awaitables: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
