"""What the engine knows between two batches: one row a slot, a slot per (patient, code) watched.

Arrays grow by doubling. ``slots[patient, code]`` is a slot's index or -1: patients are dense
database ids, so no dictionary is asked on the way of an observation. Everything here follows
from the input log up to ``position``; a snapshot only saves folding it again.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER, Code
from server.engine.rules import GAINS, NOTHING, THRESHOLDS, UNLIMITED, Version, in_force
from server.engine.series import DAYS_KEPT, Memory

CODES: Final = len(BY_NUMBER)
NEVER: Final = -(2**62)
FOREVER: Final = 2**62
NO_DAY: Final = -(2**31)


# One row a slot in each table, packed so that touching a slot touches one or two cache lines, and
# made of whole words so that many rows turn into columns in one move (``columns``).
# ``span`` is the time in which the limits are in force; ``need`` of the last (``window`` is their
# mask) must be beyond an inner limit; ``gain`` is the row of the slot's gain rules in their own
# table, or -1: few slots have any.
LIMITS: Final = np.dtype(
    [
        ("bound", "<i4", THRESHOLDS),
        ("release", "<i4", THRESHOLDS),
        ("span", "<i8", 2),
        ("need", "<i4"),
        ("window", "<i4"),
        ("version", "<i4"),
        ("gain", "<i4"),
        ("zone", "<i4"),
        ("padding", "<i4"),
    ]
)
# ``last`` is (at, key) of the newest observation; ``bits`` packs the inner rules' shift registers
# (a byte each) and then one active bit a rule.
LIVE: Final = np.dtype([("last", "<i8", 2), ("bits", "<i8")])
# ``day`` and ``first`` are the first weighings of the newest civil days, oldest first, filled
# from the right.
GAIN: Final = np.dtype(
    [
        ("day", "<i4", DAYS_KEPT),
        ("first", "<i4", DAYS_KEPT),
        ("exceeds", "<i4", GAINS),
        ("days", "<i4", GAINS),
    ]
)
ACTIVE_SHIFT: Final = 16
_INNER: Final = (1, 2)


def take(table: NDArray[np.void], index: NDArray[Any]) -> NDArray[np.void]:
    """Copy rows of a table. Whole words are moved: numpy would go field by field."""
    return np.asarray(_words(table).take(index, axis=0).view(table.dtype)[:, 0])


def put(table: NDArray[np.void], index: NDArray[Any], rows: NDArray[np.void]) -> None:
    """Write rows back into a table."""
    _words(table)[index] = _words(rows)


def columns(table: NDArray[np.void]) -> NDArray[np.int32]:
    """Return a table as one contiguous row for each of its 32-bit words."""
    words = table.view(np.int32).reshape(len(table), table.itemsize // 4)
    return np.ascontiguousarray(words.T)


def active(live: NDArray[np.void]) -> NDArray[np.uint8]:
    """Return the active bits of rows, a bit a rule."""
    return (live["bits"] >> ACTIVE_SHIFT).astype(np.uint8)


def set_active(live: NDArray[np.void], index: int, bit: int) -> None:
    """Set one rule's active bit of one row."""
    live["bits"][index] |= 1 << ACTIVE_SHIFT + bit


def _words(table: NDArray[np.void]) -> NDArray[np.int64]:
    return table.view(np.int64).reshape(len(table), table.itemsize // 8)


@dataclass(slots=True)
class Rows:
    """The tables of all slots, or of the touched ones."""

    limits: NDArray[np.void]
    live: NDArray[np.void]
    due_at: NDArray[np.int64]


def empty_rows(count: int) -> Rows:
    """Make rows that watch nothing."""
    limits, live = np.zeros(count, LIMITS), np.zeros(count, LIVE)
    limits["bound"] = limits["release"] = UNLIMITED
    limits["need"] = limits["window"] = 1
    limits["span"] = NEVER, FOREVER
    limits["gain"] = -1
    live["last"] = NEVER
    return Rows(limits, live, np.full(count, FOREVER, np.int64))


def empty_gains(count: int) -> NDArray[np.void]:
    """Make gain rows that remember no day."""
    gains = np.zeros(count, GAIN)
    gains["exceeds"], gains["day"] = UNLIMITED, NO_DAY
    return gains


@dataclass(slots=True)
class State:
    """The engine's whole state after the input log's ``position``."""

    position: int = 0
    used: int = 0
    rows: Rows = field(default_factory=lambda: empty_rows(64))
    gains: NDArray[np.void] = field(default_factory=lambda: empty_gains(16))
    gains_used: int = 0
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
        if code is Code.WEIGHT:
            self.rows.limits["gain"][self.used - 1] = self._make_gain()
        return self.used - 1

    def _make_gain(self) -> int:
        if self.gains_used == len(self.gains):
            self.gains = np.concatenate([self.gains, empty_gains(self.gains_used)])
        self.gains_used += 1
        return self.gains_used - 1

    def zone_number(self, name: str) -> int:
        """Return the zone's place in ``zones``, made when it is new."""
        if name not in self.zones:
            self.zones.append(name)
        return self.zones.index(name)

    def next_due(self) -> int:
        """Return the earliest instant at which a measurement becomes missing."""
        return int(self.rows.due_at[: self.used].min(initial=FOREVER))


def memory_of(live: np.void, gain: np.void | None) -> Memory:
    """Read a slot's moving part as the form that ``series.fold`` moves on."""
    pairs = zip(gain["day"], gain["first"], strict=True) if gain is not None else ()
    days = [(int(day), int(first)) for day, first in pairs if day != NO_DAY]
    bits, (at, key) = int(live["bits"]), (int(part) for part in live["last"])
    # An outer rule looks at one value only: its register is never asked.
    shift = [0, bits & 255, bits >> 8 & 255, 0]
    return Memory(shift, bits >> ACTIVE_SHIFT, at, key, days)


def write_memory(live: np.void, gain: np.void | None, memory: Memory) -> None:
    """Write a folded memory back into a slot's rows."""
    low, high = (memory.shift[rule] for rule in _INNER)
    live["bits"] = low | high << 8 | memory.active << ACTIVE_SHIFT
    live["last"] = memory.at, memory.key
    if gain is not None:
        gain["day"], gain["first"] = NO_DAY, 0
        for place, (day, first) in enumerate(reversed(memory.days)):
            gain["day"][-1 - place], gain["first"][-1 - place] = day, first


def write_rules(
    limits: np.void,
    gain: np.void | None,
    code: Code,
    versions: list[Version],
    at: int,
    zone: int,
) -> None:
    """Write into a slot's rows the rules in force at ``at``, and the span in which they are."""
    version = in_force(versions, at)
    later = [one.from_at for one in versions if one.from_at > at]
    rules = version.rules.get(code, NOTHING) if version else NOTHING
    limits["span"] = version.from_at if version else NEVER, min(later, default=FOREVER)
    limits["version"] = version.number if version else 0
    limits["zone"] = zone
    limits["bound"] = rules.bounds
    limits["release"] = [
        bound if bound == UNLIMITED else bound - rules.hysteresis for bound in rules.bounds
    ]
    limits["need"] = rules.need
    limits["window"] = (1 << rules.of_last) - 1
    if gain is not None:
        gain["days"], gain["exceeds"] = rules.gain_days, rules.exceeds
