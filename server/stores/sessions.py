"""Sessions as a table, by user."""

from sqlalchemy import Connection, delete, select

from server.ports.sessions import SignedIn
from server.stores import tables as t

_SESSION = [t.sessions.c[name] for name in SignedIn._fields]


class SessionRows:
    """See ``ports.sessions.Sessions``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, user_id: int, made_since: int, seen_since: int) -> list[SignedIn]:
        query = select(*_SESSION).where(
            t.sessions.c.user_id == user_id,
            t.sessions.c.made_at >= made_since,
            t.sessions.c.seen_at >= seen_since,
        )
        rows = self._connection.execute(query.order_by(t.sessions.c.seen_at.desc()))
        return [SignedIn._make(row) for row in rows]

    def end(self, user_id: int, *, but: bytes | None) -> int:
        gone = delete(t.sessions).where(t.sessions.c.user_id == user_id)
        if but is not None:
            gone = gone.where(t.sessions.c.token_hash != but)
        return self._connection.execute(gone).rowcount
