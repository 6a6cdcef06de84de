"""The outbox's own thread: SQLite is used from one thread, and a commit never blocks the radio."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from gateway.outbox.box import Make, Outbox, State
from gateway.outbox.rows import Row

_T = TypeVar("_T")


class OutboxThread:
    """An ``Outbox`` for coroutines: the same calls, awaited."""

    def __init__(self, path: Path) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        self._outbox = self._executor.submit(Outbox, path).result()

    async def store(self, make: Make) -> int | None:
        """See ``Outbox.store``."""
        return await self._call(lambda: self._outbox.store(make))

    async def waiting(self, after: int, count_max: int, bytes_max: int) -> list[Row]:
        """See ``Outbox.waiting``."""
        return await self._call(lambda: self._outbox.waiting(after, count_max, bytes_max))

    async def forget(self, epoch: str, seq: int) -> bool:
        """See ``Outbox.forget``."""
        return await self._call(lambda: self._outbox.forget(epoch, seq))

    async def refuse(self, first: int, last: int, reason: str) -> None:
        """See ``Outbox.refuse``."""
        await self._call(lambda: self._outbox.refuse(first, last, reason))

    async def correct(self, wall_ms: int, monotonic_ms: int, boot_id: str) -> int:
        """See ``Outbox.correct``."""
        return await self._call(lambda: self._outbox.correct(wall_ms, monotonic_ms, boot_id))

    async def state(self) -> State:
        """See ``Outbox.state``."""
        return await self._call(self._outbox.state)

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self._executor.submit(self._outbox.close).result()
        self._executor.shutdown()

    async def _call(self, function: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        # Shielded: a commit that was begun ends, whoever stops waiting for it.
        return await asyncio.shield(loop.run_in_executor(self._executor, function))
