"""One row a claim: a name, what was measured, its limit, and whether it holds."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import NamedTuple


class Row(NamedTuple):
    """``at_least`` tells a floor from a ceiling."""

    name: str
    value: float
    limit: float
    at_least: bool
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def show(rows: list[Row]) -> bool:
    """Print the table; return whether every limit holds."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        sign = ">=" if row.at_least else "<="
        verdict = "ok" if row.holds else "MISSED"
        claim = f"{row.value:>10.2f}  {sign} {row.limit:<8g} {verdict:<6}"
        print(f"{row.name:<{width}}  {claim}  {row.note}")
    return all(row.holds for row in rows)


def interleaved(
    first: Callable[[], object], second: Callable[[], object], rounds: int
) -> tuple[float, float, float, float]:
    """Time two contenders in turn; return the median, least and greatest of ``second / first``,
    and the first's median seconds."""
    ratios, seconds = [], []
    for _ in range(rounds):
        start = perf_counter()
        first()
        middle = perf_counter()
        second()
        end = perf_counter()
        ratios.append((end - middle) / (middle - start))
        seconds.append(middle - start)
    return median(ratios), min(ratios), max(ratios), median(seconds)


def seconds(work: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Time something over and over; return the median, least and greatest seconds."""
    taken = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        taken.append(perf_counter() - start)
    return median(taken), min(taken), max(taken)


@contextmanager
def quiet() -> Iterator[None]:
    """Collect garbage before, and none while something is timed."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
