"""What a member of staff has not seen yet: what happened since their last shift, and what became of
the plans that they proposed."""

from typing import NamedTuple, Protocol


class HandedOver(NamedTuple):
    """Somebody gave an alert to a colleague, or to the team (``to`` is empty)."""

    at: int
    by: str
    to: str
    alert_id: int


class Fate(NamedTuple):
    """A doctor's word on a proposed plan; ``because`` is given where it was declined.

    An ``overtaken`` one was neither: its doctor confirmed a later version.
    """

    patient_id: int
    family_name: str
    given_name: str
    version: int
    at: int
    by: str
    because: str | None
    overtaken: bool


class Since(Protocol):
    """This part of a transaction."""

    def last_shift(self, name: str) -> int | None:
        """Return when somebody last went off duty, by a click or by the hour."""
        ...

    def handed_over(self, chc_id: int, since: int) -> list[HandedOver]:
        """Return a CHC's hand-overs since then, the newest first."""
        ...

    def fates(self, author: str) -> list[Fate]:
        """Return what others said of somebody's proposals and they have not marked as seen."""
        ...

    def see_fate(self, author: str, patient_id: int, version: int, now: int) -> bool:
        """Mark one as seen by its author; return whether there was one."""
        ...
