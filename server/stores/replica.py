"""The replica's outbox as a table."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, and_, delete, func, insert, select

from server.domain.attribution import Fate
from server.ports.replica import Point, Waiting
from server.stores import tables as t


class ReplicaRows:
    """See ``ports.replica.Replica``."""

    def __init__(self, connection: Connection, *, kept: bool) -> None:
        self._connection, self._kept = connection, kept

    def waiting(self, limit: int) -> Waiting:
        oldest = select(t.replica_outbox).order_by(t.replica_outbox.c.id).limit(limit).subquery()
        measured = and_(
            t.measurements.c.epoch_id == oldest.c.epoch_id, t.measurements.c.seq == oldest.c.seq
        )
        observed = and_(
            t.observations.c.epoch_id == oldest.c.epoch_id, t.observations.c.seq == oldest.c.seq
        )
        query = (
            select(
                oldest.c.gone_from,
                t.measurements.c.fate,
                oldest.c.id,
                t.measurements.c.chc_id,
                func.coalesce(oldest.c.gone_from, t.measurements.c.patient_id),
                t.observations.c.code,
                t.measurements.c.measured_at,
                t.observations.c.value,
                oldest.c.epoch_id,
                oldest.c.seq,
            )
            .select_from(oldest.join(t.measurements, measured).outerjoin(t.observations, observed))
            .order_by(oldest.c.id)
        )
        found = Waiting([], [], [])
        for row in self._connection.execute(query):
            found.outbox_ids.append(row[2])
            if row.code is not None and row.gone_from is not None:
                found.gone.append(Point._make(row[2:]))
            elif row.code is not None and row.fate == Fate.STORED:
                found.written.append(Point._make(row[2:]))
        return found

    def note(
        self, gone: Collection[tuple[int, int, int]], come: Collection[tuple[int, int]]
    ) -> None:
        rows = [
            {"epoch_id": epoch, "seq": seq, "gone_from": patient}
            for epoch, seq, patient in [*gone, *((*key, None) for key in come)]
        ]
        if self._kept and rows:
            self._connection.execute(insert(t.replica_outbox), rows)

    def forget(self, outbox_ids: Sequence[int]) -> None:
        gone = delete(t.replica_outbox).where(t.replica_outbox.c.id.in_(list(outbox_ids)))
        self._connection.execute(gone)
