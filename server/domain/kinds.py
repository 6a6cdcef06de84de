"""What an alert is about, and so whose work it is: who sees it, and who is told of it first."""

from enum import StrEnum
from typing import Final

from server.domain.roles import Action, Role, may

REVIEW: Final = "review-"


class Kind(StrEnum):
    """Clinical: a value. Adherence: nobody measured. Technical: Vicino itself needs a person."""

    CLINICAL = "clinical"
    ADHERENCE = "adherence"
    TECHNICAL = "technical"


# Technical matters that leave patients unwatched, or that ask whose a value is: who cares for the
# patient is told first, for nobody else can answer them.
_OF_CARE: Final = frozenset(
    {
        "homes-out-of-reach",
        "measurement-held",
        "measurement-unreadable",
        "measurements-missing",
        "stored-not-judged",
    }
)
# Of those, what names a patient or asks for a clinical decision; the others concern devices too.
_OF_CARE_ALONE: Final = frozenset(
    {"measurement-held", "measurement-unreadable", "stored-not-judged"}
)
_WORK: Final = {
    Kind.CLINICAL: Action.WORK_CLINICAL,
    Kind.ADHERENCE: Action.WORK_ADHERENCE,
    Kind.TECHNICAL: Action.WORK_TECHNICAL,
}


def told_first(kind: Kind, rule: str) -> Kind:
    """Return by which kind's chain an alert is told: a technical matter of care by the clinical."""
    return Kind.CLINICAL if rule.removeprefix(REVIEW) in _OF_CARE else kind


def works(role: Role, kind: Kind, rule: str) -> bool:
    """Tell whether alerts like this are a role's to answer: a matter of care is its chain's alone,
    for who takes it on silences that."""
    return may(role, _WORK[told_first(kind, rule)])


def sees(role: Role, kind: Kind, rule: str) -> bool:
    """Tell whether a role may look at an alert like this, whoever answers it."""
    alone = rule.removeprefix(REVIEW) in _OF_CARE_ALONE
    concerned = not alone and may(role, _WORK[kind])
    return may(role, Action.TAKE_UNANSWERED) or works(role, kind, rule) or concerned
