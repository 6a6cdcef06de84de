"""Whom to phone about a patient, and who cares for them: written by who cares, on the record."""

import re
from collections.abc import Collection
from typing import Final

from server.domain.roles import Action, Role, may
from server.errors import IllegalTransition, NotPermitted, WrongInput
from server.ports.care import Contact
from server.ports.directory import Patient, User
from server.ports.store import Transaction

NAME_MAX: Final = 120
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{2,38}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")


def contact_of(patient: Patient) -> Contact:
    """Return how a patient is reached now."""
    return Contact(*(getattr(patient, name) for name in Contact._fields))


def change_contact(
    tx: Transaction, user: User, patient: Patient, shown: Contact, new: Contact, now: int
) -> None:
    """Write how a patient is reached. ``shown`` is what its writer saw.

    Raises ``IllegalTransition`` where somebody else has changed it meanwhile, ``WrongInput`` naming
    the field.
    """
    _may(user)
    was = contact_of(patient)
    if shown != was:
        raise IllegalTransition("the contact was changed meanwhile")
    for field in ("phone", "carer_phone"):
        if (number := getattr(new, field)) is not None and not _PHONE.fullmatch(number):
            raise WrongInput(f"{field}: {number!r} is no telephone number")
    for field in ("language", "carer_language"):
        if (code := getattr(new, field)) is not None and not _LANGUAGE.fullmatch(code):
            raise WrongInput(f"{field}: {code!r} is no language")
    if new.carer is not None and len(new.carer) > NAME_MAX:
        raise WrongInput(f"carer: at most {NAME_MAX} characters")
    tx.care.set_contact(patient.id, new)
    changed = [field for field in Contact._fields if getattr(was, field) != getattr(new, field)]
    _record(tx, user, patient, "contact-changed", now, ", ".join(changed))


def change_team(
    tx: Transaction, user: User, patient: Patient, names: Collection[str], now: int
) -> None:
    """Write who cares for a patient: nurses and doctors of the CHC. Raises ``WrongInput``."""
    _may(user)
    known = {one.name for one in carers(tx, patient.chc_id)}
    if unknown := set(names) - known:
        raise WrongInput(f"team: {sorted(unknown)[0]!r} does not care for patients here")
    tx.care.set_team(patient.chc_id, patient.id, names)
    _record(tx, user, patient, "team-changed", now, ", ".join(sorted(names)))


def carers(tx: Transaction, chc_id: int) -> list[User]:
    """Return who could care for a patient of a CHC."""
    return [
        user
        for user in tx.directory.users()
        if user.chc_id == chc_id
        and user.disabled_at is None
        and may(Role(user.role), Action.PROPOSE_PLAN)
    ]


def _may(user: User) -> None:
    if not may(Role(user.role), Action.EDIT_CONTACT):
        raise NotPermitted(f"{user.role} may not change whom to phone")


def _record(
    tx: Transaction, user: User, patient: Patient, what: str, now: int, detail: str
) -> None:
    short = detail[:250]
    tx.audit(user.name, what, now, chc_id=patient.chc_id, patient_id=patient.id, detail=short)
