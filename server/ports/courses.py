"""What happened to one patient beside the values: notes, absences from home, and what devices said
of single measurements."""

from collections.abc import Collection
from typing import NamedTuple, Protocol


class NoteOfPatient(NamedTuple):
    """A note that a person wrote on an alert of the patient."""

    at: int
    by: str
    text: str
    alert_id: int


class AwayOfPatient(NamedTuple):
    """A time for which a person said that the patient is away."""

    from_at: int
    until_at: int
    by: str
    reason: str


class Courses(Protocol):
    """The course's part of a transaction."""

    def notes(self, patient_id: int, from_at: int) -> list[NoteOfPatient]: ...
    def aways(self, patient_id: int, from_at: int) -> list[AwayOfPatient]: ...
    def flags(self, patient_id: int, instants: Collection[int]) -> dict[int, list[str]]:
        """Return what devices said of the measurements of these instants, where they did."""
        ...
