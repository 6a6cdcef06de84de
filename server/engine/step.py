"""One step: judge a batch of observations on an overlay, leaving the state as it was.

Observations that are in order for their slot (newer than its newest, within the span of the
row's limits) are judged all at once where a slot came once: that is nearly every one. Slots that
came more often have a *run* each, judged value by value by compiled code; without that, in rounds
that hold a slot at most once, or folded one by one where a run is long or runs are few. All others
are named in ``rebuild`` for the caller to judge from history.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER
from server.engine.change import covers
from server.engine.families import FAMILIES
from server.engine.few import Few, judge_few
from server.engine.instant import offsets
from server.engine.kernel import Touched, Values, judge
from server.engine.packed import put, take
from server.engine.rules import NOTHING
from server.engine.runs import judge_runs
from server.engine.series import Finding, Observation, fold
from server.engine.state import (
    ACTIVE_SHIFT,
    CODES,
    SLOT,
    State,
    active,
    memory_of,
    write_memory,
)

ROUNDS_MAX: Final = 8  # a longer run is folded by itself
FEW_OBSERVATIONS: Final = 24  # measured: arrays are faster from about here on
FEW: Final = 8  # measured: about as many folds as one more round costs


@dataclass(frozen=True, slots=True)
class Observations:
    """A batch, column by column, all of the same length, in any order (see ``Observation``)."""

    patient: NDArray[np.int64]
    code: NDArray[np.int64]
    at: NDArray[np.int64]
    key: NDArray[np.int64]
    value: NDArray[np.int32]
    epoch: NDArray[np.int64]
    seq: NDArray[np.int64]
    steady: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at)


class Found(NamedTuple):
    """Values beyond a rule, column by column; ``rules`` has a bit for each rule found."""

    slot: NDArray[np.intp]
    rules: NDArray[np.int64]
    version: NDArray[np.int32]
    at: NDArray[np.int64]
    value: NDArray[np.int32]
    epoch: NDArray[np.int64]
    seq: NDArray[np.int64]


_NONE: Final = np.zeros(0, np.intp)
_NO_ROWS: Final = np.zeros(0, SLOT)


@dataclass(slots=True)
class Overlay:
    """The touched rows after the batch, by value, and what was found.

    ``windows`` are the touched rows of the families by name, ``few`` what became of a batch of few
    observations, which has no rows here; ``limits`` and ``due_at`` are None
    where they did not change.
    ``found`` are findings as columns, ``folded`` those of observations folded one by one: see
    ``findings``. ``ended`` names the (slot, rule bit) whose condition held and no longer does, or
    was found and did not hold to the batch's end; ``rebuild`` the slots that need their history.
    """

    slots: NDArray[Any] = field(default_factory=lambda: _NONE)
    rows: NDArray[np.void] = field(default_factory=lambda: _NO_ROWS)
    windows: dict[str, Touched] = field(default_factory=dict)
    few: Few | None = None
    limits: NDArray[np.void] | None = None
    due_at: NDArray[np.int64] | None = None
    found: list[Found] = field(default_factory=list)
    folded: list[Finding] = field(default_factory=list)
    ended: list[tuple[int, int]] = field(default_factory=list)
    rebuild: list[int] = field(default_factory=list)


class _Runs(NamedTuple):
    """The observations of slots that came more than once: where they stand in the batch, by slot
    and in order of time, and where each slot's begin and end in that."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]

    def kept(self, which: NDArray[np.bool_]) -> "_Runs":
        return _Runs(self.order, self.starts[which], self.ends[which])


_NO_RUNS: Final = _Runs(_NONE, _NONE, _NONE)


def step(state: State, batch: Observations) -> Overlay:
    """Judge a batch. The state is only read; ``apply`` takes the result over."""
    if len(batch) <= FEW_OBSERVATIONS and (overlay := _few(state, batch)) is not None:
        return overlay
    slot = _slots_of(state, batch)
    once, runs = _split(slot, batch)
    first, last = once, once
    if len(runs.starts):
        first = np.concatenate((once, runs.order[runs.starts]))
        last = np.concatenate((once, runs.order[runs.ends - 1]))
    touched = slot.take(first)
    rows = take(state.rows, touched)
    windows = _windows(state, rows)
    first_at = batch.at.take(first)
    good = _in_order(rows, first_at, batch.key.take(first), batch.at.take(last))
    if (change := windows.get("change")) is not None:
        lengths = np.append(np.ones(len(once), np.intp), runs.ends - runs.starts)
        owner = change.owner
        good[owner] &= covers(change.rows, first_at[owner], lengths[owner])
    rebuild: list[int] = []
    if np.count_nonzero(good) < len(good):
        rebuild, kept = touched[~good].tolist(), good.nonzero()[0]
        once, runs = once[good[: len(once)]], runs.kept(good[len(once) :])
        touched, rows = touched[kept], take(rows, kept)
        windows = _windows(state, rows)
    overlay = Overlay(touched, rows, windows, rebuild=rebuild)
    before = active(rows)  # a copy
    found = np.zeros(len(rows), np.int64)
    first = np.concatenate((once, runs.order[runs.starts])) if len(runs.starts) else once
    values = _values(state, batch, slot)
    judge(state, touched, rows, windows, values.of(first), found)
    _report(state, overlay, batch, first, np.arange(len(first)), found)
    _judge_rest(state, batch, values, runs, overlay, found)
    overlay.ended = list(_ended(overlay, before | found))
    return overlay


