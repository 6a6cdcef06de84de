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


# One row a slot in each table, packed so that touching a slot touches one or two cache lines.
# ``span`` is the time in which the limits are in force.
LIMITS: Final = np.dtype(
    [
        ("bound", "<i4", THRESHOLDS),
        ("release", "<i4", THRESHOLDS),
        ("span", "<i8", 2),
        ("need", "u1", THRESHOLDS),
        ("window", "u1", THRESHOLDS),
        ("version", "<i4"),
        ("zone", "<i2"),
        ("gains", "?"),
        ("padding", "u1"),
    ]
)
# ``last`` is (at, key) of the newest observation; ``active`` has one bit a rule.
LIVE: Final = np.dtype(
    [("last", "<i8", 2), ("shift", "u1", THRESHOLDS), ("active", "u1"), ("padding", "u1", 3)]
)
# ``day`` and ``first`` are the first weighings of the newest civil days, oldest first, filled
# from the right.
GAIN: Final = np.dtype(
    [
        ("day", "<i4", DAYS_KEPT),
        ("first", "<i4", DAYS_KEPT),
        ("exceeds", "<i4", GAINS),
        ("days", "u1", GAINS),
        ("padding", "u1", 6),
    ]
)


@dataclass(slots=True)
class Rows:
    """The tables of all slots, or of the touched ones."""

    limits: NDArray[np.void]
    live: NDArray[np.void]
    gain: NDArray[np.void]
    due_at: NDArray[np.int64]

    def take(self, slots: NDArray[np.intp]) -> "Rows":
        """Copy the named slots' rows."""
        return Rows(self.limits[slots], self.live[slots], self.gain[slots], self.due_at[slots])

    def put(self, slots: NDArray[np.intp], rows: "Rows") -> None:
        """Write rows back. Cannot fail: shapes and types are those of ``take``."""
        self.limits[slots], self.live[slots] = rows.limits, rows.live
        self.gain[slots], self.due_at[slots] = rows.gain, rows.due_at


def empty_rows(count: int) -> Rows:
    """Make rows that watch nothing."""
    limits, live, gain = np.zeros(count, LIMITS), np.zeros(count, LIVE), np.zeros(count, GAIN)
    limits["bound"] = limits["release"] = gain["exceeds"] = UNLIMITED
    limits["need"] = limits["window"] = 1
    limits["span"] = NEVER, FOREVER
    live["last"] = NEVER
    gain["day"] = NO_DAY
    return Rows(limits, live, gain, np.full(count, FOREVER, np.int64))


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
    live, gain = rows.live[index], rows.gain[index]
    days = [
        (int(day), int(first))
        for day, first in zip(gain["day"], gain["first"], strict=True)
        if day != NO_DAY
    ]
    at, key = (int(part) for part in live["last"])
    return Memory([int(bits) for bits in live["shift"]], int(live["active"]), at, key, days)


def write_memory(rows: Rows, index: int, memory: Memory) -> None:
    """Write a folded memory back into a row."""
    live, gain = rows.live[index], rows.gain[index]
    live["shift"], live["active"] = memory.shift, memory.active
    live["last"] = memory.at, memory.key
    gain["day"], gain["first"] = NO_DAY, 0
    for place, (day, first) in enumerate(reversed(memory.days)):
        gain["day"][-1 - place], gain["first"][-1 - place] = day, first


def write_rules(
    rows: Rows, index: int, code: Code, versions: list[Version], at: int, zone: int
) -> None:
    """Write into a row the limits in force at ``at``, and the span in which they are."""
    version = in_force(versions, at)
    later = [one.from_at for one in versions if one.from_at > at]
    rules = version.rules.get(code, NOTHING) if version else NOTHING
    limits, gain = rows.limits[index], rows.gain[index]
    limits["span"] = version.from_at if version else NEVER, min(later, default=FOREVER)
    limits["version"] = version.number if version else 0
    limits["zone"] = zone
    limits["bound"] = rules.bounds
    limits["release"] = [
        bound if bound == UNLIMITED else bound - rules.hysteresis for bound in rules.bounds
    ]
    limits["need"] = rules.need
    limits["window"] = [(1 << last) - 1 for last in rules.of_last]
    limits["gains"] = any(rules.gain_days)
    gain["days"], gain["exceeds"] = rules.gain_days, rules.exceeds
