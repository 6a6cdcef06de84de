"""Changes of assignments and the measurements that move with them (hazard H14)."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from server.domain.assignments import Tenure
from server.domain.attribution import Said
from server.ports.assignments import Device


class Place(NamedTuple):
    """How far the measurements of a device were looked at: first those ``within`` the time in
    question, then those of an unsure time outside it."""

    within: bool
    measured_at: int
    epoch_id: int
    seq: int


class Correction(NamedTuple):
    """One change of a device's assignments, and how many measurements it has moved so far: taken
    from a patient, given to one, left to be held. ``done_at`` None: it is still carried out."""

    id: int
    chc_id: int
    device_id: int
    by: str
    at: int
    reason: str
    before: list[Tenure]
    after: list[Tenure]
    decided_too: bool
    reached: Place | None = None
    withdrawn: int = 0
    given: int = 0
    held: int = 0
    done_at: int | None = None


class Candidate(NamedTuple):
    """A readable measurement of the device, with what is to be known to attribute it anew."""

    epoch_id: int
    seq: int
    fate: str
    patient_id: int | None
    measured_at: int
    quality: str
    stored_at: int
    reason: str | None
    element: bytes
    content_id: bytes
    gateway_chc_id: int

    @property
    def key(self) -> tuple[int, int]:
        """Where it stood in its gateway's outbox."""
        return self.epoch_id, self.seq


class LastSaid(NamedTuple):
    """How often a measurement was decided on, and the last time what and when."""

    times: int
    kind: Said
    at: int


class Resting(NamedTuple):
    """An open alert that rests on a finding of a measurement."""

    alert_id: int
    patient_id: int
    epoch_id: int
    seq: int


class NewPlace(NamedTuple):
    """Where a measurement belongs from now on."""

    epoch_id: int
    seq: int
    fate: str
    patient_id: int | None
    reason: str | None


class Corrections(Protocol):
    """The corrections' part of a transaction."""

    def add(self, correction: Correction) -> int:
        """Write a new correction (its id is ignored) and return its id."""
        ...

    def of_device(self, device_id: int, limit: int) -> list[Correction]:
        """Return a device's corrections, the newest first."""
        ...

    def open(self) -> list[Correction]:
        """Return those that are still carried out, the oldest first."""
        ...

    def get(self, number: int) -> Correction | None:
        """Return one, locked against others who would carry it out."""
        ...

    def advance(self, correction: Correction) -> None:
        """Write how far a correction was carried out."""
        ...

    def candidates(
        self,
        device: Device,
        span: tuple[int, int],
        after: Place | None,
        limit: int,
        *,
        lock: bool,
    ) -> tuple[list[Candidate], Place | None]:
        """Return the next readable measurements of a device that a change may move, with the place
        reached; None: there are no more. ``span`` is the time in question."""
        ...

    def said(self, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], LastSaid]:
        """Return what persons last said of those of these measurements that they spoke of."""
        ...

    def move(self, places: Sequence[NewPlace]) -> None:
        """Write to whom measurements belong."""
        ...

    def resting(self, patients: Collection[int], first: int, last: int) -> list[Resting]:
        """Return what open alerts of patients rest on that was measured in a time."""
        ...

    def reopen_absences(self, values: Mapping[int, tuple[int, int]]) -> None:
        """Mark as unexplained again what nothing explains any more: absences of these patients
        that reach into a time, from first to last instant."""
        ...
