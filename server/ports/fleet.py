"""Taking a gateway's access, and putting another in its place."""

from typing import NamedTuple, Protocol

from server.ports.directory import Patient


class Box(NamedTuple):
    """A gateway as far as its access is concerned. ``replaced_by`` stands in for one that has no
    access any more: homes known by the one are known by the other."""

    id: str
    chc_id: int
    revoked_at: int | None
    replaced_by: str | None
    outbox_depth: int | None


class Fleet(Protocol):
    """The fleet's part of a transaction."""

    def box(self, gateway: str) -> Box | None:
        """Return one gateway, locked against other writers, or None when nobody added it."""
        ...

    def successors(self, chc_id: int, but: str) -> list[str]:
        """Return the CHC's other gateways that have access."""
        ...

    def homes(self, gateway: str, since: int) -> list[Patient]:
        """Return of whom something came through a gateway since then, by name; not all need be of
        its CHC."""
        ...

    def revoked(self) -> list[str]:
        """Return every gateway whose access was taken, of all CHCs."""
        ...

    def revoke(self, gateway: str, replaced_by: str | None, now: int) -> None:
        """Note that a gateway has no access any more, and what stands in for it and for those that
        it stood in for itself."""
        ...


class Access(Protocol):
    """Who may speak to the broker."""

    def admit(self, gateway: str) -> None:
        """Give a gateway access. Raises ``NotPermitted`` for a name that was revoked, and
        ``BrokerUnavailable`` as below."""
        ...

    def revoke(self, gateway: str) -> None:
        """Take a gateway's access for good. Raises ``BrokerUnavailable`` where it takes effect at
        the broker's next start only."""
        ...
