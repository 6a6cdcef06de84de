"""Wires the gateway: builds all, then starts; stops on the same way back."""

import asyncio
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from contract.messages import Command, Configuration
from contract.profiles import profiles
from gateway import clock
from gateway.ble import Recovery, device_key, open_radio
from gateway.clock import Moment
from gateway.collector import Collector
from gateway.configuration import Given
from gateway.enrolment import Renewal
from gateway.errors import NotNow
from gateway.heartbeat import (
    Report,
    Status,
    board_celsius,
    is_news,
    message,
    write_status,
)
from gateway.home import Home
from gateway.outbox import OutboxThread, State
from gateway.prompt import Prompt
from gateway.settings import Settings, home_zone, tls_context
from gateway.supervision import Supervisor
from gateway.uplink import MqttLink, Uplink, client_id

_log = logging.getLogger(__name__)
_STATUS_SECONDS: Final = 1.0


class App:
    """One gateway process."""

    def __init__(self, given: Given, begin_anew: Callable[[], None]) -> None:
        """Build everything. Raises ``SettingsError``, or ``OutboxUnavailable`` for a bad disk.

        ``begin_anew`` ends this run for another, with other settings.
        """
        self._given, self._begin_anew = given, begin_anew
        self._settings = settings = given.begin()
        self._moment: Callable[[], Moment] = partial(clock.now, settings.clock)
        self._outbox = OutboxThread(settings.state_dir / "outbox.db")
        self._beat_now = asyncio.Event()
        self._supervisor = Supervisor()
        self._tls = tls_context(settings)
        self._renewal = Renewal(settings, self._tls)
        program = settings.prompt_command
        self._prompt = Prompt(program) if program is not None else None
        self._home = Home(settings)
        self._uplink = self._make_uplink()
        self._collector = Collector(
            gateway=settings.gateway,
            radio=open_radio(settings.radio, settings.state_dir),
            profiles=profiles(),
            devices=settings.devices,
            outbox=self._outbox,
            moment=self._moment,
            stored=self._stored,
            models=settings.models,
            key=device_key(settings.state_dir),
            zone=home_zone(settings),
            recovery=Recovery(_runtime_dir(), settings.devices),
        )

    async def run(self) -> None:
        """Run until cancelled. An error that nobody expects ends the process: it is restarted."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._uplink.run())
                tasks.create_task(self._collector.run())
                tasks.create_task(self._beat())
                tasks.create_task(self._keep_status())
                tasks.create_task(self._decide_on_trial())
                tasks.create_task(self._home.run())
                tasks.create_task(self._renewal.run(lambda: self._moment().wall_ms))
                if self._prompt is not None:
                    tasks.create_task(self._prompt.run())
                self._supervisor.ready()
        finally:
            self._outbox.close()

    def _stored(self) -> None:
        self._uplink.look()
        self._home.received()

    def _make_uplink(self) -> Uplink:
        settings = self._settings
        link = MqttLink(
            settings.broker_address,
            self._tls,
            client_id(settings.state_dir, settings.gateway),
            settings.gateway,
        )
        return Uplink(
            gateway=settings.gateway,
            version=version("vicino"),
            link=link,
            outbox=self._outbox,
            receipt_seconds=settings.receipt_seconds,
            moment=self._moment,
            obey=self._obey,
            prompts=self._prompt is not None,
        )

    def _obey(self, order: Configuration | Command) -> None:
        """Do what the server asks; a late command is ignored."""
        match order:
            case Configuration():
                self._take(order)
            case Command() if self._moment().wall_ms <= order.expires_at:
                self._do(order)
            case _:
                _log.info("ignored: %s is out of date", type(order).__name__.lower())

    def _take(self, configuration: Configuration) -> None:
        if self._collector.is_full:
            return  # what waits in memory would be lost: the server tells it again
        with _not_now():
            if self._given.offer(configuration):
                self._begin_anew()
            elif self._given.kept.refused == configuration.version:
                self._beat_now.set()  # the server learns why

    async def _decide_on_trial(self) -> None:
        """Keep the server's new settings once the server is reached with them, or go back."""
        started = time.monotonic()
        while self._given.is_on_trial:
            with _not_now():
                lasted = time.monotonic() - started
                is_reached = self._uplink.is_connected
                # Never while something waits in memory: it would be lost.
                if not self._collector.is_full and self._given.look(
                    is_reached=is_reached, seconds=lasted
                ):
                    self._begin_anew()
                if not self._given.is_on_trial:
                    self._beat_now.set()
            await asyncio.sleep(_STATUS_SECONDS)

    def _do(self, command: Command) -> None:
        if command.code is None:
            self._beat_now.set()
        elif self._prompt is not None:
            self._prompt.ask(command.code)
        else:
            _log.warning("asked to measure again, and there is no prompt_command")

    async def _beat(self) -> None:
        """Send a heartbeat at each interval, and when the server asks for one."""
        while True:
            self._beat_now.clear()
            with _not_now():
                state = await self._outbox.state()
                self._uplink.publish(message(self._settings.gateway, state, self._report()))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.heartbeat_seconds):
                    await self._beat_now.wait()

    async def _keep_status(self) -> None:
        """Keep the file that ``vicino-gateway status`` reads, and feed the watchdog."""
        written: Status | None = None
        while True:
            with _not_now():
                status = self._status(await self._outbox.state())
                self._home.update(status, is_well=self._collector.is_well)
                if written is None or is_news(written, status):
                    write_status(self._settings.state_dir, status)
                    written = status
            # A disk that is full is no reason to start anew: what waits in memory would be lost.
            self._supervisor.feed(self._collector.loop, self._uplink.loop)
            await asyncio.sleep(_STATUS_SECONDS)

    def _status(self, state: State) -> Status:
        moment = self._moment()
        return Status(
            gateway=self._settings.gateway,
            epoch=state.epoch,
            stored=state.next_seq - 1,
            receipted=state.receipted,
            outbox_depth=state.depth,
            set_aside=state.set_aside,
            damaged_files=state.damaged_files,
            last_measurement_at=state.last_measurement_at,
            broker="connected" if self._uplink.is_connected else "not connected",
            receipts="missing" if self._uplink.receipts_are_missing else "coming",
            radio=self._collector.listening.state,
            clock=moment.clock,
            pid=os.getpid(),
            written_at=moment.wall_ms,
        )

    def _report(self) -> Report:
        return Report(
            moment=self._moment(),
            batteries=self._collector.batteries,
            certificate_ends_at=self._renewal.ends_at,
            disk_free_bytes=shutil.disk_usage(self._settings.state_dir).free,
            deaf=self._collector.listening.is_deaf,
            full=self._collector.is_full,
            radio_restarts=self._collector.listening.restarts,
            adapter_resets=self._collector.recovery.resets,
            board_celsius=board_celsius(),
            given=self._given.kept,
        )


def _runtime_dir() -> Path | None:
    """Return the folder that systemd made for this run, if it did."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder) if folder else None


def run(settings: Settings) -> None:
    """Run a gateway until SIGTERM or SIGINT. With other settings of the server's it begins anew, as
    the same process: nothing of the old run is left."""
    if asyncio.run(_run_until_told(settings)):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


async def _run_until_told(settings: Settings) -> bool:
    """Run it; tell whether to begin anew."""
    anew = asyncio.Event()

    def begin_anew() -> None:
        anew.set()
        running.cancel()

    app = App(Given(settings), begin_anew)
    running = asyncio.ensure_future(app.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    _log.info("gateway %s starts", settings.gateway)
    with suppress(asyncio.CancelledError):
        await running
    _log.info("gateway %s has stopped", settings.gateway)
    if not anew.is_set():
        Supervisor().stopping()
    return anew.is_set()


@contextmanager
def _not_now() -> Iterator[None]:
    """Say what cannot be done now; the next round tries again."""
    try:
        yield
    except (NotNow, OSError) as error:
        _log.error("%s", error)
