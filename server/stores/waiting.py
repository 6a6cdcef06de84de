"""Measurements that wait for a person, and what persons said of such."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, tuple_

from server.domain.attribution import Fate, Said
from server.ports.views import WAITING_MAX, DecisionView, WaitingRow
from server.stores import tables as t
from server.stores.rows import chunks

_DECIDED_MAX: Final = 200


def count(connection: Connection, chc_id: int) -> int:
    """See ``ports.views.Views.waiting_count``."""
    query = select(func.count()).select_from(t.measurements).where(*_waits(chc_id))
    return int(connection.execute(query).scalar_one())


def read(
    connection: Connection, chc_id: int, only: tuple[int, int] | None = None
) -> list[WaitingRow]:
    """See ``ports.views.Views.waiting``."""
    m = t.measurements.c
    alert = and_(
        t.alerts.c.subject == "device:" + m.device,
        t.alerts.c.rule == "measurement-held",
        t.alerts.c.closed_at.is_(None),
    )
    joined = (
        t.measurements.join(t.epochs, t.epochs.c.id == m.epoch_id)
        .outerjoin(t.patients, t.patients.c.id == m.patient_id)
        .outerjoin(t.devices, t.devices.c.address == m.device)
        .outerjoin(t.alerts, alert)
    )
    query = (
        select(
            m.epoch_id,
            m.seq,
            t.epochs.c.gateway_id,
            m.device,
            m.fate,
            m.reason,
            m.measured_at,
            m.stored_at,
            m.patient_id,
            t.patients.c.family_name,
            t.patients.c.given_name,
            t.alerts.c.owner,
            t.alerts.c.deadline_at,
            m.element,
            t.devices.c.id,
            t.devices.c.chc_id,
        )
        .select_from(joined)
        .where(*_waits(chc_id))
        .order_by(m.fate, m.stored_at.desc())
        .limit(WAITING_MAX + 1)
    )
    if only is not None:
        query = query.where(m.epoch_id == only[0], m.seq == only[1])
    rows = list(connection.execute(query))
    values = _values(connection, rows)
    return [WaitingRow._make((*row, values.get((row[0], row[1]), []))) for row in rows]


def decided(connection: Connection, chc_id: int, since: int) -> list[DecisionView]:
    """See ``ports.views.Views.decided``."""
    d = t.decisions.c
    joined = t.decisions.join(t.measurements, _of_decision()).outerjoin(
        t.patients, t.patients.c.id == d.patient_id
    )
    later = t.decisions.alias()
    said_since = exists().where(
        later.c.epoch_id == d.epoch_id, later.c.seq == d.seq, later.c.id > d.id
    )
    query = (
        select(
            d.epoch_id,
            d.seq,
            d.kind,
            d.by,
            d.at,
            d.note,
            t.measurements.c.device,
            t.measurements.c.measured_at,
            d.patient_id,
            t.patients.c.family_name,
            t.patients.c.given_name,
            ~said_since,
        )
        .select_from(joined)
        .where(
            d.chc_id == chc_id,
            d.at >= since,
            d.kind != Said.CORRECTED,  # told with the correction, not one by one
        )
        .order_by(d.id.desc())
        .limit(_DECIDED_MAX)
    )
    rows = list(connection.execute(query))
    values = _values(connection, rows)
    return [
        DecisionView._make((*row[:-1], bool(row[-1]), values.get((row[0], row[1]), [])))
        for row in rows
    ]


def _waits(chc_id: int) -> tuple[ColumnElement[bool], ...]:
    m = t.measurements.c
    return (
        m.chc_id == chc_id,
        m.fate.in_([Fate.HELD, Fate.QUARANTINED]),
        or_(m.fate == Fate.HELD, ~exists().where(_of_decision())),
    )


def _of_decision() -> ColumnElement[bool]:
    return and_(
        t.decisions.c.epoch_id == t.measurements.c.epoch_id,
        t.decisions.c.seq == t.measurements.c.seq,
    )


def _values(
    connection: Connection, rows: Sequence[Any]
) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the (code number, value) of measurements by the first two of each row."""
    o = t.observations.c
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for some in chunks([(row[0], row[1]) for row in rows]):
        query = select(o.epoch_id, o.seq, o.code, o.value).where(
            tuple_(o.epoch_id, o.seq).in_(some)
        )
        for epoch_id, seq, code, value in connection.execute(query.order_by(o.code)):
            found.setdefault((epoch_id, seq), []).append((code, value))
    return found
