"""Who looked at which patient, and when: read from the audit record, which holds every look."""

from typing import Final, NamedTuple, Protocol

# What the audit record calls a look at a patient.
PATIENT_SEEN: Final = "patient-seen"  # the patient's own page, or an alert's
LOOKS: Final = (
    PATIENT_SEEN,
    "held-seen",
    "chart-seen",
    "plan-seen",
    "contact-seen",
    "assignment-seen",
    "patient-exported",
    "looks-seen",
)


class Look(NamedTuple):
    """One look: ``what`` is one of ``LOOKS``, ``detail`` what was looked at."""

    at: int
    who: str
    what: str
    detail: str


class Looks(Protocol):
    """The looks' part of a transaction."""

    def last(self, who: str) -> dict[int, int]:
        """Return when a member of staff last opened each patient's page or an alert of theirs."""
        ...

    def before(self, who: str, patient_id: int, until: int) -> int | None:
        """Return when a member of staff last did so with one patient before an instant."""
        ...

    def of(self, patient_id: int, limit: int) -> list[Look]:
        """Return who looked at a patient, the newest first."""
        ...
