"""One step: judge a batch of observations on an overlay, leaving the state as it was.

Observations that are in order for their slot (newer than its newest, within the span of the
row's limits) are judged in *rounds*: the batch is sorted by (slot, at, key) and each round holds
a slot at most once, so a round is a handful of array operations. Slots with a long backlog are
folded one by one. All others are named in ``rebuild`` for the caller to judge from history.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER
from server.domain.instants import DAY, MINUTE, utc_offset
from server.engine.rules import COMPARATOR, GAINS, THRESHOLDS
from server.engine.series import DAYS_KEPT, Finding, Observation, fold
from server.engine.state import (
    ACTIVE_SHIFT,
    CODES,
    State,
    active,
    columns,
    memory_of,
    put,
    take,
    write_memory,
)

ROUNDS_MAX: Final = 8  # a slot with more observations than this in one batch is folded alone
FEW: Final = 12  # measured: about as many folds as one more round costs
_QUARTER: Final = 15 * MINUTE
_ONES: Final = np.array([bits.bit_count() for bits in range(256)], np.int32)
_PLACES: Final = np.arange(THRESHOLDS, dtype=np.uint8)[:, None]
_REGISTERS: Final = np.array([[0], [8]])
_RULES: Final = np.arange(ACTIVE_SHIFT, ACTIVE_SHIFT + THRESHOLDS)[:, None]
# The columns of ``LIMITS`` in 32-bit words, after bound, release and span.
_NEED, _WINDOW, _VERSION, _ZONE = 12, 13, 14, 16


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

    def __len__(self) -> int:
        return len(self.at)


@dataclass(slots=True)
class Overlay:
    """The touched rows after the batch, by value, and what was found.

    ``limits`` and ``due_at`` are None where they did not change; ``gain_at`` are the touched rows
    of the gain table. ``ended`` names the (slot, rule bit) whose condition held and no longer
    does, or was found and did not hold to the batch's end; ``rebuild`` the slots that need their
    history.
    """

    slots: NDArray[np.int32]
    live: NDArray[np.void]
    gain_at: NDArray[np.int32]
    gain: NDArray[np.void]
    limits: NDArray[np.void] | None = None
    due_at: NDArray[np.int64] | None = None
    findings: list[Finding] = field(default_factory=list)
    ended: list[tuple[int, int]] = field(default_factory=list)
    rebuild: list[int] = field(default_factory=list)


class _Work(NamedTuple):
    """What the rounds share. ``at``, ``key`` and ``value`` are the batch sorted by slot and time,
    ``order`` where each stands in the batch. ``limits`` are the touched rows' columns,
    ``gain_place`` their places in the overlay's gain rows (-1: none)."""

    state: State
    batch: Observations
    order: NDArray[np.intp]
    at: NDArray[np.int64]
    key: NDArray[np.int64]
    value: NDArray[np.int32]
    overlay: Overlay
    limits: NDArray[np.int32]
    gain_place: NDArray[np.intp]


