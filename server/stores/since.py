"""What a member of staff has not seen yet, read from the audit record and the plans."""

from typing import Final

from sqlalchemy import Connection, and_, func, or_, select, text, update

from server.ports.since import Fate, HandedOver
from server.stores import tables as t

# The words of the partial index are literal.
_SHIFTS: Final = text("what IN ('went-off-duty', 'alert-handed-over')")
_LIMIT: Final = 200


class SinceRows:
    """See ``ports.since.Since``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last_shift(self, name: str) -> int | None:
        a = t.audit.c
        query = select(func.max(a.at)).where(_SHIFTS, a.what == "went-off-duty", a.detail == name)
        return self._connection.execute(query).scalar()

    def handed_over(self, chc_id: int, since: int) -> list[HandedOver]:
        a = t.audit.c
        query = (
            select(a.at, a.who, a.detail)
            .where(_SHIFTS, a.what == "alert-handed-over", a.chc_id == chc_id, a.at >= since)
            .order_by(a.id.desc())
            .limit(_LIMIT)
        )
        return [_handed_over(*row) for row in self._connection.execute(query)]

    def fates(self, author: str) -> list[Fate]:
        p = t.plans.c
        query = (
            select(
                p.patient_id,
                t.patients.c.family_name,
                t.patients.c.given_name,
                p.version,
                func.coalesce(p.declined_at, p.confirmed_at),
                func.coalesce(p.declined_by, p.confirmed_by),
                p.declined_because,
                and_(p.declined_by.is_not(None), p.declined_because.is_(None)),
            )
            .join(t.patients, t.patients.c.id == p.patient_id)
            .where(p.author == author, _UNSEEN)
            .order_by(p.id.desc())
        )
        return [Fate._make(row) for row in self._connection.execute(query)]

    def see_fate(self, author: str, patient_id: int, version: int, now: int) -> bool:
        p = t.plans.c
        one = update(t.plans).where(
            p.author == author, p.patient_id == patient_id, p.version == version, _UNSEEN
        )
        return self._connection.execute(one.values(fate_seen_at=now)).rowcount > 0


# A draft of one's own that one confirmed oneself is no news.
_UNSEEN: Final = and_(
    t.plans.c.fate_seen_at.is_(None),
    or_(t.plans.c.confirmed_by != t.plans.c.author, t.plans.c.declined_by != t.plans.c.author),
)


def _handed_over(at: int, by: str, detail: str) -> HandedOver:
    """Read the record's ``alert 5 to anna``, or ``alert 5 to`` for the team."""
    _, number, _, *to = detail.split(" ")
    return HandedOver(at, by, " ".join(to), int(number))
