"""Whose a device's stored measurements are once its assignments are others (hazard H14).

What a change does not touch stays where it is: a measurement moves only where attribution by the
assignments before and after says different things. A weight is not doubted again, for a person
has said whose the device was. What a person decided of one measurement stays as decided, unless
the change says otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from contract.codes import DEFINITIONS, Code
from contract.messages import Measurement
from server.domain.assignments import Tenure, differ
from server.domain.attribution import HAND_OVER_DOUBT, Attribution, Fate, Said, attribute
from server.domain.doubts import held, is_heard_twice
from server.domain.instants import MeasuredAt, Quality
from server.ports.assignments import Device
from server.ports.corrections import Candidate, Correction, LastSaid, Place
from server.ports.store import Transaction
from server.services.deciding import scaled_value, unpack

_DECIDED: Final = (Said.GIVEN, Said.REJECTED)
_NOWHERE: Final = (0, -1)


class Move(NamedTuple):
    """A measurement that goes elsewhere; ``said`` is how often persons spoke of it before."""

    row: Candidate
    measurement: Measurement
    to: Attribution
    said: int

    def values(self) -> dict[int, int]:
        """Return what it says: scaled integers and comparators by the codes' numbers."""
        return {
            DEFINITIONS[Code(one.code)].number: scaled_value(one)
            for one in self.measurement.quantities
            if one.absent is None
        }


@dataclass(slots=True)
class Moves:
    """What becomes of one page of candidates: what moves, and what stays because a person had
    decided on it. ``reached`` None: it was the last page."""

    moved: list[Move] = field(default_factory=list)
    decided: list[Move] = field(default_factory=list)
    reached: Place | None = None


def next_moves(
    tx: Transaction, device: Device, change: Correction, limit: int, *, lock: bool
) -> Moves:
    """Return what becomes of the next ``limit`` candidates after ``change.reached``."""
    span = span_of(change.before, change.after)
    rows, reached = tx.corrections.candidates(device, span, change.reached, limit, lock=lock)
    found = Moves(reached=reached)
    moves = [(row, *_target(row, change)) for row in rows]
    goes = [(row, one, to) for row, one, to in moves if one is not None and to is not None]
    said = tx.corrections.said([row.key for row, _, _ in goes])
    for row, measurement, to in goes:
        last = said.get(row.key)
        move = Move(row, measurement, to, last.times if last else 0)
        (found.decided if _stays(last, change) else found.moved).append(move)
    return found


def span_of(before: Sequence[Tenure], after: Sequence[Tenure]) -> tuple[int, int]:
    """Return from when until when a trusted measurement may have to move."""
    changed = differ(before, after)
    if changed is None:
        return _NOWHERE
    return changed[0] - HAND_OVER_DOUBT, changed[1] + HAND_OVER_DOUBT


def _stays(last: LastSaid | None, change: Correction) -> bool:
    """Tell whether a person's own decision keeps it: any made since the change was, does."""
    if last is None or last.kind not in _DECIDED:
        return False
    return not change.decided_too or last.at > change.at


def _target(row: Candidate, change: Correction) -> tuple[Measurement | None, Attribution | None]:
    """Return what was sent, and where it belongs now; None where it stays."""
    element, _ = unpack(row.element, row.seq)
    if not isinstance(element, Measurement):
        return None, None
    when = MeasuredAt(row.measured_at, Quality(row.quality))
    before, after = (
        attribute(element, when, [one.assignment() for one in tenures], {}, row.stored_at)
        for tenures in (change.before, change.after)
    )
    if before == after:
        return element, None
    if row.fate != Fate.STORED:  # a person's word on how it came stands
        foreign = row.gateway_chc_id != change.chc_id
        twice = is_heard_twice(element, row.content_id)
        after = held(after, foreign=foreign, heard_twice=twice)
    reason = row.reason if row.fate == Fate.HELD else None
    there = (row.fate, row.patient_id, reason) == (after.fate, after.patient_id, after.reason)
    return element, None if there else after
