"""What the engine knows between two batches: one row a slot, a slot per (patient, code) watched.

Arrays grow by doubling. ``slots[patient, code]`` is a slot's index or -1: patients are dense
database ids, so no dictionary is asked on the way of an observation. Everything here follows
from the input log up to ``position``; a snapshot only saves folding it again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER, Code
from server.domain.timeline import FOREVER as FOREVER
from server.engine.families import FAMILIES, Family
from server.engine.rules import ACTIVE_SHIFT as ACTIVE_SHIFT
from server.engine.rules import NOTHING, THRESHOLDS, UNLIMITED, Version, governing
from server.engine.series import Memory

CODES: Final = len(BY_NUMBER)
NEVER: Final = -(2**62)


# One row a slot, packed so that touching a slot touches a cache line or two, and moved as bytes
# (``packed``). First what moves: ``last`` is (at, key) of the newest observation; ``bits`` packs
# the inner rules' shift registers (a byte each) and then one active bit a rule. Then what the plan
# says: ``span`` is the time in which these limits are in force; a value within ``calm`` (both ends
# included) is beyond none of them. ``extra`` is a row of ``EXTRA``, or -1: few slots have rules
# over windows.
SLOT: Final = np.dtype(
    [
        ("last", "<i8", 2),
        ("bits", "<i8"),
        ("span", "<i8", 2),
        ("calm", "<i4", 2),
        ("extra", "<i4"),
        ("zone", "<i4"),
    ]
)
# The limits of the same slots, which are looked at only where something stirs: ``bound`` the four
# and then the four less their hysteresis; ``need`` of the last (``window`` is their mask) must be
# beyond an inner one.
LIMITS: Final = np.dtype(
    [
        ("bound", "<i4", 2 * THRESHOLDS),
        ("version", "<i4"),
        ("need", "u1"),
        ("window", "u1"),
        ("unused", "u1", 2),
    ]
)
# Where a slot's rows stand in the tables of the families (``families.FAMILIES``), or -1.
EXTRA: Final = np.dtype([(family.name, "<i4") for family in FAMILIES])
_INNER: Final = (1, 2)


def active(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Return the active bits of rows, a bit a rule."""
    return np.asarray(rows["bits"] >> ACTIVE_SHIFT)


def set_active(rows: NDArray[np.void], index: int, bit: int) -> None:
    """Set one rule's active bit of one row."""
    rows["bits"][index] |= 1 << ACTIVE_SHIFT + bit


def empty_rows(count: int) -> NDArray[np.void]:
    """Make rows that watch nothing."""
    rows = np.zeros(count, SLOT)
    rows["last"] = NEVER
    rows["span"] = NEVER, FOREVER
    rows["calm"] = -UNLIMITED, UNLIMITED
    rows["extra"] = -1
    return rows


def no_limits(count: int) -> NDArray[np.void]:
    """Make limits that nothing is beyond."""
    limits = np.zeros(count, LIMITS)
    limits["bound"] = UNLIMITED
    limits["need"] = limits["window"] = 1
    return limits


class Table:
    """Rows of one kind that grow by doubling; ``used`` of them are somebody's."""

    def __init__(self, empty: Callable[[int], NDArray[np.void]]) -> None:
        self.used = 0
        self._empty = empty
        self.rows = empty(16)

    def make(self) -> int:
        """Return the place of a new row."""
        if self.used == len(self.rows):
            self.rows = np.concatenate([self.rows, self._empty(self.used)])
        self.used += 1
        return self.used - 1


def _no_extra(count: int) -> NDArray[np.void]:
    rows = np.zeros(count, EXTRA)
    for name in EXTRA.names or ():
        rows[name] = -1
    return rows


def _tables() -> dict[str, Table]:
    return {"extra": Table(_no_extra), **{one.name: Table(one.empty) for one in FAMILIES}}