def findings(state: State, overlay: Overlay) -> Iterator[Finding]:
    """Yield what a batch's overlay found, rule by rule, by name."""
    for found in overlay.found:
        owners = state.owner.take(found.slot, axis=0)
        rows = zip(owners.tolist(), *(column.tolist() for column in found[1:]), strict=True)
        for (patient, code), rules, number, at, value, epoch, seq in rows:
            version = next(one for one in state.versions[patient] if one.number == number)
            names = version.rules[BY_NUMBER[code]].names
            for bit in _bits(rules):
                yield Finding(patient, code, names[bit], number, at, value, epoch, seq)
    yield from overlay.folded


def apply(state: State, overlay: Overlay, position: int) -> None:
    """Take the overlay over. Cannot fail: no input or output, shapes are known."""
    state.position = position
    if overlay.few is not None:
        overlay.few.apply(state)
        return
    put(state.rows, overlay.slots, overlay.rows)
    for name, windows in overlay.windows.items():
        put(state.tables[name].rows, windows.at, windows.rows)
    if overlay.limits is not None:
        put(state.limits, overlay.slots, overlay.limits)
    if overlay.due_at is not None:
        state.due_at[overlay.slots] = overlay.due_at


def _few(state: State, batch: Observations) -> Overlay | None:
    """Judge a few observations one by one; None where arrays must do it."""
    columns = (batch.at, batch.key, batch.value, batch.epoch, batch.seq, batch.steady)
    few = judge_few(state, (*columns, batch.patient, batch.code))
    if few is None:
        return None
    overlay = Overlay(few=few, folded=few.found)
    if few.held:
        overlay.ended = [(slot, bit) for slot, bits in few.over() for bit in _bits(bits)]
    return overlay


