"""``vicino-gateway`` with a wall clock that a file moves while it runs: ``OFFSET_MS STATE``.

The process's own clocks are left alone: what is tried is a box whose time is wrong, not a computer
without time. TLS goes by the true clock, so that a jump never outlives a certificate.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway import clock
from gateway.__main__ import main

VARIABLE: Final = "VICINO_SOAK_CLOCK"


def wander(told: Path) -> None:
    """Let ``gateway.clock.now`` say what the file says."""
    true = clock.now

    def now(_keeper):
        real = true("host")
        offset, state = told.read_text().split()
        return replace(real, wall_ms=real.wall_ms + int(offset), clock=state)

    clock.now = now


if __name__ == "__main__":
    wander(Path(os.environ[VARIABLE]))
    sys.exit(main())
