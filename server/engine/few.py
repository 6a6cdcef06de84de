"""A few observations, judged one by one: setting up arrays for them costs more than it saves.

This is a district's usual batch. Nearly every value is calm, and moves little but its slot's
newest time; what stirs a rule is folded by the definition (``series``).
"""

from dataclasses import dataclass, field
from operator import itemgetter
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER
from server.engine import gain
from server.engine.families import FAMILIES
from server.engine.instant import now
from server.engine.rules import COMPARATOR
from server.engine.series import Finding, Observation, fold
from server.engine.state import ACTIVE_SHIFT, CODES, EXTRA, State, bits_of, memory_from

# A row of ``state.SLOT``: at, key, bits, span (two), calm (two), extra, zone.
_ROW: Final = Struct("<qqqqqiiii")
_EXTRA: Final = Struct(f"<{len(FAMILIES)}i")
_GAIN: Final = (EXTRA.names or ()).index("gain")
_IN_ORDER: Final = itemgetter(0, 1)


@dataclass(slots=True)
class Few:
    """What became of them: the touched rows by slot, those of the gains by place, what was found,
    and by slot the rules that held at any time (as in a row's bits)."""

    rows: dict[int, tuple[int, ...]] = field(default_factory=dict)
    gains: dict[int, NDArray[np.void]] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    held: dict[int, int] = field(default_factory=dict)

    def apply(self, state: State) -> None:
        """Take the touched rows over."""
        rows: Any = state.rows  # a buffer of bytes to ``struct``
        gains = state.tables["gain"].rows
        for slot, row in self.rows.items():
            _ROW.pack_into(rows, slot * _ROW.size, *row)
        for place, own in self.gains.items():
            gains[place] = own[0]

    def over(self) -> list[tuple[int, int]]:
        """Return (slot, active bits) of what held at any time, and does not at the end."""
        ended = [(slot, held & ~self.rows[slot][2]) for slot, held in self.held.items()]
        return [(slot, bits >> ACTIVE_SHIFT) for slot, bits in ended if bits >> ACTIVE_SHIFT]


def judge_few(state: State, columns: tuple[NDArray[Any], ...]) -> Few | None:
    """Judge observations, given as columns: at, key, value, epoch, seq, steady, patient, code.

    Returns None, for arrays to do it, where one is late for its slot or beyond the span of its
    limits, or has rules over windows other than gains: their memory is slow to unpack.
    """
    few, slots, patients = Few(), state.slots, len(state.slots)
    rows: Any = state.rows  # a buffer of bytes to ``struct``
    given = list(zip(*[column.tolist() for column in columns], strict=True))
    if len(given) > 1:
        given.sort(key=_IN_ORDER)
    for at, key, value, epoch, seq, steady, patient, code in given:
        slot = slots.item(patient * CODES + code) if patient < patients else -1
        if slot < 0:
            continue
        row = few.rows.get(slot) or _ROW.unpack_from(rows, slot * _ROW.size)
        last_at, last_key, bits, since, until, low, high, extra, zone = row
        if not since <= at < until or at < last_at or (at == last_at and key <= last_key):
            return None
        if extra >= 0 and not _only_gains(state, extra):
            return None
        one = Observation(at, key, value, epoch, seq, steady)
        calm = not bits and low <= value <= high  # nothing held before it, and nothing is beyond
        if not calm or (extra >= 0 and not _is_no_gain(state, few, extra, zone, one)):
            bits = _fold(state, few, slot, row, one)
        few.rows[slot] = at, key, bits, since, until, low, high, extra, zone
    return few


def _only_gains(state: State, extra: int) -> bool:
    rows: Any = state.tables["extra"].rows
    places = _EXTRA.unpack_from(rows, extra * _EXTRA.size)
    return all(place < 0 for family, place in enumerate(places) if family != _GAIN)


def _gain_row(state: State, few: Few, extra: int) -> NDArray[np.void]:
    """Return the slot's own copy of its row of gains."""
    place = state.tables["extra"].rows["gain"].item(extra)
    if place not in few.gains:
        few.gains[place] = state.tables["gain"].rows[place : place + 1].copy()
    return few.gains[place]


def _is_no_gain(state: State, few: Few, extra: int, zone: int, one: Observation) -> bool:
    """Tell whether a value is surely no gain, and if so remember it."""
    if abs(one.value) == COMPARATOR:
        return False
    when = now(one.at, one.value, state.zones[zone], one.steady)
    return gain.surely_none(_gain_row(state, few, extra), when)


def _fold(state: State, few: Few, slot: int, row: tuple[int, ...], one: Observation) -> int:
    """Judge one observation by the definition; return the row's bits after it."""
    patient, code = state.owner[slot].tolist()
    at, key, bits, extra = row[0], row[1], row[2], row[7]
    windows = {"gain": _gain_row(state, few, extra)[0]} if extra >= 0 else {}
    memory = memory_from(bits, at, key, windows)
    few.found += fold(patient, BY_NUMBER[code], state.versions.get(patient, []), memory, [one])
    if windows:
        gain.store(windows["gain"], memory.windows["gain"])
    after = bits_of(memory)
    few.held[slot] = few.held.get(slot, 0) | bits | after
    return after
