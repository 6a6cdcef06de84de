"""Whom to phone about a patient, and who cares for them."""

from collections.abc import Collection
from typing import NamedTuple, Protocol


class Contact(NamedTuple):
    """How a patient and the carer are reached; languages are codes of ISO 639."""

    phone: str | None
    language: str
    carer: str | None
    carer_phone: str | None
    carer_language: str | None


class Care(Protocol):
    """This part of a transaction."""

    def set_contact(self, patient_id: int, contact: Contact) -> None: ...
    def team(self, patient_id: int) -> set[str]:
        """Return the sign-in names of who cares for a patient; empty where nobody was named."""
        ...

    def set_team(self, chc_id: int, patient_id: int, names: Collection[str]) -> None: ...
