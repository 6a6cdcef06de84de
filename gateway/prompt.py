"""Asking the home to measure again, through a program that the installer of the box provides.

It is run as ``PROGRAM measure-again CODE``, CODE being a word of the contract (as ``systolic``).
"""

import asyncio
import logging
from pathlib import Path
from typing import Final

from gateway.programs import run_program

SECONDS_MAX: Final = 60.0  # two sentences, spoken twice

_log = logging.getLogger(__name__)


class Prompt:
    """Runs the program, one at a time."""

    def __init__(self, program: Path, seconds: float = SECONDS_MAX) -> None:
        self._program, self._seconds = program, seconds
        self._wanted: asyncio.Queue[str] = asyncio.Queue(1)
        self._busy = False

    def ask(self, code: str) -> None:
        """Ask for the measurement that has ``code``; while the home is being asked, not again."""
        if self._busy or self._wanted.full():
            _log.info("the home is being asked already")
            return
        self._wanted.put_nowait(code)

    async def run(self) -> None:
        """Run until cancelled; a program that runs then is ended too."""
        while True:
            code = await self._wanted.get()
            self._busy = True
            try:
                _log.info("asking the home to measure again: %s", code)
                await run_program(self._program, "measure-again", code, seconds=self._seconds)
            finally:
                self._busy = False
