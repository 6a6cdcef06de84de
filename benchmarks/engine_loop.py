"""The engine against a plain loop of the same rules, in one run, in turn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from benchmarks.agreement import engine, must_agree, plain_loop
from benchmarks.dict_loop import Outcome, Reading, Slots, judge, slots_of
from benchmarks.panel import ALL_RULES, LIMITS_AND_GAIN, compiled, full_slots, full_state
from benchmarks.stream import FEW, batches, readings
from benchmarks.table import Row, interleaved, quiet
from server.domain.plans import Plan
from server.engine import few, kernel
from server.engine.families import FAMILIES, IN_ARRAYS
from server.engine.state import State
from server.engine.step import Observations, apply, findings, step

PATIENTS = 100_000  # always: with fewer the ratio is another
BATCH = 1024
EACH = 20  # batches a round
SMALL = (1, 2, 4, 8, 16, 32)
SMALL_EACH = 400
Batch = list[Reading]


def rows(reduced: bool) -> Iterator[Row]:
    """Measure the limits and the gain alone, then every rule; small batches of each too."""
    rounds = 9 if reduced else 25
    for name, plan in (("limits and gain", LIMITS_AND_GAIN), ("all rules", ALL_RULES)):
        state, slots, stream = _begun(plan)
        given = list(islice(stream, rounds * EACH))
        ratio, note = ratio_of(state, given, EACH, _loop(slots))
        with _arrays_alone():
            arrays, _ = ratio_of(state, list(islice(stream, 9 * EACH)), EACH, _loop(slots))
        note = f"{PATIENTS} patients, batch {BATCH}, {note}; without numba {arrays:.2f}"
        yield Row(f"engine / plain loop, {name}", ratio, 7, at_least=True, note=note)
        yield _small(name, state, slots, stream, 7 if reduced else 15)


@contextmanager
def _arrays_alone() -> Iterator[None]:
    """Judge as where numba is not installed."""
    kernel.FAMILIES = few.FAMILIES = IN_ARRAYS
    try:
        yield
    finally:
        kernel.FAMILIES = few.FAMILIES = FAMILIES


def _begun(plan: Plan) -> tuple[State, Slots, Iterator[Observations]]:
    version = compiled(plan)
    state, slots = full_state(version, PATIENTS), full_slots(slots_of(version, FEW), PATIENTS)
    stream = batches(PATIENTS, BATCH)
    must_agree(engine(state), plain_loop(state, slots), islice(stream, 40))
    return state, slots, stream


def ratio_of(
    state: State, given: list[Observations], each: int, other: Callable[[list[Batch]], None]
) -> tuple[float, str]:
    """Return the median of other / engine over rounds of ``each`` batches, and a note."""
    for_engine, for_other = iter(given), iter([readings(batch) for batch in given])

    def numpy_engine() -> None:
        for batch in islice(for_engine, each):
            overlay = step(state, batch)
            list(findings(state, overlay))  # one by one, as the services take them
            apply(state, overlay, 0)

    def contender() -> None:
        other(list(islice(for_other, each)))

    with quiet():
        ratio, low, high, seconds = interleaved(numpy_engine, contender, len(given) // each)
    return ratio, f"{low:.2f} to {high:.2f}, {seconds / each * 1e6:.0f} µs"


def _loop(slots: Slots) -> Callable[[list[Batch]], None]:
    def judge_all(given: list[Batch]) -> None:
        for batch in given:
            judge(slots, batch, Outcome())

    return judge_all


def _small(
    rules: str, state: State, slots: Slots, stream: Iterator[Observations], rounds: int
) -> Row:
    """Measure small batches; the row is the worst of them."""
    ratios = {}
    for size in SMALL:
        given = _cut(stream, size, rounds * SMALL_EACH)
        ratios[size], _ = ratio_of(state, given, SMALL_EACH, _loop(slots))
    note = ", ".join(f"{size}: {ratio:.2f}" for size, ratio in ratios.items())
    title = f"engine / plain loop, {rules}, batches of 1 to 32"
    return Row(title, min(ratios.values()), 0.3, at_least=True, note=note)


def _cut(stream: Iterator[Observations], size: int, count: int) -> list[Observations]:
    """Cut a stream's batches into ``count`` small ones."""
    pieces: list[Observations] = []
    while len(pieces) < count:
        batch = next(stream)
        columns = [getattr(batch, name) for name in Observations.__slots__]
        pieces += [
            Observations(*(column[first : first + size] for column in columns))
            for first in range(0, len(batch), size)
        ]
    return pieces[:count]
