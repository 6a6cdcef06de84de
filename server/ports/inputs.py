"""The engine's input log: append-only, numbered by the engine alone."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from server.domain.plans import Plan
from server.domain.timeline import FOREVER
from server.engine.series import Finding, Observation
from server.engine.step import Observations


class InputKind(StrEnum):
    """What the engine folds. ``questioned`` is judged against the outer level only, and alone."""

    ATTRIBUTED = "attributed"
    QUESTIONED = "questioned"
    WITHDRAWN = "withdrawn"
    PLAN = "plan"
    TICK = "tick"


class Input(NamedTuple):
    """A numbered row of the log. ``number`` is the plan version, or the attribution's count."""

    position: int
    kind: InputKind
    patient_id: int | None
    epoch_id: int | None
    seq: int | None
    number: int
    recorded_at: int


class NewInput(NamedTuple):
    """A row to append; its position is given when the engine takes it."""

    kind: InputKind
    patient_id: int | None
    epoch_id: int | None
    seq: int | None
    number: int
    recorded_at: int


class PlanVersion(NamedTuple):
    """A confirmed plan version with the patient's zone, and when the log learned of it; in force
    from ``from_at`` until ``until_at`` or until another begins."""

    patient_id: int
    number: int
    from_at: int
    zone_name: str
    recorded_at: int
    plan: Plan
    until_at: int = FOREVER


class Questioned(NamedTuple):
    """An observation judged alone, at ``judged_at``; ``confirmed`` says whose it is is sure."""

    patient_id: int
    code: int
    judged_at: int
    confirmed: bool
    observation: Observation


class InputLog(Protocol):
    """The log's part of a transaction."""

    def append(self, inputs: Sequence[NewInput]) -> None:
        """Append rows; an attribution of a measurement that is in the log changes nothing."""
        ...

    def number(self) -> int:
        """Give every unnumbered row its position; return the cursor's, as ``cursor`` does.

        Only the partition's owner calls this.
        """
        ...

    def cursor(self) -> int:
        """Return the position up to which everything is judged."""
        ...

    def move_cursor(self, position: int, now: int) -> None:
        """Note that everything up to a position is judged, in the commit that writes it."""
        ...

    def after(self, position: int, limit: int) -> list[Input]:
        """Return the next rows in order of position, those set aside left out."""
        ...

    def observations(self, first: int, last: int) -> Observations:
        """Return the observations attributed by the rows of a range of positions."""
        ...

    def questioned(self, first: int, last: int) -> list[Questioned]:
        """Return the observations questioned by the rows of a range of positions."""
        ...

    def history(self, patient_id: int, code: int, until: int) -> list[Observation]:
        """Return every observation that is the patient's and believed after a position."""
        ...

    def seen(
        self, patient_id: int, codes: Collection[int], since: int, until: int
    ) -> list[tuple[int, Observation]]:
        """Return code and observation of what ``history`` holds of these codes from an instant
        on, in any order."""
        ...

    def codes_of(self, epoch_id: int, seq: int) -> list[int]:
        """Return the numbers of the codes that a measurement has."""
        ...

    def findings_between(self, patient_id: int, first: int, last: int) -> list[Finding]:
        """Return the findings in force of a series measured from ``first`` to ``last``."""
        ...

    def findings_in_force(self, patient_id: int, code: int) -> list[Finding]:
        """Return the findings of a slot's series that are in force."""
        ...

    def plan_versions(self, patient_ids: Sequence[int], until: int) -> list[PlanVersion]:
        """Return the plan versions that the log holds up to a position; no ids: of everyone."""
        ...

    def set_aside(self, position: int, reason: str) -> None:
        """Mark a row that cannot be judged; it is skipped from now on and shown to people."""
        ...

    def touched(self, after: int, until: int) -> list[int]:
        """Return the patients whom rows of a range of positions are about."""
        ...

    def last_tick(self, until: int) -> int:
        """Return when the last clock tick up to a position was recorded; 0 before the first."""
        ...

    def database_id(self) -> str:
        """Return the database's own id: a snapshot belongs to one database."""
        ...
