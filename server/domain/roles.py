"""Who works with Vicino, and who may do what: one table, read by every page and command."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A member of staff's role within one Community Health Centre."""

    NURSE = "nurse"
    DOCTOR = "doctor"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What a person may do."""

    SEE_PATIENTS = "see-patients"
    WORK_ALERTS = "work-alerts"
    RELEASE_HELD = "release-held"
    SEE_FLEET = "see-fleet"
    PROPOSE_PLAN = "propose-plan"
    CONFIRM_PLAN = "confirm-plan"
    SET_UP = "set-up"


PERMISSIONS: Final[dict[Role, frozenset[Action]]] = {
    Role.NURSE: frozenset(
        {
            Action.SEE_PATIENTS,
            Action.WORK_ALERTS,
            Action.RELEASE_HELD,
            Action.SEE_FLEET,
            Action.PROPOSE_PLAN,
        }
    ),
    Role.DOCTOR: frozenset(
        {
            Action.SEE_PATIENTS,
            Action.WORK_ALERTS,
            Action.RELEASE_HELD,
            Action.SEE_FLEET,
            Action.PROPOSE_PLAN,
            Action.CONFIRM_PLAN,
        }
    ),
    # Sees devices and gateways, never a clinical value.
    Role.ADMINISTRATOR: frozenset({Action.SEE_FLEET, Action.SET_UP}),
}


def may(role: Role, action: Action) -> bool:
    """Tell whether a role may do something, within its own CHC."""
    return action in PERMISSIONS[role]
