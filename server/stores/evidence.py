"""What an alert rests on, read back from its findings."""

from sqlalchemy import Connection, and_, or_, select

from server.domain.alerts import Evidence
from server.domain.attribution import Fate
from server.engine.rules import COMPARATOR
from server.stores import tables as t


def evidence_left(connection: Connection, alert_id: int) -> list[Evidence]:
    """Return an alert's findings in force, as the evidence that they were gathered as."""
    own, taken = t.findings.c, t.measurements.c
    sure = or_(own.in_series, taken.fate == Fate.STORED)
    query = (
        select(own.measured_at, own.value, own.late, sure)
        .outerjoin(t.measurements, and_(own.epoch_id == taken.epoch_id, own.seq == taken.seq))
        .where(own.alert_id == alert_id, own.state == "in-force")
    )
    rows = connection.execute(query)
    return [Evidence(at, value, _beyond(value), late, bool(sure)) for at, value, late, sure in rows]


def _beyond(value: int) -> int:
    return (value > 0) - (value < 0) if abs(value) == COMPARATOR else 0