@dataclass(slots=True)
class State:
    """The engine's whole state after the input log's ``position``."""

    position: int = 0
    used: int = 0
    rows: NDArray[np.void] = field(default_factory=lambda: empty_rows(64))
    limits: NDArray[np.void] = field(default_factory=lambda: no_limits(64))
    due_at: NDArray[np.int64] = field(default_factory=lambda: np.full(64, FOREVER, np.int64))
    tables: dict[str, Table] = field(default_factory=_tables)
    owner: NDArray[np.int32] = field(default_factory=lambda: np.zeros((64, 2), np.int32))
    slots: NDArray[np.int32] = field(default_factory=lambda: np.full((64, CODES), -1, np.int32))
    zones: list[str] = field(default_factory=list)
    versions: dict[int, list[Version]] = field(default_factory=dict)

    def slot(self, patient: int, code: Code) -> int:
        """Return the slot's index, or -1 where no rule of the patient's plans needs one."""
        if patient >= len(self.slots):
            return -1
        return int(self.slots[patient, BY_NUMBER.index(code)])

    def make_slot(self, patient: int, code: Code) -> int:
        """Return the slot's index, made when it is new."""
        if (found := self.slot(patient, code)) >= 0:
            return found
        while patient >= len(self.slots) - 1:  # the last place stays nobody's
            self.slots = np.concatenate([self.slots, np.full_like(self.slots, -1)])
        if self.used == len(self.owner):
            self.rows = np.concatenate([self.rows, empty_rows(self.used)])
            self.limits = np.concatenate([self.limits, no_limits(self.used)])
            self.due_at = np.concatenate([self.due_at, np.full(self.used, FOREVER, np.int64)])
            self.owner = np.concatenate([self.owner, np.zeros_like(self.owner)])
        number = BY_NUMBER.index(code)
        self.slots[patient, number] = self.used
        self.owner[self.used] = patient, number
        self.used += 1
        return self.used - 1

    def make_room(self, slot: int, families: Iterable[Family]) -> None:
        """Give a slot rows in the families' tables, where it has none."""
        extra = self.tables["extra"]
        for family in families:
            if self.rows["extra"][slot] < 0:
                self.rows["extra"][slot] = extra.make()
            places = extra.rows[self.rows["extra"][slot]]
            if places[family.name] < 0:
                places[family.name] = self.tables[family.name].make()

    def places(self, slot: int) -> list[tuple[Family, int]]:
        """Return the families that a slot has a row of, and its place there."""
        if (extra := int(self.rows["extra"][slot])) < 0:
            return []
        row = self.tables["extra"].rows[extra]
        return [(family, int(row[family.name])) for family in FAMILIES if row[family.name] >= 0]

    def zone_number(self, name: str) -> int:
        """Return the zone's place in ``zones``, made when it is new."""
        if name not in self.zones:
            self.zones.append(name)
        return self.zones.index(name)

    def next_due(self) -> int:
        """Return the earliest instant at which a measurement becomes missing."""
        return int(self.due_at[: self.used].min(initial=FOREVER))


def memory_of(row: np.void, windows: dict[str, np.void]) -> Memory:
    """Read a slot's moving part, with its rows of the families, for ``series.fold``."""
    at, key = row["last"].tolist()
    return memory_from(int(row["bits"]), at, key, windows)


def memory_from(bits: int, at: int, key: int, windows: dict[str, np.void]) -> Memory:
    """Do the same with the moving part as numbers."""
    # An outer rule looks at one value only: its register is never asked.
    shift = [0, bits & 255, bits >> 8 & 255, 0]
    loaded = {one.name: one.load(windows[one.name]) for one in FAMILIES if one.name in windows}
    return Memory(shift, bits >> ACTIVE_SHIFT, at, key, loaded)


def bits_of(memory: Memory) -> int:
    """Pack a folded memory as a row's bits."""
    low, high = (memory.shift[rule] for rule in _INNER)
    return low | high << 8 | memory.active << ACTIVE_SHIFT


def write_memory(row: np.void, windows: dict[str, np.void], memory: Memory) -> None:
    """Write a folded memory back into a slot's rows."""
    row["bits"], row["last"] = bits_of(memory), (memory.at, memory.key)
    for family in FAMILIES:
        if family.name in windows:
            family.store(windows[family.name], memory.windows[family.name])


def write_rules(
    row: np.void,
    limits: np.void,
    windows: dict[str, np.void],
    code: Code,
    versions: list[Version],
    at: int,
    zone: int,
) -> None:
    """Write into a slot's rows the rules in force at ``at``, and the span in which they are."""
    version, until = governing(versions, at)
    rules = version.rules.get(code, NOTHING) if version else NOTHING
    row["span"] = version.from_at if version else NEVER, until
    row["zone"] = zone
    row["calm"] = rules.calm
    limits["bound"] = *rules.bounds, *(bound - rules.hysteresis for bound in rules.bounds)
    limits["version"] = version.number if version else 0
    limits["need"] = rules.need
    limits["window"] = (1 << rules.of_last) - 1
    for family in FAMILIES:
        if family.name in windows:
            family.write(windows[family.name], rules)
