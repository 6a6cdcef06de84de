"""Telling open pages that something changed, from whichever thread it changed in."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Changes:
    """A counter that grows with every change, and listeners that wake when it does."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    @property
    def count(self) -> int:
        """How many changes there were since the server started."""
        return self._count

    def notify(self) -> None:
        """Wake every listener. May be called from any thread."""
        with self._lock:
            self._count += 1
            for loop, event in self._listeners:
                loop.call_soon_threadsafe(event.set)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Event]:
        """Hand out an event that is set by every change; the listener clears it."""
        entry = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._listeners.append(entry)
        try:
            yield entry[1]
        finally:
            with self._lock:
                self._listeners.remove(entry)
