"""Calls to homes as a table."""

from sqlalchemy import Connection, func, insert, select, update

from server.domain.calls import CallResult
from server.ports.calls import Call
from server.stores import tables as t

_CALL = [t.calls.c[name] for name in Call._fields]


class CallRows:
    """See ``ports.calls.Calls``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, alert_id: int) -> list[Call]:
        query = select(*_CALL).where(t.calls.c.alert_id == alert_id).order_by(t.calls.c.id)
        return [Call._make(row) for row in self._connection.execute(query)]

    def add(self, call: Call) -> None:
        earlier = update(t.calls).where(
            t.calls.c.alert_id == call.alert_id, t.calls.c.ended_at.is_(None)
        )
        self._connection.execute(earlier.values(ended_at=call.at))
        values = call._asdict()
        del values["id"]
        self._connection.execute(insert(t.calls), values)

    def unanswered(self, chc_id: int) -> dict[int, Call]:
        still_open = select(t.alerts.c.id).where(
            t.alerts.c.chc_id == chc_id, t.alerts.c.closed_at.is_(None)
        )
        last = (
            select(func.max(t.calls.c.id))
            .where(t.calls.c.alert_id.in_(still_open))
            .group_by(t.calls.c.alert_id)
        )
        query = select(*_CALL).where(
            t.calls.c.id.in_(last), t.calls.c.result == CallResult.NO_ANSWER.value
        )
        return {row.alert_id: Call._make(row) for row in self._connection.execute(query)}

    def due(self, now: int, limit: int) -> list[Call]:
        query = (
            select(*_CALL)
            .join(t.alerts, t.alerts.c.id == t.calls.c.alert_id)
            .where(
                t.calls.c.due_at <= now,
                t.calls.c.ended_at.is_(None),
                t.alerts.c.closed_at.is_(None),
            )
            .order_by(t.calls.c.due_at)
            .limit(limit)
        )
        return [Call._make(row) for row in self._connection.execute(query)]

    def end(self, call_id: int, now: int) -> None:
        change = update(t.calls).where(t.calls.c.id == call_id)
        self._connection.execute(change.values(ended_at=now))
