"""Telling systemd that the gateway works, and knowing whether it does.

sd_notify(3) is one datagram to the socket that systemd names. The watchdog is fed only while every
loop comes round in its time, never by a timer of its own: a process that runs and does nothing
must be restarted.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

_log = logging.getLogger(__name__)
_SOCKET: Final = "NOTIFY_SOCKET"


class Loop:
    """A loop that says at each step by when the next one comes (seconds from now, monotonic)."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._due = clock() + 60.0

    def goes_on_within(self, seconds: float) -> None:
        """Say that this step takes no longer."""
        self._due = self._clock() + seconds

    @property
    def is_late(self) -> bool:
        """Tell whether the step takes longer than it said."""
        return self._clock() > self._due


class Supervisor:
    """systemd, where it started us and wants to be told (``Type=notify``); else nobody."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        path = environment.get(_SOCKET, "")
        self._path = f"\0{path[1:]}" if path.startswith("@") else path
        self._late: set[str] = set()

    def ready(self) -> None:
        """Say that everything is started."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that we stop because we were asked to."""
        self._tell("STOPPING=1")

    def feed(self, *loops: Loop) -> bool:
        """Feed the watchdog, unless a loop is late; return whether it was fed."""
        late = {loop.name for loop in loops if loop.is_late}
        if late and late != self._late:
            _log.error("stuck: %s; systemd restarts us if it lasts", ", ".join(sorted(late)))
        self._late = late
        if not late:
            self._tell("WATCHDOG=1")
        return not late

    def _tell(self, text: str) -> None:
        if not self._path:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(text.encode(), self._path)
        except OSError as error:
            _log.warning("systemd cannot be told: %s", error)
