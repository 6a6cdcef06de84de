"""One value beyond both its limits is one matter: the outer alert's, with the inner one in it.

Both alerts stay, each with its evidence, deadline and end. Only what would be said and done twice
is done once, and whatever differs between the two parts them again (hazards H1 and H4).
"""

from collections.abc import Sequence

from server.domain.alerts import Alert
from server.domain.repeats import INNER, outer_of


def is_within(inner: Alert, outer: Alert) -> bool:
    """Tell whether all that the inner alert would say is said by the outer one."""
    same = (inner.subject, outer_of(inner.rule)) == (outer.subject, outer.rule)
    one_value = (inner.newest_at, inner.newest) == (outer.newest_at, outer.newest)
    if not same or not one_value or not inner.rule.endswith(INNER):
        return False
    over = (inner.closed_at, outer.closed_at, inner.cleared_at, outer.cleared_at)
    as_sure = not outer.superseded and outer.confirmed == inner.confirmed
    as_loud = outer.unanswered or not inner.unanswered
    kept_alike = (outer.owner, outer.paused_until) == (inner.owner, inner.paused_until)
    return not any(over) and as_sure and as_loud and kept_alike


def outer_by_inner(alerts: Sequence[Alert]) -> dict[int, Alert]:
    """Return each alert that others are within, by their numbers."""
    known = {(one.subject, one.rule): one for one in alerts}
    found = {}
    for one in alerts:
        outer = known.get((one.subject, outer_of(one.rule)))
        if outer is not None and is_within(one, outer):
            found[one.id] = outer
    return found
