"""Starts nats-server, keeps it running, reads what it says, and ends it with this process.

One thread both starts the broker and reads its log, because the broker is tied to the thread that
started it (``server.broker.tether``). A broker left over from a server that was killed is ended
first; a lock file makes sure that it is left over, and not another server's.
"""

import fcntl
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, Final

from server.broker import access, log_lines, nats, tether
from server.broker.log_lines import Event, Kind
from server.errors import BrokerUnavailable
from server.settings import Settings

_READY_SECONDS_MAX: Final = 30
_STOP_SECONDS_MAX: Final = 10
_RESTART_SECONDS_FIRST: Final = 0.2
_RESTART_SECONDS_MAX: Final = 30.0
# A broker that ran this long was healthy: the next restart is quick again.
_HEALTHY_SECONDS: Final = 60
# A client that repeats itself without end is told once in this time.
_REPEAT_SECONDS: Final = 60
_REPEATS_KEPT_MAX: Final = 1000
_LOG_BYTES_MAX: Final = 8 * 1024 * 1024

_logger = logging.getLogger(__name__)

OnEvent = Callable[[str, str | None, str], None]
"""Told kind, gateway (if known) and text, in the supervisor's thread; must not raise or wait."""


class Supervisor:
    """The embedded broker of one data folder."""

    def __init__(self, settings: Settings, on_event: OnEvent) -> None:
        """Prepare only; ``start`` starts."""
        self._settings = settings
        self._on_event = on_event
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._ended_early = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="broker", daemon=True)
        self._process: Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._last_lines: deque[str] = deque(maxlen=5)
        self._told: dict[tuple[str, str | None], float] = {}
        self._log = _Log(settings.broker_dir / "nats.log")

    @property
    def ready(self) -> bool:
        """Whether the broker takes connections now."""
        return self._ready.is_set() and self._thread.is_alive()

    def start(self) -> None:
        """Start the broker and wait until it takes connections.

        Raises ``BrokerUnavailable`` when it ends first, takes too long, or when another server
        runs on the same data folder; ``SettingsError`` when its configuration is refused.
        """
        self._settings.broker_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _take_lock(self._settings.broker_dir / "supervisor.lock")
        try:
            _end_leftover(self._settings)
            access.renew(self._settings)
        except BaseException:
            self._lock.close()
            raise
        self._thread.start()
        self._wait_ready()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while not self._ready.wait(0.02):
            if self._ended_early.is_set() or time.monotonic() > deadline:
                self.stop()
                raise BrokerUnavailable(
                    f"nats-server did not start: {' / '.join(self._last_lines)}"
                )

    def stop(self) -> None:
        """End the broker, by force if it does not end in time, and let go of the data folder."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS_MAX)
        if process is not None and process.poll() is None:
            process.kill()
            self._thread.join()
        if self._lock is not None:
            self._lock.close()

    def _supervise(self) -> None:
        pause = _RESTART_SECONDS_FIRST
        while not self._stopping.is_set():
            started = time.monotonic()
            status = self._run_once()
            self._ready.clear()
            if self._stopping.is_set():
                return
            self._ended_early.set()
            if time.monotonic() - started > _HEALTHY_SECONDS:
                pause = _RESTART_SECONDS_FIRST
            self._tell(Event(Kind.DIED, None, f"nats-server ended with status {status}"))
            self._stopping.wait(pause)
            pause = min(pause * 2, _RESTART_SECONDS_MAX)

    def _run_once(self) -> int:
        program = [nats.executable(), "-c", str(access.configuration(self._settings))]
        python = [sys.executable, "-I", "-S", str(tether.__file__), str(os.getpid())]
        # A session of its own: Ctrl-C in a terminal must reach the server alone, which then ends
        # the broker last.
        with Popen(
            [*python, *program], stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
        ) as process:
            self._process = process
            if self._stopping.is_set():
                process.terminate()
            assert process.stderr is not None  # noqa: S101 - PIPE was asked for
            for line in process.stderr:
                self._take(line)
        return process.returncode

    def _take(self, line: bytes) -> None:
        self._log.write(line)
        text = line.decode(errors="replace").rstrip()
        self._last_lines.append(text)
        if log_lines.text_of(text) == log_lines.READY:
            self._ready.set()
        if (event := log_lines.event_of(text)) is not None:
            self._tell(event)

    def _tell(self, event: Event) -> None:
        now, key = time.monotonic(), (event.kind, event.gateway)
        if event.kind is not Kind.DIED and now - self._told.get(key, -1e9) < _REPEAT_SECONDS:
            return
        if len(self._told) >= _REPEATS_KEPT_MAX:
            self._told.clear()
        self._told[key] = now
        _logger.warning("broker: %s", event.text)
        self._on_event(event.kind, event.gateway, event.text)


class _Log:
    """The broker's log on disk, bounded: this file and the one before it.

    ``gateway add`` reads it from another process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, line: bytes) -> None:
        # A full disk must not end the supervision.
        with suppress(OSError):
            if self._path.exists() and self._path.stat().st_size > _LOG_BYTES_MAX:
                self._path.replace(self._path.with_suffix(".log.1"))
            with self._path.open("ab") as file:
                file.write(line)


def _take_lock(path: Path) -> IO[str]:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise BrokerUnavailable(f"{path}: another server runs on this data folder") from error
    return file


def _end_leftover(settings: Settings) -> None:
    """End a broker whose server was killed: it holds the port and the store."""
    for signal in (SIGTERM, SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS_MAX / 2
        while (pid := access.running(settings)) is not None and time.monotonic() < deadline:
            with suppress(ProcessLookupError):
                os.kill(pid, signal)
            time.sleep(0.05)
