"""What a change of assignments would move, before anybody says yes: nothing is written."""

import hashlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from server.domain.assignments import Tenure
from server.errors import WrongInput
from server.ports.assignments import Device
from server.ports.corrections import Correction
from server.ports.store import Transaction
from server.services.moving import Move, next_moves

# Looking takes seconds then; a longer time is corrected in parts.
LOOKED_AT_MAX: Final = 200_000
_PAGE: Final = 2000


class TooMuch(WrongInput):
    """More would have to be looked at than one change may move."""


class Way(NamedTuple):
    """From whom to whom: a held one's patient is the likely one, ``reason`` why it is held."""

    fate: str
    patient_id: int | None
    to_fate: str
    to_patient_id: int | None
    reason: str | None


@dataclass(slots=True)
class Group:
    """The measurements that go one way; ``values`` are (number, lowest, highest) by code."""

    way: Way
    count: int = 0
    first: int = 0
    last: int = 0
    values: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def add(self, move: Move) -> None:
        """Count one more, which is not older than those before it."""
        at = move.row.measured_at
        self.first = min(self.first, at) if self.count else at
        self.last = max(self.last, at) if self.count else at
        self.count += 1
        for code, value in move.values().items():
            number, low, high = self.values.get(code, (0, value, value))
            self.values[code] = number + 1, min(low, value), max(high, value)


@dataclass(slots=True)
class Preview:
    """What would move, what stays because a person decided on it, and the open alerts that rest on
    what would be withdrawn, by id with how many of its findings."""

    moved: list[Group]
    decided: list[Group]
    alerts: dict[int, int]
    fingerprint: str

    @property
    def count(self) -> int:
        """How many measurements would move."""
        return sum(group.count for group in self.moved)

    @property
    def patients(self) -> set[int]:
        """Everybody concerned."""
        ways = [group.way for group in (*self.moved, *self.decided)]
        named = {one for way in ways for one in (way.patient_id, way.to_patient_id)}
        return {one for one in named if one is not None}


def preview(
    tx: Transaction,
    device: Device,
    before: list[Tenure],
    after: list[Tenure],
    *,
    decided_too: bool,
    now: int,
) -> Preview:
    """Look at all that a change would move. Raises ``TooMuch``."""
    draft = Correction(0, device.chc_id, device.id, "", now, "", before, after, decided_too)
    moved: dict[Way, Group] = {}
    decided: dict[Way, Group] = {}
    leaving: set[tuple[int, int]] = set()
    for _ in range(LOOKED_AT_MAX // _PAGE):
        found = next_moves(tx, device, draft, _PAGE, lock=False)
        _count(moved, found.moved)
        _count(decided, found.decided)
        leaving |= {move.row.key for move in found.moved if move.row.patient_id is not None}
        if found.reached is None:
            alerts = _resting(tx, [*moved.values()], leaving)
            return Preview(
                [*moved.values()], [*decided.values()], alerts, _mark(before, after, moved, alerts)
            )
        draft = draft._replace(reached=found.reached)
    raise TooMuch(f"from: more than {LOOKED_AT_MAX} measurements: choose a shorter time")


def _count(groups: dict[Way, Group], moves: list[Move]) -> None:
    for move in moves:
        row, to = move.row, move.to
        way = Way(row.fate, row.patient_id, to.fate, to.patient_id, to.reason)
        groups.setdefault(way, Group(way)).add(move)


def _resting(tx: Transaction, groups: list[Group], leaving: set[tuple[int, int]]) -> dict[int, int]:
    """Return how many findings of each open alert rest on what leaves its patient."""
    patients = {one.way.patient_id for one in groups if one.way.patient_id is not None}
    if not patients:
        return {}
    first, last = min(one.first for one in groups), max(one.last for one in groups)
    found: dict[int, int] = {}
    for one in tx.corrections.resting(patients, first, last):
        if (one.epoch_id, one.seq) in leaving:
            found[one.alert_id] = found.get(one.alert_id, 0) + 1
    return found


def _mark(
    before: list[Tenure],
    after: list[Tenure],
    moved: dict[Way, Group],
    alerts: dict[int, int],
) -> str:
    """Return a word for exactly this: what is confirmed must be what was shown."""
    said = [(one.way, one.count, one.first, one.last) for one in moved.values()]
    shown = msgspec.json.encode([before, after, said, sorted(alerts.items())])
    return hashlib.sha256(shown).hexdigest()[:32]
