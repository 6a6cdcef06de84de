"""The state file that the running gateway keeps and ``vicino-gateway status`` reads."""

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from contract.messages import Clock

_FILE: Final = "status.json"
_STALE_MS: Final = 5_000


class Status(Struct, frozen=True, kw_only=True):
    """How the gateway is. Times are ms UTC; ``receipted`` is the highest seq with a receipt.

    ``stored`` is the highest seq ever given in ``epoch``; ``outbox_depth`` is what has no receipt.
    """

    gateway: str
    epoch: str
    stored: int
    receipted: int
    outbox_depth: int
    set_aside: int
    damaged_files: int
    last_measurement_at: int | None
    broker: str
    receipts: str
    radio: str
    clock: Clock
    pid: int
    written_at: int

    @property
    def is_running(self) -> bool:
        """Tell whether the process that wrote this still runs."""
        return Path(f"/proc/{self.pid}").exists()


def is_news(written: Status, status: Status) -> bool:
    """Tell whether to write again: something changed, or the file would look stale.

    Every write wears the memory card.
    """
    stale = status.written_at - written.written_at >= _STALE_MS
    return stale or msgspec.structs.replace(status, written_at=written.written_at) != written


def write_status(state_dir: Path, status: Status) -> None:
    """Replace the state file in one step. It may be lost in a power cut: it is rewritten soon."""
    temporary = state_dir / f"{_FILE}.{os.getpid()}"
    temporary.write_bytes(msgspec.json.encode(status))
    temporary.replace(state_dir / _FILE)


def read_status(state_dir: Path) -> Status | None:
    """Read the state file; None when no gateway ever ran on this state."""
    try:
        return msgspec.json.decode((state_dir / _FILE).read_bytes(), type=Status)
    except FileNotFoundError:
        return None
