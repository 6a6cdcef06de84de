"""The chart store as a table of blobs, written behind the observations from the input log."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from server.domain.attribution import Fate
from server.domain.instants import Quality, from_datetime, to_datetime
from server.ports.charts import (
    LATE_AFTER,
    MARK_FLAGGED,
    MARK_HELD,
    MARK_LATE,
    MARK_PERSON,
    MARK_UNSTEADY,
    MARK_UNSURE,
    POINT,
    ChartKey,
)
from server.ports.inputs import InputKind
from server.stores import tables as t
from server.stores.rows import sent_decoder

# The charts follow the log with a cursor of their own, beside the engine's. Another number is
# another layout of the blobs: all of them are written anew.
CHARTS_CURSOR: Final = 101
_SEEN: Final = (InputKind.ATTRIBUTED, InputKind.QUESTIONED, InputKind.WITHDRAWN)


class ChartRows:
    """See ``ports.charts.Charts``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def cursor(self) -> int:
        query = select(t.cursors.c.position).where(t.cursors.c.partition == CHARTS_CURSOR)
        return int(self._connection.execute(query).scalar() or 0)

    def move_cursor(self, position: int, now: int) -> None:
        change = update(t.cursors).where(t.cursors.c.partition == CHARTS_CURSOR)
        moved = self._connection.execute(change.values(position=position, moved_at=now))
        if not moved.rowcount:
            start = {"partition": CHARTS_CURSOR, "numbered": 0}
            row = {**start, "position": position, "moved_at": now}
            self._connection.execute(insert(t.cursors), row)

    def changed(self, after: int, until: int, limit: int) -> tuple[int, set[ChartKey]]:
        query = (
            select(
                t.inputs.c.position,
                t.inputs.c.patient_id,
                t.observations.c.code,
                t.measurements.c.measured_at,
            )
            .select_from(t.inputs)
            .join(t.measurements, _of_input())
            .join(t.observations, _of_measurement())
            .where(
                t.inputs.c.partition == 0,
                t.inputs.c.position > after,
                t.inputs.c.position <= until,
                t.inputs.c.kind.in_(_SEEN),
            )
            .order_by(t.inputs.c.position)
            .limit(limit)
        )
        rows = list(self._connection.execute(query))
        # A full page may end inside a measurement: its blobs are read whole below all the same,
        # and its row comes again in the next page.
        reached = until if len(rows) < limit else max(after, rows[-1][0] - 1)
        return reached, {ChartKey(row[1], row[2], month_of(row[3])) for row in rows}

    def rebuild(self, keys: Sequence[ChartKey], until: int) -> None:
        for key in keys:
            points = self._points(key)
            where = and_(
                t.chart_blobs.c.patient_id == key.patient_id,
                t.chart_blobs.c.code == key.code,
                t.chart_blobs.c.month == key.month,
            )
            self._connection.execute(delete(t.chart_blobs).where(where))
            if len(points):
                row = {**key._asdict(), "count": len(points), "blob": points.tobytes()}
                self._connection.execute(insert(t.chart_blobs), row)

    def _points(self, key: ChartKey) -> NDArray[np.void]:
        query = (
            select(
                t.measurements.c.measured_at,
                t.observations.c.value,
                t.measurements.c.fate,
                t.measurements.c.quality,
                t.measurements.c.stored_at,
                t.measurements.c.element,
                t.observations.c.steady,
            )
            .join(t.observations, _of_measurement())
            .where(
                t.measurements.c.patient_id == key.patient_id,
                t.measurements.c.measured_at >= _month_start(key.month),
                t.measurements.c.measured_at < _month_start(key.month + 1),
                t.measurements.c.fate.in_([Fate.STORED, Fate.HELD]),
                t.observations.c.code == key.code,
            )
            .order_by(t.measurements.c.measured_at, t.measurements.c.content_id)
        )
        points = [
            (row[0], row[1], _marks(*row[2:]) | (MARK_LATE if row[0] < row[4] - LATE_AFTER else 0))
            for row in self._connection.execute(query)
        ]
        return np.array(points, POINT)

    def read(self, patient_id: int, code: int, from_at: int, until_at: int) -> NDArray[np.void]:
        query = (
            select(t.chart_blobs.c.blob)
            .where(
                t.chart_blobs.c.patient_id == patient_id,
                t.chart_blobs.c.code == code,
                t.chart_blobs.c.month.between(month_of(from_at), month_of(until_at)),
            )
            .order_by(t.chart_blobs.c.month)
        )
        blobs = list(self._connection.execute(query).scalars())
        points = np.frombuffer(b"".join(blobs), POINT)
        inside = (points["at"] >= from_at) & (points["at"] <= until_at)
        return np.asarray(points[inside])

    def read_codes(
        self, patient_id: int, codes: Collection[int], from_at: int, until_at: int
    ) -> dict[int, NDArray[np.void]]:
        query = (
            select(t.chart_blobs.c.code, t.chart_blobs.c.blob)
            .where(
                t.chart_blobs.c.patient_id == patient_id,
                t.chart_blobs.c.code.in_(sorted(codes)),
                t.chart_blobs.c.month.between(month_of(from_at), month_of(until_at)),
            )
            .order_by(t.chart_blobs.c.code, t.chart_blobs.c.month)
        )
        found = {}
        for code, rows in groupby(self._connection.execute(query), key=lambda row: row[0]):
            points = np.frombuffer(b"".join(row[1] for row in rows), POINT)
            first, end = points["at"].searchsorted((from_at, until_at))
            if first < end:
                found[code] = points[first:end]
        return found


def _marks(fate: str, quality: str, _stored_at: int, element: bytes, steady: bool) -> int:
    sent = sent_decoder.decode(element)
    return (
        (MARK_HELD if fate == Fate.HELD else 0)
        | (MARK_UNSURE if quality == Quality.UNSURE else 0)
        | (MARK_PERSON if sent.origin == "person" else 0)
        | (MARK_FLAGGED if sent.flags else 0)
        | (0 if steady else MARK_UNSTEADY)
    )


def month_of(at: int) -> int:
    """Return the month of an instant, as blobs count them."""
    moment = to_datetime(at)
    return (moment.year - 1970) * 12 + moment.month - 1


def _month_start(month: int) -> int:
    return from_datetime(datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC))


def _of_input() -> ColumnElement[bool]:
    return and_(
        t.measurements.c.epoch_id == t.inputs.c.epoch_id,
        t.measurements.c.seq == t.inputs.c.seq,
    )


def _of_measurement() -> ColumnElement[bool]:
    return and_(
        t.observations.c.epoch_id == t.measurements.c.epoch_id,
        t.observations.c.seq == t.measurements.c.seq,
    )
