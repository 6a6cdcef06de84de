"""Claim codes given out, the key of each gateway, and who certifies it."""

from typing import NamedTuple, Protocol


class ClaimRow(NamedTuple):
    """A claim code as the store knows it: by its name, with the key of its proofs."""

    name: str
    chc_id: int
    gateway_id: str
    key: bytes
    ends_at: int
    key_fingerprint: str | None


class Identity(NamedTuple):
    """A gateway's key, and until when its newest certificate is good. ``asks_since`` is when it
    first asked for one after that; it gets one until ``agreed_until``."""

    id: str
    chc_id: int
    revoked_at: int | None
    last_seen_at: int | None
    key_fingerprint: str | None
    certified_until: int | None
    asks_since: int | None
    agreed_until: int | None


class Enrolment(Protocol):
    """The enrolment's part of a transaction. What is read is locked against other writers."""

    def add_claim(self, claim: ClaimRow) -> None:
        """Give out a claim code; others of the same gateway open nothing any more."""
        ...

    def claim(self, name: str) -> ClaimRow | None: ...

    def use_claim(self, name: str, key_fingerprint: str) -> None:
        """Note whose key a code was used for."""
        ...

    def identity(self, gateway: str) -> Identity | None: ...

    def certify(self, gateway: str, key_fingerprint: str, until: int) -> None:
        """Note a gateway's key and when its newest certificate ends; it asks for nothing more."""
        ...

    def note_asking(self, gateway: str, now: int) -> None:
        """Note that a gateway asks to be let in again."""
        ...

    def agree(self, gateway: str, until: int) -> None:
        """Let a gateway have a certificate again until then."""
        ...


class Certified(NamedTuple):
    """A certificate (PEM) and when it ends."""

    certificate: str
    ends_at: int


class Issuer(Protocol):
    """The authority that certifies gateways, and what they are told with it."""

    @property
    def authority(self) -> str:
        """Its own certificate, PEM."""
        ...

    @property
    def broker(self) -> str:
        """Where gateways connect to."""
        ...

    def key_of(self, request: str) -> str:
        """Return the fingerprint of a signing request's key: SHA-256 of its SubjectPublicKeyInfo,
        in hex. Raises ``NotPermitted`` for a request that is not signed by an EC P-256 key."""
        ...

    def certify(self, gateway: str, request: str, now: int) -> Certified:
        """Certify a request's key as a gateway's, whatever name it asks for. Raises as above."""
        ...
