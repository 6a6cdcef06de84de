"""The replica's outbox as a table."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, select

from server.ports.replica import Point
from server.stores import tables as t


class ReplicaRows:
    """See ``ports.replica.Replica``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self, limit: int) -> list[Point]:
        oldest = select(t.replica_outbox).order_by(t.replica_outbox.c.id).limit(limit).subquery()
        measured = and_(
            t.measurements.c.epoch_id == oldest.c.epoch_id, t.measurements.c.seq == oldest.c.seq
        )
        observed = and_(
            t.observations.c.epoch_id == oldest.c.epoch_id, t.observations.c.seq == oldest.c.seq
        )
        query = (
            select(
                oldest.c.id,
                t.measurements.c.chc_id,
                t.measurements.c.patient_id,
                t.observations.c.code,
                t.measurements.c.measured_at,
                t.observations.c.value,
                oldest.c.epoch_id,
                oldest.c.seq,
            )
            .select_from(oldest)
            .join(t.measurements, measured)
            .join(t.observations, observed)
            .order_by(oldest.c.id)
        )
        return [Point(*row) for row in self._connection.execute(query)]

    def forget(self, outbox_ids: Sequence[int]) -> None:
        gone = delete(t.replica_outbox).where(t.replica_outbox.c.id.in_(list(outbox_ids)))
        self._connection.execute(gone)
