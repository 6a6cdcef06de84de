"""Phoning a home about an alert: again after a while, and when nobody answers, to the door.

Nothing here reads a clock or a table. The numbers are judgements, to be confirmed by a clinician.
"""

from enum import StrEnum
from typing import Final

from server.domain.instants import DAY, HOUR, MINUTE
from server.domain.priorities import Priority
from server.errors import WrongInput

# How often a home is tried before somebody goes there, where the plan does not say.
TRIES: Final = 3
TRIES_MAX: Final = 6
AGAIN_MINUTES: Final = (5, 10, 15, 30, 60)
AGAIN_LONGEST: Final = {
    Priority.HIGH: 15 * MINUTE,
    Priority.MEDIUM: HOUR,
    Priority.LOW: HOUR,
}
# By when somebody is sent, or 112 is called, once the tries are used up.
VISIT_WITHIN: Final = {Priority.HIGH: 15 * MINUTE, Priority.MEDIUM: 4 * HOUR, Priority.LOW: DAY}


class CallResult(StrEnum):
    """What came of a call, or was done because nobody answered."""

    NO_ANSWER = "no-answer"
    ANSWERED = "answered"
    VISIT = "visit-arranged"
    EMERGENCY = "emergency-called"


def due_after(
    result: CallResult, tries: int, most: int, priority: Priority, again: int, now: int
) -> int | None:
    """Return by when something must follow: nothing once somebody answered or goes there.

    ``tries`` counts this call. ``again`` is in milliseconds. Raises ``WrongInput`` for one that is
    too long for the priority.
    """
    if result is not CallResult.NO_ANSWER:
        return None
    if tries >= most:
        return now + VISIT_WITHIN[priority]
    if not 0 < again <= AGAIN_LONGEST[priority]:
        raise WrongInput(f"again: within {AGAIN_LONGEST[priority] // MINUTE} minutes")
    return now + again
