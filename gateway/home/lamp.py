"""A lamp, through a program that the installer of the box provides.

It is run as ``PROGRAM received`` when something was measured and kept, and as ``PROGRAM sent``,
``sending``, ``waits`` or ``help`` when the situation has changed (see ``situation``).
"""

import asyncio
from pathlib import Path
from typing import Final

from gateway.home.situation import Situation
from gateway.programs import run_program

SECONDS_MAX: Final = 10.0
_RECEIVED: Final = "received"


class Lamp:
    """Runs the program, one at a time; what has changed again meanwhile is not shown."""

    def __init__(self, program: Path, seconds: float = SECONDS_MAX) -> None:
        self._program, self._seconds = program, seconds
        self._received = False
        self._wanted: Situation | None = None
        self._shown: Situation | None = None
        self._news = asyncio.Event()

    def received(self) -> None:
        """Show that something was measured and is kept."""
        self._received = True
        self._news.set()

    def show(self, situation: Situation) -> None:
        """Show how things are, where that is news."""
        self._wanted = situation
        self._news.set()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            if self._received:
                self._received = False
                await self._tell(_RECEIVED)
            if self._wanted is not None and self._wanted != self._shown:
                self._shown = self._wanted
                await self._tell(self._shown)

    async def _tell(self, word: str) -> None:
        await run_program(self._program, word, seconds=self._seconds)
