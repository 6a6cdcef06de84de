"""The engine's claims: speed beside others, growth, memory, backlog and restart."""

from itertools import chain

from benchmarks import (
    engine_frameworks,
    engine_loop,
    engine_restart,
    engine_sizes,
)
from benchmarks.table import Row

_PARTS = (engine_loop, engine_frameworks, engine_sizes, engine_restart)


def run(reduced: bool) -> list[Row]:
    """Measure; ``reduced`` takes fewer rounds, and fewer patients where the ratio stays."""
    return list(chain.from_iterable(part.rows(reduced) for part in _PARTS))
