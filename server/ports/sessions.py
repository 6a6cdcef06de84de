"""Where a member of staff is signed in."""

from typing import NamedTuple, Protocol


class SignedIn(NamedTuple):
    """One session: when and from where it was opened, and when it was last used."""

    token_hash: bytes
    made_at: int
    seen_at: int
    address: str
    agent: str


class Sessions(Protocol):
    """The sessions' part of a transaction."""

    def of(self, user_id: int, made_since: int, seen_since: int) -> list[SignedIn]:
        """Return a user's living sessions, the last used first."""
        ...

    def end(self, user_id: int, *, but: bytes | None) -> int:
        """End a user's sessions, but one; return how many there were."""
        ...
