"""Who works with Vicino, and who may do what: one table, read by every page and command."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A member of staff's role within one Community Health Centre."""

    NURSE = "nurse"  # family and community nurse
    DOCTOR = "doctor"  # general practitioner or specialist
    CONTACT_POINT = "contact-point"  # operator of the socio-health single point of contact
    TECHNICAL_SERVICE = "technical-service"
    COORDINATOR = "coordinator"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What a person may do.

    WORK_ALERTS opens the worklist and duty; which alerts are on it, and whose work they are, the
    three kinds say, or TAKE_UNANSWERED: see every alert, and take on what nobody answered.
    """

    SEE_PATIENTS = "see-patients"
    WORK_ALERTS = "work-alerts"
    WORK_CLINICAL = "work-clinical-alerts"
    WORK_ADHERENCE = "work-adherence-alerts"
    WORK_TECHNICAL = "work-technical-alerts"
    TAKE_UNANSWERED = "take-unanswered-alerts"
    DECLARE_AWAY = "declare-away"
    EDIT_CONTACT = "edit-contact"
    RELEASE_HELD = "release-held"
    ASSIGN_DEVICES = "assign-devices"
    SEE_LOOKS = "see-looks"
    SEE_FLEET = "see-fleet"
    MANAGE_FLEET = "manage-fleet"
    LET_IN_AGAIN = "let-a-gateway-in-again"
    PROPOSE_PLAN = "propose-plan"
    CONFIRM_PLAN = "confirm-plan"
    SET_COVERAGE = "set-coverage"
    SET_UP = "set-up"


_CARE: Final = frozenset(
    {
        Action.SEE_PATIENTS,
        Action.WORK_ALERTS,
        Action.WORK_CLINICAL,
        Action.WORK_ADHERENCE,
        Action.WORK_TECHNICAL,
        Action.DECLARE_AWAY,
        Action.EDIT_CONTACT,
        Action.RELEASE_HELD,
        Action.ASSIGN_DEVICES,
        Action.SEE_FLEET,
        Action.LET_IN_AGAIN,
        Action.PROPOSE_PLAN,
    }
)
PERMISSIONS: Final[dict[Role, frozenset[Action]]] = {
    Role.NURSE: _CARE,
    Role.DOCTOR: _CARE | {Action.CONFIRM_PLAN, Action.SEE_LOOKS},
    # Whom to phone when nobody measures; no value.
    Role.CONTACT_POINT: frozenset({Action.WORK_ALERTS, Action.WORK_ADHERENCE}),
    # Devices and gateways; no patient and no value.
    Role.TECHNICAL_SERVICE: frozenset(
        {
            Action.WORK_ALERTS,
            Action.WORK_TECHNICAL,
            Action.SEE_FLEET,
            Action.MANAGE_FLEET,
            Action.LET_IN_AGAIN,
        }
    ),
    Role.COORDINATOR: frozenset(
        {
            Action.SEE_PATIENTS,
            Action.WORK_ALERTS,
            Action.TAKE_UNANSWERED,
            Action.SEE_FLEET,
            Action.SEE_LOOKS,
            Action.SET_COVERAGE,
        }
    ),
    # Sees devices and gateways, never a clinical value.
    Role.ADMINISTRATOR: frozenset(
        {
            Action.SEE_FLEET,
            Action.MANAGE_FLEET,
            Action.LET_IN_AGAIN,
            Action.SET_COVERAGE,
            Action.SET_UP,
        }
    ),
}


def may(role: Role, action: Action) -> bool:
    """Tell whether a role may do something, within its own CHC."""
    return action in PERMISSIONS[role]
