"""Who had a device from when until when, and how that is changed: pure.

One device is one person's at a time, or one's for each of its user buttons. What is written last
is laid over what there is: the others give way to it, so no two are ever in force together.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from server.domain.attribution import Assignment
from server.domain.timeline import FOREVER

NEW: Final = 0


class Tenure(NamedTuple):
    """A stored assignment; ``id`` is ``NEW`` before it is stored. From ``from_at`` until before
    ``until_at`` (None: still)."""

    id: int
    patient_id: int
    user: int | None
    from_at: int
    until_at: int | None

    @property
    def end(self) -> int:
        """When it ends, or never."""
        return FOREVER if self.until_at is None else self.until_at

    def assignment(self) -> Assignment:
        """Return it as attribution reads it: the zone counts for reading clocks alone."""
        return Assignment(self.patient_id, self.from_at, self.until_at, self.user, "UTC")


def laid_over(there: Sequence[Tenure], new: Tenure) -> list[Tenure]:
    """Return the assignments with ``new`` in place of the one of its id, all others cut to make
    room."""
    left: list[Tenure] = []
    for one in there:
        if one.id != new.id or new.id == NEW:
            left += _around(one, new)
    return sorted([*left, new], key=lambda one: (one.from_at, one.id))


def without(there: Sequence[Tenure], number: int) -> list[Tenure]:
    """Return the assignments without one that never was."""
    return [one for one in there if one.id != number]


def changed(before: Sequence[Tenure], after: Sequence[Tenure]) -> list[Tenure]:
    """Return what is new or other than it was."""
    return [one for one in after if one not in before]


def clashes(before: Sequence[Tenure], after: Sequence[Tenure]) -> bool:
    """Tell whether anything new is in force together with another, or ends before it begins."""
    return any(
        one.from_at >= one.end or any(other != one and _clash(one, other) for other in after)
        for one in changed(before, after)
    )


def differ(before: Sequence[Tenure], after: Sequence[Tenure]) -> tuple[int, int] | None:
    """Return from when until when somebody else has the device than before; None: never."""
    cuts = sorted({cut for one in (*before, *after) for cut in (one.from_at, one.end)})
    spans = [
        (start, end)
        for start, end in zip(cuts, [*cuts[1:], FOREVER], strict=True)
        if _holders(before, start) != _holders(after, start)
    ]
    return (spans[0][0], spans[-1][1]) if spans else None


def _around(one: Tenure, new: Tenure) -> list[Tenure]:
    """Return what is left of ``one`` beside ``new``: all, a part, both ends or nothing."""
    if not _clash(one, new):
        return [one]
    left: list[Tenure] = []
    if one.from_at < new.from_at:
        left.append(one._replace(until_at=new.from_at))
    if new.end < one.end:
        left.append(one._replace(id=NEW if left else one.id, from_at=new.end))
    return left


def _clash(one: Tenure, other: Tenure) -> bool:
    same_button = one.user == other.user or None in (one.user, other.user)
    return same_button and one.from_at < other.end and other.from_at < one.end


def _holders(tenures: Sequence[Tenure], at: int) -> set[tuple[int, int | None]]:
    return {(one.patient_id, one.user) for one in tenures if one.from_at <= at < one.end}
