"""The engine's growth with patients, its memory for each, and one slot's long backlog."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

import numpy as np

from benchmarks.panel import ALL_RULES, compiled, full_state, new_state
from benchmarks.stream import START, batches
from benchmarks.table import Row, interleaved, quiet, seconds
from contract.codes import BY_NUMBER, Code
from server.commands.protocols import protocol
from server.domain.instants import MINUTE
from server.domain.plans import Plan, Threshold
from server.domain.protocols import fitted
from server.engine.state import State
from server.engine.step import Observations, apply, findings, step

BATCH, BACKLOG = 16_384, 10_000


def rows(reduced: bool) -> Iterator[Row]:
    """Measure each; ``reduced`` grows tenfold instead of a hundredfold."""
    yield _growth(100_000 if reduced else 1_000_000, 9 if reduced else 25)
    yield _memory()
    yield _backlog()


def _growth(many: int, rounds: int) -> Row:
    """Time one batch for many patients and for few, every rule on, windows full."""
    few, version = 10_000, compiled(ALL_RULES)
    given = {count: list(islice(batches(count, BATCH), rounds)) for count in (few, many)}
    contenders = [_stepping(full_state(version, count), iter(given[count])) for count in given]
    with quiet():
        ratio, low, high, each = interleaved(*contenders, rounds)
    note = f"batch {BATCH}, {low:.2f} to {high:.2f}, {each * 1e3:.1f} ms at {few}"
    return Row(f"a batch at {many} / {few} patients", ratio, 1.5, at_least=False, note=note)


def _stepping(state: State, given: Iterator[Observations]):
    def one() -> None:
        overlay = step(state, next(given))
        list(findings(state, overlay))
        apply(state, overlay, 0)

    return one


def _memory() -> Row:
    """Count every array, with the room that grew ahead, of patients made one by one."""
    shipped, patients = protocol("heart-failure"), 10_000
    names = {threshold.code for threshold in shipped.thresholds} | {Code.WEIGHT}
    rest = [
        Threshold(code=code, source="benchmark", high_outer=Decimal(high))
        for code, high in ((Code.DIASTOLIC, 120), (Code.TEMPERATURE, 39))
        if code not in names
    ]
    plan = fitted(shipped, Plan(thresholds=rest), (), "every vital is watched")
    state = new_state(compiled(plan), patients)
    arrays = [getattr(state, name) for name in State.__slots__]
    arrays += [table.rows for table in state.tables.values()]
    total = sum(one.nbytes for one in arrays if isinstance(one, np.ndarray)) / patients
    note = f"{patients} patients, {state.used / patients:.0f} codes each, heart failure"
    return Row("bytes a patient", total, 4000, at_least=False, note=note)


def _backlog() -> Row:
    """Judge what one pair of scales kept for months, in one batch."""
    random, number = np.random.default_rng(5), BY_NUMBER.index(Code.WEIGHT)
    serial = np.arange(BACKLOG, dtype=np.int64)
    value = 75_000 + np.round(random.normal(0, 5, BACKLOG)) * 100
    batch = Observations(
        np.zeros(BACKLOG, np.int64),
        np.full(BACKLOG, number),
        START + serial * 10 * MINUTE,
        serial,
        value.astype(np.int32),
        serial,
        serial,
        np.ones(BACKLOG, np.bool_),
    )
    version = compiled(protocol("heart-failure").plan())
    state = new_state(version, 1)
    overlay = step(state, batch)
    if overlay.rebuild or not list(findings(state, overlay)):
        raise AssertionError("a backlog in order is judged, and found beyond")

    def whole() -> None:
        list(findings(state, step(state, batch)))

    with quiet():
        middle, least, most = seconds(whole, 15)
    note = f"one slot, {BACKLOG} weights, {least * 1e3:.0f} to {most * 1e3:.0f} ms"
    return Row("a backlog in one batch, ms", middle * 1e3, 50, at_least=False, note=note)
