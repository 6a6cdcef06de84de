"""Device assignments as a table."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from server.domain.assignments import NEW, Tenure
from server.domain.attribution import Fate
from server.ports.assignments import Device, OwnDevice
from server.stores import tables as t

_DEVICE = [t.devices.c[name] for name in Device._fields]
_ROW = t.device_assignments.c
_TENURE = [_ROW.id, _ROW.patient_id, _ROW.user_index, _ROW.from_at, _ROW.until_at]


class AssignmentRows:
    """See ``ports.assignments.Assignments``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def devices(self, chc_id: int) -> list[Device]:
        query = select(*_DEVICE).where(t.devices.c.chc_id == chc_id)
        order = t.devices.c.profile, t.devices.c.label, t.devices.c.address
        return [Device._make(row) for row in self._connection.execute(query.order_by(*order))]

    def device(self, device_id: int) -> Device | None:
        query = select(*_DEVICE).where(t.devices.c.id == device_id)
        row = self._connection.execute(query).first()
        return Device._make(row) if row else None

    def lock(self, device_id: int) -> None:
        query = select(t.devices.c.id).where(t.devices.c.id == device_id)
        self._connection.execute(query.with_for_update())

    def tenures(self, device_id: int) -> list[Tenure]:
        query = select(*_TENURE).where(_ROW.device_id == device_id)
        rows = self._connection.execute(query.order_by(_ROW.from_at, _ROW.id))
        return [Tenure._make(row) for row in rows]

    def of_patient(self, patient_id: int, since: int) -> list[OwnDevice]:
        m = t.measurements.c
        newest = select(func.max(m.measured_at)).where(
            m.device == t.devices.c.address, m.patient_id == patient_id, m.fate == Fate.STORED
        )
        query = (
            select(*_DEVICE, *_TENURE, newest.scalar_subquery())
            .join(t.device_assignments, _ROW.device_id == t.devices.c.id)
            .where(
                _ROW.patient_id == patient_id, or_(_ROW.until_at.is_(None), _ROW.until_at > since)
            )
            .order_by(_ROW.until_at.is_not(None), _ROW.until_at.desc(), _ROW.from_at.desc())
        )
        width = len(_DEVICE)
        return [
            OwnDevice(Device._make(row[:width]), Tenure._make(row[width:-1]), row[-1])
            for row in self._connection.execute(query)
        ]

    def all_tenures(self, chc_id: int) -> dict[int, list[Tenure]]:
        query = (
            select(_ROW.device_id, *_TENURE)
            .join(t.devices, t.devices.c.id == _ROW.device_id)
            .where(t.devices.c.chc_id == chc_id)
        )
        found: dict[int, list[Tenure]] = {}
        for row in self._connection.execute(query.order_by(_ROW.from_at, _ROW.id)):
            found.setdefault(row[0], []).append(Tenure._make(row[1:]))
        return found

    def write(self, device: Device, before: Sequence[Tenure], after: Sequence[Tenure]) -> None:
        known, kept = {one.id: one for one in before}, {one.id for one in after}
        for number in sorted(known.keys() - kept):
            self._connection.execute(
                delete(t.device_assignments).where(t.device_assignments.c.id == number)
            )
        for one in after:
            values = _values(one)
            if one.id == NEW:
                own = {"device_id": device.id, "chc_id": device.chc_id}
                self._connection.execute(insert(t.device_assignments).values(**own, **values))
            elif one != known[one.id]:
                change = update(t.device_assignments).where(t.device_assignments.c.id == one.id)
                self._connection.execute(change.values(**values))


def _values(one: Tenure) -> dict[str, int | None]:
    return {
        "patient_id": one.patient_id,
        "user_index": one.user,
        "from_at": one.from_at,
        "until_at": one.until_at,
    }
