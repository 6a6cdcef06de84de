"""The gateway's clocks, and whether its wall clock can be believed.

A box without a clock chip starts with the time of its last shutdown, so every measurement carries
the wall clock, the monotonic clock of this boot and the boot's id: once the wall clock is set, the
server can place what was received before. The kernel knows whether a time service (chrony,
systemd-timesyncd, ntpd) disciplines the clock: ``adjtimex`` reports STA_UNSYNC until one does and
again when it has been silent too long. Reading it needs no privilege, also in a container.
"""

import ctypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from contract.messages import Clock

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised to a reliable server
_TIMEX_BYTES: Final = 512  # struct timex is 208 bytes on 64-bit Linux
_LIBC: Final = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks: wall clock in ms UTC, monotonic ms within the boot."""

    wall_ms: int
    monotonic_ms: int
    boot_id: str
    clock: Clock


def now(keeper: Literal["kernel", "host"]) -> Moment:
    """Read the clocks. ``keeper`` says who knows whether the wall clock is right."""
    synchronised = keeper == "host" or _disciplined()
    return Moment(
        wall_ms=time.time_ns() // 1_000_000,
        monotonic_ms=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
        boot_id=_boot_id(),
        clock="synchronised" if synchronised else "unsynchronised",
    )


def _disciplined() -> bool:
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes = 0: only read
    state: int = _LIBC.adjtimex(buffer)
    return 0 <= state < _TIME_ERROR


def _boot_id() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()
