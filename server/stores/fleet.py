"""Gateways' access as columns of their table."""

from sqlalchemy import Connection, select, update

from server.domain.attribution import Fate
from server.ports.directory import Patient
from server.ports.fleet import Box
from server.stores import tables as t
from server.stores.directory import PATIENT

_G = t.gateways.c


class FleetRows:
    """See ``ports.fleet.Fleet``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def box(self, gateway: str) -> Box | None:
        query = select(*(_G[name] for name in Box._fields)).where(_G.id == gateway)
        row = self._connection.execute(query.with_for_update()).first()
        return Box._make(row) if row else None

    def successors(self, chc_id: int, but: str) -> list[str]:
        query = select(_G.id).where(_G.chc_id == chc_id, _G.revoked_at.is_(None), _G.id != but)
        return list(self._connection.execute(query.order_by(_G.id)).scalars())

    def homes(self, gateway: str, since: int) -> list[Patient]:
        through = (
            select(t.measurements.c.patient_id)
            .join(t.epochs, t.epochs.c.id == t.measurements.c.epoch_id)
            .where(
                t.epochs.c.gateway_id == gateway,
                t.measurements.c.fate == Fate.STORED,
                t.measurements.c.stored_at >= since,
            )
        )
        p = t.patients.c
        query = select(*PATIENT).where(p.id.in_(through))
        rows = self._connection.execute(query.order_by(p.family_name, p.given_name, p.id))
        return [Patient._make(row) for row in rows]

    def revoked(self) -> list[str]:
        query = select(_G.id).where(_G.revoked_at.is_not(None))
        return list(self._connection.execute(query).scalars())

    def revoke(self, gateway: str, replaced_by: str | None, now: int) -> None:
        own = update(t.gateways).where(_G.id == gateway)
        self._connection.execute(own.values(revoked_at=now, replaced_by=replaced_by))
        if replaced_by is not None:
            stood = update(t.gateways).where(_G.replaced_by == gateway)
            self._connection.execute(stood.values(replaced_by=replaced_by))
