"""Where one is signed in, and signing out elsewhere."""

import hashlib

from server.errors import NotFound
from server.ports.directory import User
from server.ports.sessions import SignedIn
from server.ports.store import Transaction
from server.services.accounts import IDLE_MAX, SESSION_MAX


def mark_of(session: SignedIn) -> str:
    """Return what names a session on its owner's page: neither its token nor the stored key."""
    return hashlib.sha256(b"mark" + session.token_hash).hexdigest()[:32]


def living(tx: Transaction, user: User, now: int) -> list[SignedIn]:
    """Return the user's sessions that open something."""
    return tx.sessions.of(user.id, now - SESSION_MAX, now - IDLE_MAX)


def end_one(tx: Transaction, user: User, mark: str, now: int) -> None:
    """End one of the user's own sessions. Raises ``NotFound``."""
    found = next((one for one in living(tx, user, now) if mark_of(one) == mark), None)
    if found is None:
        raise NotFound("session")
    tx.directory.end_session(found.token_hash)
    _put_on_record(tx, user, user.name, 1, now)


def end_others(tx: Transaction, user: User, own: bytes, now: int) -> None:
    """End all of the user's sessions but the one in use."""
    _put_on_record(tx, user, user.name, tx.sessions.end(user.id, but=own), now)


def end_all(tx: Transaction, name: str, by: str, now: int) -> int:
    """End every session of a member of staff: a lost phone, somebody who left. Return how many."""
    user = tx.directory.user(name)
    if user is None:
        raise NotFound(f"user {name}")
    ended = tx.sessions.end(user.id, but=None)
    _put_on_record(tx, user, by, ended, now)
    return ended


def _put_on_record(tx: Transaction, user: User, by: str, count: int, now: int) -> None:
    detail = f"{count} of {user.name}"
    tx.audit(by, "sessions-ended", now, chc_id=user.chc_id, detail=detail)
