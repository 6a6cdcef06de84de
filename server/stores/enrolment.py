"""Claim codes as a table; a gateway's key as columns of its own."""

from sqlalchemy import Connection, delete, insert, select, update

from server.ports.enrolment import ClaimRow, Identity
from server.stores import tables as t
from server.stores.claim_tables import claims

_G = t.gateways.c


class EnrolmentRows:
    """See ``ports.enrolment.Enrolment``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_claim(self, claim: ClaimRow) -> None:
        old = delete(claims).where(claims.c.gateway_id == claim.gateway_id)
        self._connection.execute(old)
        self._connection.execute(insert(claims).values(claim._asdict()))

    def claim(self, name: str) -> ClaimRow | None:
        query = select(*(claims.c[field] for field in ClaimRow._fields)).where(
            claims.c.name == name
        )
        row = self._connection.execute(query.with_for_update()).first()
        return ClaimRow._make(row) if row else None

    def use_claim(self, name: str, key_fingerprint: str) -> None:
        change = update(claims).where(claims.c.name == name)
        self._connection.execute(change.values(key_fingerprint=key_fingerprint))

    def identity(self, gateway: str) -> Identity | None:
        query = select(*(_G[name] for name in Identity._fields)).where(_G.id == gateway)
        row = self._connection.execute(query.with_for_update()).first()
        return Identity._make(row) if row else None

    def certify(self, gateway: str, key_fingerprint: str, until: int) -> None:
        self._set(
            gateway,
            key_fingerprint=key_fingerprint,
            certified_until=until,
            certificate_ends_at=until,
            asks_since=None,
            agreed_until=None,
        )

    def note_asking(self, gateway: str, now: int) -> None:
        self._set(gateway, asks_since=now)

    def agree(self, gateway: str, until: int) -> None:
        self._set(gateway, agreed_until=until)

    def _set(self, gateway: str, **values: int | str | None) -> None:
        self._connection.execute(update(t.gateways).where(_G.id == gateway).values(values))
