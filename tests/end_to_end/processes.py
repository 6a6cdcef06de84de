"""A program under test and everything it starts, told apart by a mark in their environment."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from simulators.tether import tethered

MARK = "VICINO_TEST_MARK"


class Marked:
    """One program in a session of its own; ``end`` kills whatever is left of it."""

    def __init__(self, command: list[str], output: Path) -> None:
        self._mark = token_hex(16)
        self.output = output
        with output.open("ab") as file:
            self.program = subprocess.Popen(
                tethered(command),
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
                env={**os.environ, MARK: self._mark},
                start_new_session=True,
            )

    def alive(self) -> dict[int, str]:
        """Return the command lines of everything that carries the mark, by process id."""
        wanted, found = f"{MARK}={self._mark}".encode(), {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with suppress(OSError):  # it ended meanwhile
                    if wanted in (folder / "environ").read_bytes():
                        line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                        found[int(folder.name)] = line.decode()
        return found

    def interrupt(self) -> None:
        """Press Ctrl-C: the whole foreground group hears it."""
        os.killpg(self.program.pid, signal.SIGINT)

    def gone(self, seconds: float) -> bool:
        """Wait until nothing that carries the mark is left."""
        return until(lambda: self.program.poll() is not None and not self.alive(), seconds)

    def end(self) -> None:
        for pid in self.alive():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.program.wait(10)


def until(condition, seconds: float) -> bool:
    """Wait until the condition holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
