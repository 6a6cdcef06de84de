"""Looks at patients, read from the audit record."""

from typing import Final

from sqlalchemy import Connection, func, select, text

from server.ports.looks import LOOKS, Look
from server.stores import tables as t

# The words of the partial index are literal.
_SEEN: Final = text("what = 'patient-seen'")


class LookRows:
    """See ``ports.looks.Looks``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self, who: str) -> dict[int, int]:
        a = t.audit.c
        query = select(a.patient_id, func.max(a.at)).where(
            a.who == who, a.patient_id.is_not(None), _SEEN
        )
        return {row[0]: row[1] for row in self._connection.execute(query.group_by(a.patient_id))}

    def before(self, who: str, patient_id: int, until: int) -> int | None:
        a = t.audit.c
        query = select(func.max(a.at)).where(
            a.who == who, a.patient_id == patient_id, a.at < until, _SEEN
        )
        return self._connection.execute(query).scalar()

    def of(self, patient_id: int, limit: int) -> list[Look]:
        a = t.audit.c
        query = select(a.at, a.who, a.what, a.detail).where(
            a.patient_id == patient_id, a.what.in_(LOOKS)
        )
        rows = self._connection.execute(query.order_by(a.id.desc()).limit(limit))
        return [Look(*row) for row in rows]
