"""Keeps what was taken: on disk, or in memory while the disk takes nothing."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gateway.ble import Kept
from gateway.errors import OutboxUnavailable
from gateway.outbox import Make, OutboxThread

_log = logging.getLogger(__name__)
OUTBOX_RETRY_SECONDS: Final = 5.0


class Keeping:
    """What waits in memory is kept in the order in which it came."""

    def __init__(self, outbox: OutboxThread, stored: Callable[[], None]) -> None:
        """``stored`` is told of each measurement that is news."""
        self._outbox, self._stored = outbox, stored
        self._waiting: deque[Make] = deque()

    @property
    def is_full(self) -> bool:
        """Tell whether something was taken that the outbox does not keep."""
        return bool(self._waiting)

    async def run(self) -> None:
        """Try again to keep what waits, whoever speaks or not, until cancelled."""
        while True:
            await asyncio.sleep(OUTBOX_RETRY_SECONDS)
            with suppress(OutboxUnavailable):
                while self._waiting:
                    await self._store_oldest()

    async def keep(self, make: Make) -> Kept:
        """Store it: on disk when this returns, unless the disk is full; then it waits."""
        self._waiting.append(make)
        if len(self._waiting) > 1:
            return Kept.WAITS
        try:
            return Kept.STORED if await self._store_oldest() else Kept.KNOWN
        except OutboxUnavailable as error:
            _log.error("%s; nothing more is read until there is room", error)
            return Kept.WAITS

    async def until_kept(self, still: Callable[[], None]) -> None:
        """Wait until everything is on disk; ``still`` is called at each try."""
        while self._waiting:
            still()
            try:
                await self._store_oldest()
            except OutboxUnavailable:
                await asyncio.sleep(OUTBOX_RETRY_SECONDS)
            else:
                _log.info("there is room again: kept what had waited")

    async def _store_oldest(self) -> bool:
        """Store it; tell whether it was news."""
        oldest = self._waiting.popleft()
        try:
            seq = await self._outbox.store(oldest)
        except OutboxUnavailable:
            self._waiting.appendleft(oldest)
            raise
        if seq is not None:
            _log.info("stored seq=%d", seq)
            self._stored()
        return seq is not None
