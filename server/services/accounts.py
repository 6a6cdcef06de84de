"""Signing in: argon2id passwords, sessions kept on the server, a soft lock against guessing."""

import hashlib
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.domain.instants import HOUR, MINUTE
from server.domain.roles import Role
from server.errors import WrongInput
from server.ports.directory import Session, User
from server.ports.store import Store, Transaction

PASSWORD_SHORTEST: Final = 12
FAILURES_MAX: Final = 5
LOCKED_FOR: Final = 5 * MINUTE
IDLE_MAX: Final = 30 * MINUTE
SESSION_MAX: Final = 12 * HOUR
_TOUCH_EVERY: Final = MINUTE

_hasher: Final = PasswordHasher()
# Verified for unknown names, so that they take as long as known ones.
_NOBODY: Final = _hasher.hash("nobody has this password")


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a browser says of itself at sign-in."""

    name: str
    password: str
    address: str
    agent: str


def hash_password(password: str) -> str:
    """Return the argon2id hash to store. Raises ``WrongInput`` for a short password."""
    if len(password) < PASSWORD_SHORTEST:
        raise WrongInput(f"a password has at least {PASSWORD_SHORTEST} characters")
    return _hasher.hash(password)


def token_hash(token: str) -> bytes:
    """Return what the store keeps of a session's token: stolen rows open no session."""
    return hashlib.sha256(token.encode()).digest()


def sign_in(store: Store, given: SignIn, token: str, csrf: str, now: int) -> User | None:
    """Open a session for right credentials. An unknown name and a locked one look the same."""
    with store.read() as tx:
        user = tx.directory.user(given.name)
    locked = user is not None and (user.locked_until or 0) > now
    good = _verify(user.password_hash if user else _NOBODY, given.password)
    with store.write() as tx:
        if user is None or user.disabled_at is not None or locked or not good:
            if user is not None and not locked and not good:
                _note_failure(tx, user, now)
            tx.audit(given.name[:60], "sign-in-refused", now, detail=given.address)
            return None
        tx.directory.note_failure(user.id, 0, None)
        if _hasher.check_needs_rehash(user.password_hash):
            tx.directory.set_password_hash(user.id, _hasher.hash(given.password))
        tx.directory.add_session(token_hash(token), user.id, csrf, now, given.address, given.agent)
        tx.audit(user.name, "signed-in", now, chc_id=user.chc_id, detail=given.address)
    return user


def session_of(store: Store, token: str, now: int) -> Session | None:
    """Return the living session of a token; one idle or old too long is none."""
    hashed = token_hash(token)
    with store.read() as tx:
        session = tx.directory.session(hashed)
    if session is None or session.user.disabled_at is not None:
        return None
    if now - session.seen_at > IDLE_MAX or now - session.made_at > SESSION_MAX:
        return None
    if now - session.seen_at > _TOUCH_EVERY:
        with store.write() as tx:
            tx.directory.touch_session(hashed, now)
    return session


def add_user(
    tx: Transaction, *, name: str, full_name: str, role: str, chc: str, password: str, language: str
) -> int:
    """Add a member of staff. Raises ``WrongInput`` naming what cannot be taken."""
    if role not in list(Role):
        raise WrongInput(f"role: one of {', '.join(Role)}")
    found = tx.directory.chc(chc)
    if found is None:
        raise WrongInput(f"chc: there is no {chc!r}")
    if tx.directory.user(name) is not None:
        raise WrongInput(f"name: {name!r} is taken")
    return tx.directory.add_user(name, full_name, role, found.id, hash_password(password), language)


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _note_failure(tx: Transaction, user: User, now: int) -> None:
    failures = user.failures + 1
    locked = now + LOCKED_FOR if failures >= FAILURES_MAX else None
    tx.directory.note_failure(user.id, 0 if locked else failures, locked)
