"""What happened to one patient, from the tables."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from server.ports.courses import AwayOfPatient, NoteOfPatient
from server.stores import tables as t
from server.stores.rows import sent_decoder


class CourseRows:
    """See ``ports.courses.Courses``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def notes(self, patient_id: int, from_at: int) -> list[NoteOfPatient]:
        n = t.notes.c
        query = (
            select(n.written_at, n.by, n.text, n.alert_id)
            .join(t.alerts, t.alerts.c.id == n.alert_id)
            .where(t.alerts.c.patient_id == patient_id, n.written_at >= from_at)
            .order_by(n.written_at, n.id)
        )
        return [NoteOfPatient(*row) for row in self._connection.execute(query)]

    def aways(self, patient_id: int, from_at: int) -> list[AwayOfPatient]:
        columns = [t.aways.c[name] for name in AwayOfPatient._fields]
        query = select(*columns).where(
            t.aways.c.patient_id == patient_id, t.aways.c.until_at >= from_at
        )
        rows = self._connection.execute(query.order_by(t.aways.c.from_at))
        return [AwayOfPatient(*row) for row in rows]

    def flags(self, patient_id: int, instants: Collection[int]) -> dict[int, list[str]]:
        m = t.measurements.c
        found: dict[int, list[str]] = {}
        if not instants:
            return found
        query = select(m.measured_at, m.element).where(
            m.patient_id == patient_id, m.measured_at.in_(sorted(instants))
        )
        for at, element in self._connection.execute(query):
            if flags := sent_decoder.decode(element).flags:
                found.setdefault(at, []).extend(flags)
        return found
