"""One step: judge a batch of observations on an overlay, leaving the state as it was.

Observations that are in order for their slot (newer than its newest, within the span of the
row's limits) are judged in *rounds*: the batch is sorted by (slot, at, key) and each round holds
a slot at most once, so a round is a handful of array operations. Slots with a long backlog are
folded one by one. All others are named in ``rebuild`` for the caller to judge from history.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER
from server.domain.instants import DAY, MINUTE, utc_offset
from server.engine.rules import COMPARATOR, GAINS, SIGNS, THRESHOLDS
from server.engine.series import Finding, Observation, fold
from server.engine.state import Rows, State, memory_of, write_memory

ROUNDS_MAX: Final = 8  # a slot with more observations than this in one batch is folded alone
_QUARTER: Final = 15 * MINUTE
_SIGNS: Final = np.array(SIGNS, np.int32)
_ONES: Final = np.array([bits.bit_count() for bits in range(256)], np.uint8)
_BITS: Final = np.array([1, 2, 4, 8], np.uint8)


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
    """The touched rows after the batch, and what was found.

    ``ended`` names the (slot, rule bit) whose condition held and no longer does, or was found
    and did not hold to the batch's end; ``rebuild`` the slots that need their history.
    """

    slots: NDArray[np.intp]
    rows: Rows
    findings: list[Finding] = field(default_factory=list)
    ended: list[tuple[int, int]] = field(default_factory=list)
    rebuild: list[int] = field(default_factory=list)


def step(state: State, batch: Observations) -> Overlay:
    """Judge a batch. The state is only read; ``apply`` takes the result over."""
    slot = _slots_of(state, batch)
    order = np.lexsort((batch.key, batch.at, slot))
    order = order[np.searchsorted(slot[order], 0) :]  # slot -1: no rule watches these
    batch, slot = batch.take(order), slot[order]
    starts = np.flatnonzero(np.diff(slot, prepend=-1))
    ends = np.append(starts, len(slot))[1:]
    good = _in_order(state, batch, slot[starts], starts, ends)
    touched = slot[starts[good]]
    overlay = Overlay(touched, state.rows.take(touched))
    overlay.rebuild = slot[starts[~good]].tolist()
    before = overlay.rows.live["active"].copy()
    found = np.zeros(len(touched), np.uint8)
    lengths = (ends - starts)[good]
    short = lengths <= ROUNDS_MAX
    local = np.flatnonzero(short)
    for round_ in range(int(lengths[short].max(initial=0))):
        local = local[lengths[local] > round_]
        at = starts[good][local] + round_
        found[local] |= _judge_round(state, overlay, batch, local, at)
    for index in np.flatnonzero(~short):
        rows = batch.take(np.arange(starts[good][index], ends[good][index]))
        found[index] |= _fold_one(state, overlay, int(index), rows)
    over = (before | found) & ~overlay.rows.live["active"]
    for index in np.flatnonzero(over):
        bits = int(over[index])
        overlay.ended += [(int(touched[index]), bit) for bit in range(8) if bits >> bit & 1]
    return overlay


def apply(state: State, overlay: Overlay, position: int) -> None:
    """Take the overlay over. Cannot fail: no input or output, shapes are known."""
    state.rows.put(overlay.slots, overlay.rows)
    state.position = position


def _slots_of(state: State, batch: Observations) -> NDArray[np.intp]:
    known = batch.patient < len(state.slots)
    slots = state.slots[np.where(known, batch.patient, 0), batch.code]
    return np.where(known, slots, -1).astype(np.intp)


def _in_order(
    state: State,
    batch: Observations,
    slots: NDArray[np.intp],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
) -> NDArray[np.bool_]:
    last, span = state.rows.live["last"][slots], state.rows.limits["span"][slots]
    first_at, first_key = batch.at[starts], batch.key[starts]
    newer = (first_at > last[:, 0]) | ((first_at == last[:, 0]) & (first_key > last[:, 1]))
    within = (first_at >= span[:, 0]) & (batch.at[ends - 1] < span[:, 1])
    return np.asarray(newer & within)


def _judge_round(
    state: State,
    overlay: Overlay,
    batch: Observations,
    local: NDArray[np.intp],
    at: NDArray[np.intp],
) -> NDArray[np.uint8]:
    """Judge observations ``at`` of the batch on rows ``local``; return the found bits of each."""
    rows = overlay.rows
    whole = len(local) == len(rows.live)  # a round of every row needs no second copy
    limits = rows.limits if whole else rows.limits[local]
    live = rows.live if whole else rows.live[local]
    signed = batch.value[at, None] * _SIGNS
    beyond = signed > limits["bound"]
    shift = ((live["shift"] << 1) | beyond) & limits["window"]
    was = (live["active"][:, None] & _BITS) != 0
    holds = (_ONES[shift] >= limits["need"]) | (was & (signed > limits["release"]))
    found = _packed(holds & beyond)
    active = _packed(holds)
    gaining = np.flatnonzero(limits["gains"])
    if len(gaining):
        bits = _gain_round(state, rows, batch, local[gaining], at[gaining])
        found[gaining] |= bits
        active[gaining] |= bits
    live["shift"], live["active"] = shift, active
    live["last"][:, 0], live["last"][:, 1] = batch.at[at], batch.key[at]
    if not whole:
        rows.live[local] = live
    for index in np.flatnonzero(found):
        _report(state, overlay, batch, int(local[index]), int(at[index]), int(found[index]))
    return found


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack a row of four truths into one byte, the first in bit 0."""
    return np.packbits(bits, axis=1, bitorder="little")[:, 0]


