"""The engine against frameworks for streams, on three rules that are common to such work.

Limits with two levels a side and hysteresis, a crossover of moving averages, both for six codes;
and a weight gain of more than 2 kg in 3 days.
"""

from collections.abc import Iterator
from itertools import chain, islice
from types import ModuleType

from benchmarks.agreement import engine, must_agree, plain_loop
from benchmarks.dict_loop import Outcome, judge, slots_of
from benchmarks.engine_loop import Batch, ratio_of
from benchmarks.panel import THREE_RULES, compiled, full_slots, full_state
from benchmarks.stream import FEW, batches
from benchmarks.table import Row

PATIENTS, BATCH, EACH = 1000, 1024, 10


def rows(reduced: bool) -> Iterator[Row]:
    """Measure river and bytewax; one that is not installed is not held."""
    for name, limit in (("river", 7), ("bytewax", 20)):
        title = f"engine / {name}, three rules"
        try:
            from benchmarks import frameworks
        except ImportError as error:
            note = f"not measured: {error}; make bench installs it"
            yield Row(title, float("nan"), limit, at_least=True, note=note)
            continue
        ratio, note = _ratio(frameworks, name == "river", 7 if reduced else 25)
        yield Row(title, ratio, limit, at_least=True, note=f"{PATIENTS} patients, {note}")


def _ratio(frameworks: ModuleType, river: bool, rounds: int) -> tuple[float, str]:
    version = compiled(THREE_RULES)
    slots = slots_of(version, FEW)
    if river:
        slots = frameworks.with_river(slots)
    state, slots = full_state(version, PATIENTS), full_slots(slots, PATIENTS)
    judged = judge if river else frameworks.bytewax
    stream = batches(PATIENTS, BATCH)
    must_agree(engine(state), plain_loop(state, slots, judged), islice(stream, 40))

    def one_flow(given: list[Batch]) -> None:
        judged(slots, list(chain.from_iterable(given)), Outcome())

    return ratio_of(state, list(islice(stream, rounds * EACH)), EACH, one_flow)
