"""SIGKILL, at a random moment or aimed at a window, and which windows it left open.

Windows are milliseconds wide, so a blind kill hits one only by luck. An aimed kill watches from
outside (the outbox file, the database file, the wire) and kills at the first sign that the window
is open; two of them first stall the victim (SIGSTOP), as a scheduler or a swapping machine does.
What a kill hit is not what it was aimed at: it is read from the files on disk and from what had
passed the wire, after the victim is dead and before anything is started again.
"""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from enum import StrEnum
from pathlib import Path

from tests.chaos.district import District
from tests.chaos.homes import Home, reader

AIM_SECONDS = 6.0
# What was on its way to the listeners when the victim died has reached them by then.
SETTLE_SECONDS = 0.3


class Window(StrEnum):
    """What a crash may fall between."""

    TAKEN_NOT_SENT = "taken - not sent"
    COMMITTED_NOT_RECEIPTED = "committed - not receipted"
    STORED_NOT_JUDGED = "stored - not judged"
    RECEIPTED_NOT_FORGOTTEN = "receipted - not forgotten"


class Kill(StrEnum):
    """Who is killed, and when."""

    GATEWAY = "gateway at random"
    SERVER = "server at random"
    BROKER = "broker at random"
    GATEWAY_TAKEN = "gateway, when it stored"
    GATEWAY_STALLED = "gateway, stalled before a receipt"
    SERVER_STORED = "server, when it stored"
    BROKER_STALLED = "broker, stalled before a receipt"

    @property
    def victim(self) -> str:
        return self.value.replace(",", " ").split()[0]


def strike(kill: Kill, district: District, home: Home) -> set[Window]:
    """Wait for the kill's sign (no longer than ``AIM_SECONDS``), kill, say what was open.

    Blocks; ``home`` names the gateway, where one is the victim.
    """
    pid = {
        "gateway": lambda: home.gateway.pid,
        "server": lambda: district.server.pid,
        "broker": lambda: district.broker_pid,
    }[kill.victim]()
    match kill:
        case Kill.GATEWAY_TAKEN:
            _watch(home.bundle / "state" / "outbox.db", "select max(seq) from waiting")
        case Kill.SERVER_STORED:
            _watch(district.record.path, "select max(id) from inputs")
        case Kill.GATEWAY_STALLED:
            _stall_gateway(pid, district, home)
        case Kill.BROKER_STALLED:
            _stall_broker(pid, district)
    os.kill(pid, signal.SIGKILL)
    _until(lambda: _dead(pid))
    return _open_windows(kill.victim, district, home, time.monotonic())


def _open_windows(victim: str, district: District, home: Home, died_at: float) -> set[Window]:
    stored = district.record.stored_seqs()
    unjudged = district.record.unjudged()
    waiting = {one.name: one.waiting().seqs for one in district.homes}
    time.sleep(SETTLE_SECONDS)
    wire, found = district.wire, set()
    if victim == "gateway":
        own = waiting[home.name]
        if own - wire.sent.get(home.name, set()) - stored.get(home.name, set()):
            found.add(Window.TAKEN_NOT_SENT)
        if any(seq <= wire.receipted(home.name, before=died_at) for seq in own):
            found.add(Window.RECEIPTED_NOT_FORGOTTEN)
        return found
    if victim == "server" and unjudged:
        found.add(Window.STORED_NOT_JUDGED)
    for name, seqs in waiting.items():
        if any(seq > wire.receipted(name) for seq in seqs & stored.get(name, set())):
            found.add(Window.COMMITTED_NOT_RECEIPTED)
    return found


def _watch(path: Path, query: str) -> None:
    """Return as soon as the query's number has grown; a file that is not there yet has none."""

    def newest() -> int:
        try:
            with closing(reader(path)) as rows:
                return int(rows.execute(query).fetchone()[0] or 0)
        except sqlite3.OperationalError:
            return 0

    before = newest()
    _until(lambda: newest() > before)


def _stall_gateway(pid: int, district: District, home: Home) -> None:
    """Stop the gateway once it sent something, and wait for the receipt that it cannot take."""
    wire, name = district.wire, home.name

    def newest() -> int:
        return max(wire.sent.get(name, {0}))

    before = newest()
    if _until(lambda: newest() > before):
        os.kill(pid, signal.SIGSTOP)
        _until(lambda: wire.receipted(name) >= newest())


def _stall_broker(pid: int, district: District) -> None:
    """Stop the broker once it handed something on, and wait until the server has stored it."""
    wire = district.wire

    def newest() -> set[tuple[str, int]]:
        return {(name, max(seqs)) for name, seqs in list(wire.sent.items())}

    before = newest()
    if _until(lambda: newest() != before):
        os.kill(pid, signal.SIGSTOP)
        news = newest() - before
        _until(lambda: all(s in district.record.stored_seqs().get(n, ()) for n, s in news), 2.0)


def _until(condition: Callable[[], bool], seconds: float = AIM_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0003)
    return True


def _dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