def _gain_round(
    state: State,
    rows: Rows,
    batch: Observations,
    local: NDArray[np.intp],
    at: NDArray[np.intp],
) -> NDArray[np.uint8]:
    numbers = np.abs(batch.value[at]) != COMPARATOR
    local, at, count = local[numbers], at[numbers], len(local)
    gain, zone = rows.gain[local], rows.limits["zone"][local]
    value, today = batch.value[at], _civil_days(batch.at[at], zone, state.zones)
    past = today[:, None] - gain["day"]
    bits = np.zeros(len(local), np.uint8)
    for place in range(GAINS):
        inside = (past >= 1) & (past <= gain["days"][:, place, None])
        base = np.where(inside, gain["first"], COMPARATOR).min(axis=1)
        over = value - base > gain["exceeds"][:, place]
        bits |= (inside.any(axis=1) & over).astype(np.uint8) << (THRESHOLDS + place)
    fresh = gain["day"][:, -1] < today
    new = gain[fresh]
    new["day"][:, :-1], new["first"][:, :-1] = new["day"][:, 1:], new["first"][:, 1:]
    new["day"][:, -1], new["first"][:, -1] = today[fresh], value[fresh]
    rows.gain[local[fresh]] = new
    result = np.zeros(count, np.uint8)
    result[numbers] = bits
    return result


def _civil_days(
    at: NDArray[np.int64], zone: NDArray[np.int16], zones: list[str]
) -> NDArray[np.int64]:
    """Return the civil day of each instant in its own zone."""
    # Every zone changes its offset on a full quarter of an hour of UTC, so one look is exact.
    quarters, where = np.unique(
        np.stack([at // _QUARTER, zone.astype(np.int64)]), axis=1, return_inverse=True
    )
    offset = np.array(
        [utc_offset(int(quarter) * _QUARTER, zones[int(number)]) for quarter, number in quarters.T],
        np.int64,
    )
    return np.asarray((at + offset[where.ravel()]) // DAY, np.int64)


def _report(
    state: State, overlay: Overlay, batch: Observations, local: int, at: int, bits: int
) -> None:
    slot = int(overlay.slots[local])
    patient, code = int(state.owner[slot, 0]), BY_NUMBER[int(state.owner[slot, 1])]
    number = int(overlay.rows.limits["version"][local])
    version = next(one for one in state.versions[patient] if one.number == number)
    for bit, name in enumerate(version.rules[code].names):
        if bits >> bit & 1 and name is not None:
            overlay.findings.append(
                Finding(
                    patient,
                    int(state.owner[slot, 1]),
                    name,
                    number,
                    int(batch.at[at]),
                    int(batch.value[at]),
                    int(batch.epoch[at]),
                    int(batch.seq[at]),
                )
            )


def _fold_one(state: State, overlay: Overlay, index: int, rows: Observations) -> int:
    """Fold a slot's long backlog on its row; return the bits that were found on the way."""
    patient, number = (int(part) for part in state.owner[overlay.slots[index]])
    code = BY_NUMBER[number]
    memory = memory_of(overlay.rows, index)
    series = [
        Observation(*(int(part) for part in one))
        for one in zip(rows.at, rows.key, rows.value, rows.epoch, rows.seq, strict=True)
    ]
    findings = fold(patient, code, state.versions.get(patient, []), memory, series)
    write_memory(overlay.rows, index, memory)
    overlay.findings += findings
    named = {
        name: bit
        for version in state.versions.get(patient, [])
        for bit, name in enumerate(version.rules[code].names if code in version.rules else ())
        if name is not None
    }
    found = 0
    for finding in findings:
        found |= 1 << named[finding.rule]
    return found
