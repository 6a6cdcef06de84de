"""What the engine knows between two batches: one row a slot, a slot per (patient, code) watched.

Arrays grow by doubling. ``slots[patient, code]`` is a slot's index or -1: patients are dense
database ids, so no dictionary is asked on the way of an observation. Everything here follows
from the input log up to ``position``; a snapshot only saves folding it again.
"""

from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER, Code
from server.engine.rules import GAINS, NOTHING, THRESHOLDS, UNLIMITED, Version, in_force
from server.engine.series import DAYS_KEPT, Memory

CODES: Final = len(BY_NUMBER)
NEVER: Final = -(2**62)
FOREVER: Final = 2**62
NO_DAY: Final = -(2**31)


@dataclass(slots=True)
class Rows:
    """A column for each thing a slot holds; the same class holds all slots or the touched ones.

    ``span`` is the time in which the row's limits are in force. ``last`` is (at, key) of the
    newest observation. ``day`` and ``first`` are the first weighings of the newest civil days,
    oldest first, filled from the right.
    """

    bound: NDArray[np.int32]
    release: NDArray[np.int32]
    need: NDArray[np.uint8]
    window: NDArray[np.uint8]
    span: NDArray[np.int64]
    last: NDArray[np.int64]
    shift: NDArray[np.uint8]
    active: NDArray[np.uint8]
    gain_days: NDArray[np.uint8]
    exceeds: NDArray[np.int32]
    day: NDArray[np.int32]
    first: NDArray[np.int32]
    version: NDArray[np.int32]
    zone: NDArray[np.int16]
    due_at: NDArray[np.int64]

    def take(self, slots: NDArray[np.intp]) -> "Rows":
        """Copy the named slots' rows."""
        return Rows(*(getattr(self, column.name)[slots] for column in fields(self)))

    def put(self, slots: NDArray[np.intp], rows: "Rows") -> None:
        """Write rows back. Cannot fail: shapes and types are those of ``take``."""
        for column in fields(self):
            getattr(self, column.name)[slots] = getattr(rows, column.name)


def empty_rows(count: int) -> Rows:
    """Make rows that watch nothing."""
    return Rows(
        bound=np.full((count, THRESHOLDS), UNLIMITED, np.int32),
        release=np.full((count, THRESHOLDS), UNLIMITED, np.int32),
        need=np.ones((count, THRESHOLDS), np.uint8),
        window=np.ones((count, THRESHOLDS), np.uint8),
        span=np.tile(np.array([NEVER, FOREVER], np.int64), (count, 1)),
        last=np.full((count, 2), NEVER, np.int64),
        shift=np.zeros((count, THRESHOLDS), np.uint8),
        active=np.zeros(count, np.uint8),
        gain_days=np.zeros((count, GAINS), np.uint8),
        exceeds=np.full((count, GAINS), UNLIMITED, np.int32),
        day=np.full((count, DAYS_KEPT), NO_DAY, np.int32),
        first=np.zeros((count, DAYS_KEPT), np.int32),
        version=np.zeros(count, np.int32),
        zone=np.zeros(count, np.int16),
        due_at=np.full(count, FOREVER, np.int64),
    )


@dataclass(slots=True)
class State:
    """The engine's whole state after the input log's ``position``."""

    position: int = 0
    used: int = 0
    rows: Rows = field(default_factory=lambda: empty_rows(64))
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
        while patient >= len(self.slots):
            self.slots = np.concatenate([self.slots, np.full_like(self.slots, -1)])
        if self.used == len(self.owner):
            more = empty_rows(self.used)
            for column in fields(Rows):
                old = getattr(self.rows, column.name)
                setattr(self.rows, column.name, np.concatenate([old, getattr(more, column.name)]))
            self.owner = np.concatenate([self.owner, np.zeros_like(self.owner)])
        number = BY_NUMBER.index(code)
        self.slots[patient, number] = self.used
        self.owner[self.used] = patient, number
        self.used += 1
        return self.used - 1

    def zone_number(self, name: str) -> int:
        """Return the zone's place in ``zones``, made when it is new."""
        if name not in self.zones:
            self.zones.append(name)
        return self.zones.index(name)

    def next_due(self) -> int:
        """Return the earliest instant at which a measurement becomes missing."""
        return int(self.rows.due_at[: self.used].min(initial=FOREVER))


def memory_of(rows: Rows, index: int) -> Memory:
    """Read a row's moving part as the form that ``series.fold`` moves on."""
    days = [
        (int(day), int(first))
        for day, first in zip(rows.day[index], rows.first[index], strict=True)
        if day != NO_DAY
    ]
    shift = [int(bits) for bits in rows.shift[index]]
    at, key = (int(part) for part in rows.last[index])
    return Memory(shift, int(rows.active[index]), at, key, days)


def write_memory(rows: Rows, index: int, memory: Memory) -> None:
    """Write a folded memory back into a row."""
    rows.shift[index] = memory.shift
    rows.active[index] = memory.active
    rows.last[index] = memory.at, memory.key
    rows.day[index], rows.first[index] = NO_DAY, 0
    for place, (day, first) in enumerate(reversed(memory.days)):
        rows.day[index, -1 - place], rows.first[index, -1 - place] = day, first


def write_rules(
    rows: Rows, index: int, code: Code, versions: list[Version], at: int, zone: int
) -> None:
    """Write into a row the limits in force at ``at``, and the span in which they are."""
    version = in_force(versions, at)
    later = [one.from_at for one in versions if one.from_at > at]
    rules = version.rules.get(code, NOTHING) if version else NOTHING
    rows.span[index] = version.from_at if version else NEVER, min(later, default=FOREVER)
    rows.version[index] = version.number if version else 0
    rows.zone[index] = zone
    rows.bound[index] = rules.bounds
    rows.release[index] = [
        bound if bound == UNLIMITED else bound - rules.hysteresis for bound in rules.bounds
    ]
    rows.need[index] = rules.need
    rows.window[index] = [(1 << last) - 1 for last in rules.of_last]
    rows.gain_days[index] = rules.gain_days
    rows.exceeds[index] = rules.exceeds
