"""Running a program that the installer of the box provides: a lamp, a voice.

Without a shell, with no input and no output, in a session of its own, so that what it starts ends
with it. Whatever becomes of it, the gateway goes on.
"""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger(__name__)


async def run_program(program: Path, *arguments: str, seconds: float) -> None:
    """Run it and wait; past ``seconds`` it is ended with all it has started. Never raises."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        _log.error("%s cannot be run: %s", program, error.strerror)
        return
    try:
        async with asyncio.timeout(seconds):
            status = await process.wait()
    except TimeoutError:
        _log.error("%s took over %g s: ended", program, seconds)
    else:
        if status != 0:
            _log.error("%s ended with status %d", program, status)
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: Process) -> None:
    """Kill the process and all of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
