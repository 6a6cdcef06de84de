"""A patient is away: a nurse or a doctor says so, until a day, and it ends by itself (hazard H8).

Only what is due meanwhile is not missed; a value that does come is judged as ever.
"""

from typing import Final

from server.domain.instants import DAY
from server.domain.roles import Action, Role, may
from server.errors import NotPermitted, WrongInput
from server.ports.alerts import Away
from server.ports.directory import Patient, User
from server.ports.store import Transaction

AWAY_LONGEST: Final = 60 * DAY  # a judgement, to be confirmed by a clinician
REASON_MAX: Final = 250


def declare(
    tx: Transaction, user: User, patient: Patient, until: int, reason: str, now: int
) -> None:
    """Write that the patient is away from now until then. Raises ``WrongInput``."""
    _may(user)
    if not now < until <= now + AWAY_LONGEST:
        raise WrongInput(f"until: a day within {AWAY_LONGEST // DAY} days")
    if not 0 < len(reason) <= REASON_MAX:
        raise WrongInput(f"reason: 1 to {REASON_MAX} characters")
    tx.alerts.end_aways(patient.id, now)
    tx.alerts.declare_away(patient, Away(now, until, user.name, reason))
    _record(tx, user, patient, "patient-away", now, reason)


def back(tx: Transaction, user: User, patient: Patient, now: int) -> None:
    """Let the patient be back: what is due from now on is missed again."""
    _may(user)
    tx.alerts.end_aways(patient.id, now)
    _record(tx, user, patient, "patient-back", now, "")


def _may(user: User) -> None:
    if not may(Role(user.role), Action.DECLARE_AWAY):
        raise NotPermitted(f"{user.role} may not say who is away")


def _record(
    tx: Transaction, user: User, patient: Patient, what: str, now: int, detail: str
) -> None:
    tx.audit(user.name, what, now, chc_id=patient.chc_id, patient_id=patient.id, detail=detail)
