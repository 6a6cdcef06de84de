"""Asking the home to measure again, through a program that the installer of the box provides.

It is run without a shell as ``PROGRAM measure-again CODE``, CODE being a word of the contract (as
``systolic``), with no input and no output, and is ended with all it has started when it takes too
long. Whatever becomes of it, the gateway goes on.
"""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from pathlib import Path
from typing import Final

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
                await self._tell(code)
            except OSError as error:
                _log.error("the home cannot be asked: %s: %s", self._program, error.strerror)
            finally:
                self._busy = False

    async def _tell(self, code: str) -> None:
        _log.info("asking the home to measure again: %s", code)
        # A session of its own, so that what it starts ends with it.
        process = await asyncio.create_subprocess_exec(
            self._program,
            "measure-again",
            code,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._seconds):
                status = await process.wait()
        except TimeoutError:
            _log.error("the program that asks the home took over %g s: ended", self._seconds)
        else:
            if status != 0:
                _log.error("the program that asks the home ended with status %d", status)
        finally:
            if process.returncode is None:
                await _end(process)


async def _end(process: Process) -> None:
    """Kill the process and all of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
