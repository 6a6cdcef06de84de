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
from server.engine.rules import COMPARATOR, GAINS, SIGNS, THRESHOLDS
from server.engine.series import Finding, Observation, fold
from server.engine.state import CODES, State, memory_of, put, take, write_memory

ROUNDS_MAX: Final = 8  # a slot with more observations than this in one batch is folded alone
_QUARTER: Final = 15 * MINUTE
_SIGNS: Final = np.array(SIGNS, np.int32)
_ONES: Final = np.array([bits.bit_count() for bits in range(256)], np.uint8)
_BITS: Final = np.array([1, 2, 4, 8], np.uint8)
_GATHER: Final = np.uint32(1 << 24 | 1 << 17 | 1 << 10 | 1 << 3)


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

    def take(self, index: NDArray[np.intp]) -> "Observations":
        """Return the named observations."""
        return Observations(
            self.patient[index],
            self.code[index],
            self.at[index],
            self.key[index],
            self.value[index],
            self.epoch[index],
            self.seq[index],
        )


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
    """What the rounds share: the sorted batch, and for each touched row its limits and its place
    in the overlay's gain rows (-1: none)."""

    state: State
    batch: Observations
    overlay: Overlay
    limits: NDArray[np.void]
    gain_place: NDArray[np.intp]