def step(state: State, batch: Observations) -> Overlay:
    """Judge a batch. The state is only read; ``apply`` takes the result over."""
    slot = _slots_of(state, batch)
    order = np.lexsort((batch.key, batch.at, slot))
    slot = slot[order]
    if len(slot) and slot[0] < 0:  # no rule watches these
        watched = int(np.searchsorted(slot, 0))
        order, slot = order[watched:], slot[watched:]
    at, key = batch.at[order], batch.key[order]
    first = np.ones(len(slot), np.bool_)
    np.not_equal(slot[1:], slot[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    ends = np.append(starts, len(slot))[1:]
    touched = slot[starts]
    limits, live = take(state.rows.limits, touched), take(state.rows.live, touched)
    good = _in_order(limits, live, at, key, starts, ends)
    rebuild: list[int] = []
    if not good.all():
        rebuild, kept = touched[~good].tolist(), np.flatnonzero(good)
        touched, limits, live = touched[kept], take(limits, kept), take(live, kept)
        starts, ends = starts[kept], ends[kept]
    overlay, place = _overlay(state, touched, limits, live)
    overlay.rebuild = rebuild
    before = active(live)
    work = _Work(state, batch, order, at, key, batch.value[order], overlay, columns(limits), place)
    found = _judge_all(work, starts, ends)
    over = (before | found) & ~active(live)
    for index in np.flatnonzero(over):
        bits = int(over[index])
        overlay.ended += [(int(touched[index]), bit) for bit in range(8) if bits >> bit & 1]
    return overlay


def apply(state: State, overlay: Overlay, position: int) -> None:
    """Take the overlay over. Cannot fail: no input or output, shapes are known."""
    put(state.rows.live, overlay.slots, overlay.live)
    put(state.gains, overlay.gain_at, overlay.gain)
    if overlay.limits is not None:
        put(state.rows.limits, overlay.slots, overlay.limits)
    if overlay.due_at is not None:
        state.rows.due_at[overlay.slots] = overlay.due_at
    state.position = position


def _slots_of(state: State, batch: Observations) -> NDArray[np.int32]:
    known = batch.patient < len(state.slots)
    if known.all():
        return state.slots.ravel().take(batch.patient * CODES + batch.code)
    slots = state.slots[np.where(known, batch.patient, 0), batch.code]
    return np.where(known, slots, np.int32(-1))


def _in_order(
    limits: NDArray[np.void],
    live: NDArray[np.void],
    at: NDArray[np.int64],
    key: NDArray[np.int64],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
) -> NDArray[np.bool_]:
    last, span = live["last"], limits["span"]
    first_at = at[starts]
    newer = first_at > last[:, 0]
    if not newer.all():
        newer |= (first_at == last[:, 0]) & (key[starts] > last[:, 1])
    within = (first_at >= span[:, 0]) & (at[ends - 1] < span[:, 1])
    return np.asarray(newer & within)


def _overlay(
    state: State,
    touched: NDArray[np.int32],
    limits: NDArray[np.void],
    live: NDArray[np.void],
) -> tuple[Overlay, NDArray[np.intp]]:
    """Return the overlay of the touched rows, and each row's place in its gain rows."""
    gain_at = limits["gain"]
    gaining = np.flatnonzero(gain_at >= 0)
    place = np.full(len(touched), -1, np.intp)
    place[gaining] = np.arange(len(gaining))
    gain_at = gain_at[gaining]
    return Overlay(touched, live, gain_at, take(state.gains, gain_at)), place


def _judge_all(work: _Work, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Judge every touched row's observations; return the bits found for each row."""
    found = np.zeros(len(starts), np.uint8)
    lengths = ends - starts
    alone = lengths > ROUNDS_MAX
    longer = np.flatnonzero((lengths > 1) & ~alone)
    if len(longer) < FEW:  # a round of a few rows costs more than folding them one by one
        alone |= lengths > 1
    local = np.flatnonzero(~alone)
    for round_ in range(int(lengths[local].max(initial=0))):
        local = local[lengths[local] > round_]
        found[local] |= _judge_round(work, local, starts[local] + round_)
    for index in np.flatnonzero(alone):
        found[index] |= _fold_one(work, int(index), slice(starts[index], ends[index]))
    return found


def _judge_round(
    work: _Work, local: NDArray[np.intp], where: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """Judge the observations at ``where`` on rows ``local``; return the found bits of each.

    Everything is a column of one number a row: numpy loops over long columns at the speed of the
    machine, over rows of four at the speed of a call.
    """
    live, value = work.overlay.live, work.value[where]
    limits = work.limits if len(local) == len(live) else work.limits[:, local]
    negated = -value
    beyond, near = (np.empty((THRESHOLDS, len(value)), np.bool_) for _ in range(2))
    for out, bound in ((beyond, limits[0:4]), (near, limits[4:8])):
        np.greater(negated, bound[:2], out=out[:2])
        np.greater(value, bound[2:], out=out[2:])
    bits = live["bits"][local]
    shift = (bits >> _REGISTERS << 1 | beyond[1:3]) & limits[_WINDOW] & 255
    holds = (bits >> _RULES & 1).astype(np.bool_) & near
    holds[0] |= beyond[0]
    holds[3] |= beyond[3]
    holds[1:3] |= _ONES[shift] >= limits[_NEED]
    if (extreme := np.abs(value) == COMPARATOR).any():
        holds[1:3] |= beyond[1:3] & extreme
    found, now = _packed(holds & beyond), _packed(holds)
    gaining = np.flatnonzero(work.gain_place[local] >= 0)
    if len(gaining):
        gained = _gain_round(work, local[gaining], where[gaining])
        found[gaining] |= gained
        now[gaining] |= gained
    live["bits"][local] = shift[0] | shift[1] << 8 | now.astype(np.int64) << ACTIVE_SHIFT
    live["last"][local, 0], live["last"][local, 1] = work.at[where], work.key[where]
    if found.any():
        _report(work, local, where, found)
    return found


def _packed(truths: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack a column of four truths into one byte, the first in bit 0."""
    places = truths.view(np.uint8) << _PLACES
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(places, axis=0)
    return packed


def _gain_round(work: _Work, local: NDArray[np.intp], where: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Judge the gains of the weighings at ``where``; a comparator has no gain."""
    result = np.zeros(len(local), np.uint8)
    numbers = np.flatnonzero(np.abs(work.value[where]) != COMPARATOR)
    local, where = local[numbers], where[numbers]
    place = work.gain_place[local]
    rows = take(work.overlay.gain, place)
    gain, value = columns(rows), work.value[where]
    day, first = gain[:DAYS_KEPT], gain[DAYS_KEPT : 2 * DAYS_KEPT]
    exceeds, days = gain[-2 * GAINS : -GAINS], gain[-GAINS:]
    today = _civil_days(work.at[where], work.limits[_ZONE, local], work.state.zones)
    past = today - day
    bits = np.zeros(len(local), np.uint8)
    for rule in range(GAINS):
        if days[rule].any():
            inside = (past >= 1) & (past <= days[rule])
            # With no base the gain is hugely negative.
            base = np.where(inside, first, COMPARATOR).min(axis=0)
            bits |= (value - base > exceeds[rule]) << np.uint8(THRESHOLDS + rule)
    _remember_days(work, place, rows, today, value)
    result[numbers] = bits
    return result


def _remember_days(
    work: _Work,
    place: NDArray[np.intp],
    rows: NDArray[np.void],
    today: NDArray[np.int32],
    value: NDArray[np.int32],
) -> None:
    """Keep the first weighing of each civil day."""
    fresh = np.flatnonzero(rows["day"][:, -1] < today)
    if not len(fresh):
        return
    new = columns(take(rows, fresh))
    for part, newest in ((new[:DAYS_KEPT], today), (new[DAYS_KEPT : 2 * DAYS_KEPT], value)):
        part[:-1] = part[1:].copy()
        part[-1] = newest[fresh]
    put(work.overlay.gain, place[fresh], np.ascontiguousarray(new.T).view(rows.dtype)[:, 0])


def _civil_days(
    at: NDArray[np.int64], zone: NDArray[np.int32], zones: list[str]
) -> NDArray[np.int32]:
    """Return the civil day of each instant in its own zone."""
    # Every zone changes its offset on a full quarter of an hour of UTC, so one look is exact; and
    # never twice within a day, so two looks suffice for a short batch of one zone.
    first, last = (int(at.min()), int(at.max())) if len(at) else (0, 0)
    if last - first < DAY and (zone == zone[:1]).all() and len(zone):
        name = zones[int(zone[0])]
        if (offset := _offset(first // _QUARTER, name)) == _offset(last // _QUARTER, name):
            return ((at + offset) // DAY).astype(np.int32)
    looks, where = np.unique((at // _QUARTER) << 12 | zone, return_inverse=True)
    offsets = [_offset(int(look) >> 12, zones[int(look) & 4095]) for look in looks]
    return ((at + np.array(offsets, np.int64)[where]) // DAY).astype(np.int32)


@lru_cache(maxsize=4096)
def _offset(quarter: int, zone_name: str) -> int:
    return utc_offset(quarter * _QUARTER, zone_name)


def _report(
    work: _Work, local: NDArray[np.intp], where: NDArray[np.intp], found: NDArray[np.uint8]
) -> None:
    """Make findings of the rows with a found bit: few, so objects are made only here."""
    index = np.flatnonzero(found)
    local, where, batch = local[index], where[index], work.batch
    place = work.order[where]
    owners = work.state.owner[work.overlay.slots[local]]
    parts = (
        found[index],
        work.limits[_VERSION, local],
        work.at[where],
        work.value[where],
        batch.epoch[place],
        batch.seq[place],
    )
    rows = zip(owners.tolist(), *(part.tolist() for part in parts), strict=True)
    for (patient, code), bits, number, *rest in rows:
        versions = work.state.versions[patient]
        version = next(one for one in reversed(versions) if one.number == number)
        for name in _names(version.rules[BY_NUMBER[code]].names, bits):
            work.overlay.findings.append(Finding._make((patient, code, name, number, *rest)))


@lru_cache(maxsize=4096)
def _names(names: tuple[str | None, ...], bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(names) if name and bits >> bit & 1)


def _fold_one(work: _Work, index: int, where: slice) -> int:
    """Fold a row's observations one by one; return the bits that were found on the way."""
    patient, number = (int(part) for part in work.state.owner[work.overlay.slots[index]])
    code, versions = BY_NUMBER[number], work.state.versions.get(patient, [])
    gain_place = int(work.gain_place[index])
    gain = work.overlay.gain[gain_place] if gain_place >= 0 else None
    memory = memory_of(work.overlay.live[index], gain)
    place, batch = work.order[where], work.batch
    parts = (work.at[where], work.key[where], work.value[where])
    columns_ = (*parts, batch.epoch[place], batch.seq[place])
    series = map(Observation._make, zip(*(part.tolist() for part in columns_), strict=True))
    findings = fold(patient, code, versions, memory, series)
    write_memory(work.overlay.live[index], gain, memory)
    work.overlay.findings += findings
    named = {
        name: bit
        for version in versions
        for bit, name in enumerate(version.rules[code].names if code in version.rules else ())
    }
    found = 0
    for finding in findings:
        found |= 1 << named[finding.rule]
    return found
