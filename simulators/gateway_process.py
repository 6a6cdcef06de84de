"""A gateway process of its own: started, asked for its status, stopped."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from simulators.tether import tethered

_STOP_SECONDS: Final = 20.0
_STATUS_SECONDS: Final = 0.5


class GatewayFailed(Exception):
    """The gateway process ended, or does not do what it should in time."""


class GatewayProcess:
    """``vicino-gateway run`` with the given settings, its radio replaced by a virtual one."""

    def __init__(self, settings: Path, radio: str, log: Path | None = None) -> None:
        """``log`` takes the process's messages; without it they are on our stderr."""
        self._settings = settings
        self._log = log
        # The clock is this machine's, and in a virtual one only its host knows that it is right.
        given = {"VICINO_GATEWAY_RADIO": radio, "VICINO_GATEWAY_CLOCK": "host"}
        self._environment = {**os.environ, **given}
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        """Start the process."""
        await self.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop it, as the service manager would."""
        await self.stop()

    @property
    def pid(self) -> int:
        """The process's id; it must have been started."""
        assert self._process is not None  # noqa: S101 - the caller's mistake
        return self._process.pid

    async def start(self) -> None:
        """Start the process, tied to us; it may be started again after it ended."""
        log = self._log.open("ab") if self._log else None
        try:
            self._process = await asyncio.create_subprocess_exec(
                *tethered(self._command("run")), env=self._environment, stderr=log
            )
        finally:
            if log:
                log.close()

    async def kill(self) -> None:
        """Kill the process as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """Ask it to stop; kill it if it does not."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def status(self) -> dict[str, Any] | None:
        """Ask ``vicino-gateway status --json``; None while there is nothing to tell."""
        asked = await asyncio.create_subprocess_exec(
            *self._command("status", "--json"), stdout=PIPE, stderr=DEVNULL, env=self._environment
        )
        told, _ = await asked.communicate()
        status: dict[str, Any] | None = json.loads(told) if told else None
        return status

    async def wait_receipted(self, seconds: float) -> dict[str, Any]:
        """Wait until the server has everything, and return the status that says so.

        Raises ``GatewayFailed`` when the process ended or it took longer than ``seconds``.
        """
        asked_at = time.time_ns() // 1_000_000  # what was written before says nothing
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if self._process is None or self._process.returncode is not None:
                        raise GatewayFailed("the gateway process ended")
                    status = await self.status()
                    if status and status["written_at"] > asked_at and not status["outbox_depth"]:
                        return status
                    await asyncio.sleep(_STATUS_SECONDS)
        except TimeoutError:
            raise GatewayFailed(f"no receipt for everything within {seconds:.0f} s") from None

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "gateway", *arguments, "--settings", str(self._settings)]
