"""My patients, and what happened with them since I last looked."""

from typing import Final, NamedTuple

from server.domain.instants import DAY
from server.ports.caseload import Happened
from server.ports.directory import User
from server.ports.store import Transaction

# Of a patient at whom one never looked, what happened in this time is new.
NEVER_LOOKED: Final = 30 * DAY


class Changed(NamedTuple):
    """A patient of mine with whom something happened since; the newest first."""

    patient_id: int
    looked_at: int | None
    happened: list[Happened]

    def number(self, kind: str) -> int:
        """Count what happened of one kind (see ``Happened``)."""
        return sum(one.kind == kind for one in self.happened)

    @property
    def questions(self) -> list[Happened]:
        """What others wrote: notes and proposals."""
        return [one for one in self.happened if one.kind in ("note", "proposed")]


def changed(tx: Transaction, user: User, now: int) -> list[Changed]:
    """Return the patients of mine with whom others or rules did something since I last looked: who
    was asked about first, then who has most that is new."""
    mine, looks = tx.caseload.mine(user.chc_id, user.name), tx.looks.last(user.name)
    floor = now - NEVER_LOOKED
    news: dict[int, list[Happened]] = {}
    for one in tx.caseload.happened(mine, floor):
        if one.by != user.name and one.at > looks.get(one.patient_id, floor):
            news.setdefault(one.patient_id, []).append(one)
    found = [
        Changed(patient_id, looks.get(patient_id), sorted(rows, key=lambda one: -one.at))
        for patient_id, rows in news.items()
    ]
    return sorted(found, key=lambda one: (not one.questions, -len(one.happened), one.patient_id))