def _ended(overlay: Overlay, held: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield what held before the batch, or was found in it, and does not hold at its end."""
    some = held.nonzero()[0]
    over = held.take(some) & ~(overlay.rows["bits"][some] >> ACTIVE_SHIFT)
    ended = over.nonzero()[0]
    slots = overlay.slots.take(some.take(ended)).tolist()
    for slot, bits in zip(slots, over.take(ended).tolist(), strict=True):
        for bit in _bits(bits):
            yield slot, bit


def _bits(number: int) -> Iterator[int]:
    """Yield the places of the ones, the lowest first."""
    while number:
        yield (number & -number).bit_length() - 1
        number &= number - 1


def _slots_of(state: State, batch: Observations) -> NDArray[np.int32]:
    # A patient beyond the table is clipped to its last place, which is never anybody's.
    return state.slots.ravel().take(batch.patient * CODES + batch.code, mode="clip")


def _split(slot: NDArray[np.int32], batch: Observations) -> tuple[NDArray[np.intp], _Runs]:
    """Return where the slots that came once stand in the batch, and the runs of the others."""
    ranked = np.sort(slot)
    twice = ranked[1:] == ranked[:-1]
    if not np.count_nonzero(twice) and (not len(slot) or ranked[0] >= 0):
        return np.arange(len(slot)), _NO_RUNS
    watched = slot >= 0  # of the others no rule wants to know
    repeated = _among(slot, ranked[1:][twice])
    order = (watched & repeated).nonzero()[0]
    order = order[np.lexsort((batch.key[order], batch.at[order], slot[order]))]
    ranked = slot[order]
    edges = np.concatenate(([0], (ranked[1:] != ranked[:-1]).nonzero()[0] + 1, [len(order)]))
    runs = _Runs(order, edges[:-1], edges[1:]) if len(order) else _NO_RUNS
    return (watched & ~repeated).nonzero()[0], runs


def _among(slot: NDArray[np.int32], some: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell which slots are among ``some``, which is sorted: usually one or two."""
    if len(some) <= FEW:
        found = np.zeros(len(slot), np.bool_)
        for one in some:
            found |= slot == one
        return found
    return np.asarray(some.take(some.searchsorted(slot), mode="clip") == slot)


def _in_order(
    rows: NDArray[np.void],
    first_at: NDArray[np.int64],
    first_key: NDArray[np.int64],
    last_at: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Tell for each row whether all its observations are newer than its newest, and judged by
    the limits that stand in it."""
    last, span = rows["last"], rows["span"]
    good = first_at > last[:, 0]
    if np.count_nonzero(good) < len(good):
        good |= (first_at == last[:, 0]) & (first_key > last[:, 1])
    good &= first_at >= span[:, 0]
    good &= last_at < span[:, 1]
    return good


def _windows(state: State, rows: NDArray[np.void]) -> dict[str, Touched]:
    """Return the families' rows of the touched slots."""
    owner = (rows["extra"] >= 0).nonzero()[0]
    if not len(owner):
        return {}
    places = take(state.tables["extra"].rows, rows["extra"][owner])
    windows = {}
    for family in FAMILIES:
        if not (table := state.tables[family.name]).used:
            continue
        some = (places[family.name] >= 0).nonzero()[0]
        if len(some):
            at = places[family.name][some]
            windows[family.name] = Touched(owner.take(some), at, take(table.rows, at))
    return windows


def _values(state: State, batch: Observations, slot: NDArray[np.int32]) -> Values:
    """Return what is judged of a batch; with the patients' own clocks where a rule asks for it."""
    local = batch.at
    if state.tables["extra"].used:
        # Not ``take``: of a field it would copy the whole table first. Who is not watched (-1) has
        # anybody's zone, and is not judged.
        zone = state.rows["zone"][slot]
        local = local + offsets(batch.at, zone, state.zones)
    return Values(batch.at, batch.key, batch.value, batch.steady, local)


def _judge_rest(
    state: State,
    batch: Observations,
    values: Values,
    runs: _Runs,
    overlay: Overlay,
    found: NDArray[np.int64],
) -> None:
    """Judge what the runs have beside their first observations: the overlay's last rows."""
    if not len(runs.starts):
        return
    first_row, more = len(found) - len(runs.starts), runs.ends - runs.starts - 1
    begun = np.cumsum(more) - more
    where = runs.order[np.arange(more.sum()) + np.repeat(runs.starts + 1 - begun, more)]
    own = np.repeat(first_row + np.arange(len(more)), more)
    given = values.of(where)
    beyond = judge_runs(state, overlay.slots, overlay.rows, overlay.windows, given, own)
    if beyond is None:
        _judge_rounds(state, batch, values, runs, overlay, found)
        return
    np.bitwise_or.at(found, own, beyond)
    _report(state, overlay, batch, where, own, beyond)


def _judge_rounds(
    state: State,
    batch: Observations,
    values: Values,
    runs: _Runs,
    overlay: Overlay,
    found: NDArray[np.int64],
) -> None:
    """Do the same without compiled code: in rounds that hold a slot at most once, or folded."""
    first_row, lengths = len(found) - len(runs.starts), runs.ends - runs.starts
    local, round_ = np.arange(len(lengths)), 0
    while len(local := local[lengths[local] > (round_ := round_ + 1)]):
        alone = np.full(len(local), len(local) < FEW) | (lengths[local] > ROUNDS_MAX)
        for index in local[alone].tolist():
            where = runs.order[runs.starts[index] + round_ : runs.ends[index]]
            found[first_row + index] |= _fold_run(state, batch, where, overlay, first_row + index)
        if len(local := local[~alone]):
            where = runs.order[runs.starts[local] + round_]
            _judge_round(state, batch, values.of(where), where, first_row + local, overlay, found)


def _judge_round(
    state: State,
    batch: Observations,
    given: Values,
    where: NDArray[np.intp],
    place: NDArray[np.intp],
    overlay: Overlay,
    found: NDArray[np.int64],
) -> None:
    """Judge one observation more of some of the overlay's rows."""
    rows = take(overlay.rows, place)
    windows = {name: touched.of(place) for name, touched in overlay.windows.items()}
    now = np.zeros(len(place), np.int64)
    judge(state, overlay.slots.take(place), rows, windows, given, now)
    put(overlay.rows, place, rows)
    for name, touched in windows.items():
        put(overlay.windows[name].rows, touched.at, touched.rows)
    found[place] |= now
    _report(state, overlay, batch, where, place, now)


def _report(
    state: State,
    overlay: Overlay,
    batch: Observations,
    where: NDArray[np.intp],
    place: NDArray[np.intp],
    found: NDArray[np.int64],
) -> None:
    """Keep the rows with a found bit, column by column."""
    index = found.nonzero()[0]
    where, slots = where.take(index), overlay.slots.take(place.take(index))
    overlay.found.append(
        Found(
            slots,
            found.take(index),
            state.limits["version"][slots],
            batch.at.take(where),
            batch.value.take(where),
            batch.epoch.take(where),
            batch.seq.take(where),
        )
    )


def _fold_run(
    state: State,
    batch: Observations,
    where: NDArray[np.intp],
    overlay: Overlay,
    row: int,
) -> int:
    """Fold a run's observations one by one; return the bits that were found on the way."""
    patient, number = state.owner[overlay.slots[row]].tolist()
    code, versions = BY_NUMBER[number], state.versions.get(patient, [])
    live = overlay.rows[row]
    windows = {
        name: touched.rows[place]
        for name, touched in overlay.windows.items()
        if (place := touched.place_of(row)) is not None
    }
    memory = memory_of(live, windows)
    columns = (batch.at, batch.key, batch.value, batch.epoch, batch.seq, batch.steady)
    rows = zip(*(column.take(where).tolist() for column in columns), strict=True)
    series = map(Observation._make, rows)
    found = fold(patient, code, versions, memory, series)
    write_memory(live, windows, memory)
    if not found:
        return 0
    overlay.folded += found
    bits = {
        name: 1 << bit
        for version in versions
        for bit, name in enumerate(version.rules.get(code, NOTHING).names)
    }
    return reduce(or_, (bits[finding.rule] for finding in found), 0)
