"""Become another program that dies with the process that started it.

    python -I -S tether.py PARENT_PID PROGRAM ARGUMENT…

``PR_SET_PDEATHSIG`` survives the exec: the kernel ends the program when the *thread* that started
it ends, even by SIGKILL. So a killed demonstration holds no port that the next one needs. A file
of its own, run as such: code between fork and exec in a process with threads may deadlock.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def tethered(command: Sequence[str]) -> list[str]:
    """Return the command line that runs ``command`` tied to the thread that starts it."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> None:
    """Tie this process to its parent, then become the program of the command line."""
    parent, program = int(sys.argv[1]), sys.argv[2]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit("the parent ended before its child was tied to it")
    os.execv(program, sys.argv[2:])  # noqa: S606 - the point of this file


if __name__ == "__main__":
    main()
