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
from server.engine.change import covers_one
from server.engine.families import FAMILIES, Family
from server.engine.instant import now
from server.engine.rules import COMPARATOR
from server.engine.series import Finding, Observation, fold
from server.engine.state import ACTIVE_SHIFT, CODES, State, bits_of, memory_from

# A row of ``state.SLOT``: at, key, bits, span (two), calm (two), extra, zone.
_ROW: Final = Struct("<qqqqqiiii")
_EXTRA: Final = Struct(f"<{len(FAMILIES)}i")
_IN_ORDER: Final = itemgetter(0, 1)


@dataclass(slots=True)
class Few:
    """What became of them: the touched rows by slot, those of the families by name and place,
    what was found, and by slot the rules that held at any time (as in a row's bits)."""

    rows: dict[int, tuple[int, ...]] = field(default_factory=dict)
    windows: dict[tuple[str, int], NDArray[np.void]] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    held: dict[int, int] = field(default_factory=dict)

    def apply(self, state: State) -> None:
        """Take the touched rows over."""
        rows: Any = state.rows  # a buffer of bytes to ``struct``
        for slot, row in self.rows.items():
            _ROW.pack_into(rows, slot * _ROW.size, *row)
        for (name, place), own in self.windows.items():
            state.tables[name].rows[place] = own[0]

    def over(self) -> list[tuple[int, int]]:
        """Return (slot, active bits) of what held at any time, and does not at the end."""
        ended = [(slot, held & ~self.rows[slot][2]) for slot, held in self.held.items()]
        return [(slot, bits >> ACTIVE_SHIFT) for slot, bits in ended if bits >> ACTIVE_SHIFT]


def judge_few(state: State, columns: tuple[NDArray[Any], ...]) -> Few | None:
    """Judge observations, given as columns: at, key, value, epoch, seq, steady, patient, code.

    Returns None, for arrays to do it, where one is late for its slot or beyond the span of its
    limits or what its windows keep, or has rules over windows that are slow one by one.
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
        windows = _windows(state, few, extra, at) if extra >= 0 else []
        if windows is None:
            return None
        one = Observation(at, key, value, epoch, seq, steady)
        calm = not bits and low <= value <= high  # nothing held before it, and nothing is beyond
        if not calm or not _are_calm(few, windows, state.zones[zone], one):
            bits = _fold(state, few, slot, row, one, windows)
        few.rows[slot] = at, key, bits, since, until, low, high, extra, zone
    return few


_Window = tuple[Family, int, NDArray[np.void]]


def _windows(state: State, few: Few, extra: int, at: int) -> list[_Window] | None:
    """Return a slot's rows of the families, each with its place; None where one is slow to judge,
    or does not keep all that its windows reach."""
    places: Any = state.tables["extra"].rows
    windows = []
    for family, place in zip(
        FAMILIES, _EXTRA.unpack_from(places, extra * _EXTRA.size), strict=True
    ):
        if place >= 0:
            row = few.windows.get((family.name, place))
            if row is None:
                row = state.tables[family.name].rows[place : place + 1]
            if family.judge_one is None or (family.name == "change" and not covers_one(row[0], at)):
                return None
            windows.append((family, place, row))
    return windows


def _are_calm(few: Few, windows: list[_Window], zone: str, one: Observation) -> bool:
    """Tell whether a value is surely beyond no rule over a window, and if so remember it."""
    if not windows:
        return True
    if abs(one.value) == COMPARATOR:
        return False
    when, moved = now(one.at, one.value, zone, one.steady), {}
    for family, place, row in windows:
        assert family.judge_one is not None  # noqa: S101 - else there are no windows
        moved[family.name, place] = own = row.copy()
        if family.judge_one(own, when):
            return False
    few.windows.update(moved)
    return True


def _fold(
    state: State,
    few: Few,
    slot: int,
    row: tuple[int, ...],
    one: Observation,
    windows: list[_Window],
) -> int:
    """Judge one observation by the definition; return the row's bits after it."""
    patient, code = state.owner[slot].tolist()
    at, key, bits = row[:3]
    own = {family.name: place_row.copy() for family, _, place_row in windows}
    memory = memory_from(bits, at, key, {name: kept[0] for name, kept in own.items()})
    few.found += fold(patient, BY_NUMBER[code], state.versions.get(patient, []), memory, [one])
    for family, place, _ in windows:
        family.store(own[family.name][0], memory.windows[family.name])
        few.windows[family.name, place] = own[family.name]
    after = bits_of(memory)
    few.held[slot] = few.held.get(slot, 0) | bits | after
    return after
