"""When a message to a member of staff leaves: quiet hours, tries, and when a channel is dead.

Nothing here reads a clock or draws a number: time and jitter are arguments.
"""

from typing import Final

from server.domain.instants import DAY, HOUR, MINUTE, SECOND, at_local, civil_day
from server.domain.priorities import Priority

# A message that nobody got within a day is history: the alert is on the worklist and escalates.
TRY_FOR: Final = DAY
# A chain's step is 15 minutes at the least: the waits reach it within the step.
_WAIT_FIRST: Final = 30 * SECOND
_WAIT_MAX: Final = 15 * MINUTE
# Judgements: three failures within a moment are a hiccup, an hour of them is not.
DEAD_FAILURES: Final = 3
DEAD_AFTER: Final = HOUR


def wait_after(failures: int, jitter: float) -> int:
    """Return how long to wait after so many failures in a row; ``jitter`` is from 0 up to 1.

    The jitter takes up to half away, so that what failed together is not tried together.
    """
    longest = min(_WAIT_FIRST * 2 ** min(max(failures - 1, 0), 16), _WAIT_MAX)
    return int(longest * (1 - jitter / 2))


def held_until(
    priority: Priority,
    quiet_from: int | None,
    quiet_until: int | None,
    zone_name: str,
    now: int,
) -> int:
    """Return when a message may leave: now, or for a low priority the end of the quiet hours.

    Quiet hours are minutes of the civil day; ones that end before they begin end on the next day.
    """
    if priority is not Priority.LOW or quiet_from is None or quiet_until is None:
        return now
    today = civil_day(now, zone_name)
    for day in (today - 1, today):
        over = day + (quiet_until <= quiet_from)
        if at_local(day, quiet_from, zone_name) <= now < at_local(over, quiet_until, zone_name):
            return at_local(over, quiet_until, zone_name)
    return now


def is_dead(failures: int, failing_since: int, now: int) -> bool:
    """Tell whether a channel has failed so often and so long that a person must look at it."""
    return failures >= DEAD_FAILURES and now - failing_since >= DEAD_AFTER