def step(state: State, batch: Observations) -> Overlay:
    """Judge a batch. The state is only read; ``apply`` takes the result over."""
    slot = _slots_of(state, batch)
    order = np.lexsort((batch.key, batch.at, slot))
    order = order[np.searchsorted(slot[order], 0) :]  # slot -1: no rule watches these
    batch, slot = batch.take(order), slot[order]
    first = np.ones(len(slot), np.bool_)
    np.not_equal(slot[1:], slot[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    ends = np.append(starts, len(slot))[1:]
    touched = slot[starts]
    limits, live = take(state.rows.limits, touched), take(state.rows.live, touched)
    good = _in_order(limits, live, batch, starts, ends)
    rebuild: list[int] = []
    if not good.all():
        rebuild, kept = touched[~good].tolist(), np.flatnonzero(good)
        touched, limits, live = touched[kept], take(limits, kept), take(live, kept)
        starts, ends = starts[kept], ends[kept]
    work = _prepared(state, batch, touched, limits, live)
    work.overlay.rebuild = rebuild
    before = live["active"].copy()
    found = _judge_all(work, starts, ends)
    over = (before | found) & ~work.overlay.live["active"]
    for index in np.flatnonzero(over):
        bits = int(over[index])
        work.overlay.ended += [(int(touched[index]), bit) for bit in range(8) if bits >> bit & 1]
    return work.overlay


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
    batch: Observations,
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
) -> NDArray[np.bool_]:
    last, span = live["last"], limits["span"]
    first_at, first_key = batch.at[starts], batch.key[starts]
    newer = (first_at > last[:, 0]) | ((first_at == last[:, 0]) & (first_key > last[:, 1]))
    within = (first_at >= span[:, 0]) & (batch.at[ends - 1] < span[:, 1])
    return np.asarray(newer & within)


def _prepared(
    state: State,
    batch: Observations,
    touched: NDArray[np.int32],
    limits: NDArray[np.void],
    live: NDArray[np.void],
) -> _Work:
    gain_at = limits["gain"]
    gaining = np.flatnonzero(gain_at >= 0)
    place = np.full(len(touched), -1, np.intp)
    place[gaining] = np.arange(len(gaining))
    gain_at = gain_at[gaining]
    overlay = Overlay(touched, live, gain_at, take(state.gains, gain_at))
    return _Work(state, batch, overlay, limits, place)


def _judge_all(work: _Work, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Judge every touched row's observations; return the bits found for each row."""
    found = np.zeros(len(starts), np.uint8)
    lengths = ends - starts
    short = lengths <= ROUNDS_MAX
    local = np.flatnonzero(short)
    for round_ in range(int(lengths[short].max(initial=0))):
        local = local[lengths[local] > round_]
        found[local] |= _judge_round(work, local, starts[local] + round_)
    for index in np.flatnonzero(~short):
        rows = work.batch.take(np.arange(starts[index], ends[index]))
        found[index] |= _fold_one(work, int(index), rows)
    return found


def _judge_round(work: _Work, local: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Judge observations ``at`` of the batch on rows ``local``; return the found bits of each."""
    batch, rows = work.batch, work.overlay.live
    whole = len(local) == len(rows)  # a round of every row needs no second copy
    limits = work.limits if whole else take(work.limits, local)
    live = rows if whole else take(rows, local)
    signed = batch.value[at, None] * _SIGNS
    beyond = signed > limits["bound"]
    shift = ((live["shift"] << 1) | beyond) & limits["window"]
    was = (live["active"][:, None] & _BITS) != 0
    holds = (_ONES[shift] >= limits["need"]) | (was & (signed > limits["release"]))
    found, active = _packed(holds & beyond), _packed(holds)
    gaining = np.flatnonzero(work.gain_place[local] >= 0)
    if len(gaining):
        bits = _gain_round(work, local[gaining], at[gaining])
        found[gaining] |= bits
        active[gaining] |= bits
    live["shift"], live["active"] = shift, active
    live["last"][:, 0], live["last"][:, 1] = batch.at[at], batch.key[at]
    if not whole:
        put(rows, local, live)
    _report(work, local, at, found)
    return found


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack a row of four truths into one byte, the first in bit 0."""
    # Four bytes of 0 or 1 as one word: the product gathers them in bits 24 to 27, without a carry.
    return (bits.view(np.uint32)[:, 0] * _GATHER >> 24 & 15).astype(np.uint8)


def _gain_round(work: _Work, local: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Judge the gains of weighings ``at`` on rows ``local``; a comparator has no gain."""
    result = np.zeros(len(local), np.uint8)
    numbers = np.flatnonzero(np.abs(work.batch.value[at]) != COMPARATOR)
    local, at = local[numbers], at[numbers]
    place = work.gain_place[local]
    gain, zone = take(work.overlay.gain, place), work.limits["zone"][local]
    value = work.batch.value[at]
    today = _civil_days(work.batch.at[at], zone, work.state.zones)
    past = today[:, None] - gain["day"]
    bits = np.zeros(len(local), np.uint8)
    for rule in range(GAINS):
        days = gain["days"][:, rule]
        if days.any():
            inside = (past >= 1) & (past <= days[:, None])
            # With no base the gain is hugely negative.
            base = np.where(inside, gain["first"], COMPARATOR).min(axis=1)
            bits |= (value - base > gain["exceeds"][:, rule]) << np.uint8(THRESHOLDS + rule)
    _remember_days(work, place, gain, today, value)
    result[numbers] = bits
    return result


def _remember_days(
    work: _Work,
    place: NDArray[np.intp],
    gain: NDArray[np.void],
    today: NDArray[np.int32],
    value: NDArray[np.int32],
) -> None:
    """Keep the first weighing of each civil day."""
    fresh = np.flatnonzero(gain["day"][:, -1] < today)
    if not len(fresh):
        return
    new = take(gain, fresh)
    new["day"][:, :-1], new["first"][:, :-1] = new["day"][:, 1:], new["first"][:, 1:]
    new["day"][:, -1], new["first"][:, -1] = today[fresh], value[fresh]
    put(work.overlay.gain, place[fresh], new)


def _civil_days(
    at: NDArray[np.int64], zone: NDArray[np.int16], zones: list[str]
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
    work: _Work, local: NDArray[np.intp], at: NDArray[np.intp], found: NDArray[np.uint8]
) -> None:
    """Make findings of the rows with a found bit: few, so objects are made only here."""
    index = np.flatnonzero(found)
    local, at, batch = local[index], at[index], work.batch
    owners = work.state.owner[work.overlay.slots[local]]
    columns = (
        found[index],
        work.limits["version"][local],
        batch.at[at],
        batch.value[at],
        batch.epoch[at],
        batch.seq[at],
    )
    rows = zip(owners.tolist(), *(column.tolist() for column in columns), strict=True)
    for (patient, code), bits, number, *rest in rows:
        versions = work.state.versions[patient]
        version = next(one for one in versions if one.number == number)
        for bit, name in enumerate(version.rules[BY_NUMBER[code]].names):
            if bits >> bit & 1 and name is not None:
                work.overlay.findings.append(Finding(patient, code, name, number, *rest))


def _fold_one(work: _Work, index: int, rows: Observations) -> int:
    """Fold a slot's long backlog on its row; return the bits that were found on the way."""
    patient, number = (int(part) for part in work.state.owner[work.overlay.slots[index]])
    code, versions = BY_NUMBER[number], work.state.versions.get(patient, [])
    place = int(work.gain_place[index])
    gain = work.overlay.gain[place] if place >= 0 else None
    memory = memory_of(work.overlay.live[index], gain)
    columns = (rows.at, rows.key, rows.value, rows.epoch, rows.seq)
    series = map(Observation._make, zip(*(column.tolist() for column in columns), strict=True))
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
