"""What the engine knows between two batches: one row a slot, a slot per (patient, code) watched.

Arrays grow by doubling. ``slots[patient, code]`` is a slot's index or -1: patients are dense
database ids, so no dictionary is asked on the way of an observation. Everything here follows
from the input log up to ``position``; a snapshot only saves folding it again.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.codes import BY_NUMBER, Code
from server.engine.rules import GAINS, NOTHING, THRESHOLDS, UNLIMITED, Version, in_force
from server.engine.series import DAYS_KEPT, Memory

CODES: Final = len(BY_NUMBER)
NEVER: Final = -(2**62)
FOREVER: Final = 2**62
NO_DAY: Final = -(2**30)  # long ago, and no overflow when it is subtracted


# One row a slot, packed so that touching a slot touches one or two cache lines, and moved as bytes
# (``take``, ``put``). First what moves: ``last`` is (at, key) of the newest observation; ``bits``
# packs the inner rules' shift registers (a byte each) and then one active bit a rule. Then what the
# plan says: ``span`` is the time in which these limits are in force; a value within ``calm`` (both
# ends included) is beyond none of them; ``need`` of the last (``window`` is their mask) must be
# beyond an inner limit; ``gain`` is the row of the slot's gain rules in their own table, or -1.
SLOT: Final = np.dtype(
    [
        ("last", "<i8", 2),
        ("bits", "<i8"),
        ("span", "<i8", 2),
        ("bound", "<i4", THRESHOLDS),
        ("calm", "<i4", 2),
        ("hysteresis", "<i4"),
        ("version", "<i4"),
        ("gain", "<i4"),
        ("zone", "<u2"),
        ("need", "u1"),
        ("window", "u1"),
    ]
)
# ``first`` is the first weighing of the civil day in ``day``, kept at the day's number modulo
# ``DAYS_KEPT``: a newer day overwrites only one that no window reaches any more.
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
    """Copy rows of a table. Whole rows are moved: numpy would go field by field."""
    return np.asarray(_bytes(table).take(index).view(table.dtype))


def put(table: NDArray[np.void], index: NDArray[Any], rows: NDArray[np.void]) -> None:
    """Write rows back into a table."""
    np.put(_bytes(table), index, _bytes(rows))


def active(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Return the active bits of rows, a bit a rule."""
    return np.asarray(rows["bits"] >> ACTIVE_SHIFT)


def set_active(rows: NDArray[np.void], index: int, bit: int) -> None:
    """Set one rule's active bit of one row."""
    rows["bits"][index] |= 1 << ACTIVE_SHIFT + bit


def _bytes(table: NDArray[np.void]) -> NDArray[np.void]:
    return table.view(f"V{table.itemsize}")


def empty_rows(count: int) -> NDArray[np.void]:
    """Make rows that watch nothing."""
    rows = np.zeros(count, SLOT)
    rows["last"] = NEVER
    rows["span"] = NEVER, FOREVER
    rows["bound"] = UNLIMITED
    rows["calm"] = -UNLIMITED, UNLIMITED
    rows["need"] = rows["window"] = 1
    rows["gain"] = -1
    return rows


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
    rows: NDArray[np.void] = field(default_factory=lambda: empty_rows(64))
    due_at: NDArray[np.int64] = field(default_factory=lambda: np.full(64, FOREVER, np.int64))
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
        while patient >= len(self.slots) - 1:  # the last place stays nobody's
            self.slots = np.concatenate([self.slots, np.full_like(self.slots, -1)])
        if self.used == len(self.owner):
            self.rows = np.concatenate([self.rows, empty_rows(self.used)])
            self.due_at = np.concatenate([self.due_at, np.full(self.used, FOREVER, np.int64)])
            self.owner = np.concatenate([self.owner, np.zeros_like(self.owner)])
        number = BY_NUMBER.index(code)
        self.slots[patient, number] = self.used
        self.owner[self.used] = patient, number
        self.used += 1
        if code is Code.WEIGHT:
            self.rows["gain"][self.used - 1] = self._make_gain()
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
        return int(self.due_at[: self.used].min(initial=FOREVER))


def memory_of(row: np.void, gain: np.void | None) -> Memory:
    """Read a slot's moving part as the form that ``series.fold`` moves on."""
    kept = (gain["day"].tolist(), gain["first"].tolist()) if gain is not None else ()
    days = {
        day % DAYS_KEPT: (day, first) for day, first in zip(*kept, strict=True) if day != NO_DAY
    }
    bits, (at, key) = int(row["bits"]), row["last"].tolist()
    # An outer rule looks at one value only: its register is never asked.
    shift = [0, bits & 255, bits >> 8 & 255, 0]
    return Memory(shift, bits >> ACTIVE_SHIFT, at, key, days)


def write_memory(row: np.void, gain: np.void | None, memory: Memory) -> None:
    """Write a folded memory back into a slot's row."""
    low, high = (memory.shift[rule] for rule in _INNER)
    row["bits"] = low | high << 8 | memory.active << ACTIVE_SHIFT
    row["last"] = memory.at, memory.key
    if gain is not None:
        gain["day"], gain["first"] = NO_DAY, 0
        for place, (day, first) in memory.days.items():
            gain["day"][place], gain["first"][place] = day, first


def write_rules(
    row: np.void,
    gain: np.void | None,
    code: Code,
    versions: list[Version],
    at: int,
    zone: int,
) -> None:
    """Write into a slot's row the rules in force at ``at``, and the span in which they are."""
    version = in_force(versions, at)
    later = [one.from_at for one in versions if one.from_at > at]
    rules = version.rules.get(code, NOTHING) if version else NOTHING
    row["span"] = version.from_at if version else NEVER, min(later, default=FOREVER)
    row["version"] = version.number if version else 0
    row["zone"] = zone
    row["bound"] = rules.bounds
    row["calm"] = -min(rules.bounds[:2]), min(rules.bounds[2:])
    row["hysteresis"] = rules.hysteresis
    row["need"] = rules.need
    row["window"] = (1 << rules.of_last) - 1
    if gain is not None:
        gain["days"], gain["exceeds"] = rules.gain_days, rules.exceeds
