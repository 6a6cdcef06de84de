"""Corrections of assignments as a table, and the measurements that they move."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)

from server.domain.alerts import Kind
from server.domain.assignments import Tenure
from server.domain.attribution import Fate, Said
from server.ports.assignments import Device
from server.ports.corrections import (
    Candidate,
    Correction,
    LastSaid,
    NewPlace,
    Place,
    Resting,
)
from server.stores import tables as t
from server.stores.assignment_tables import corrections
from server.stores.rows import chunks

_COLUMNS = [corrections.c[name] for name in Correction._fields]
_M = t.measurements.c
# No join: only the measurements are to be locked.
_GATEWAY_CHC = (
    select(t.gateways.c.chc_id)
    .join(t.epochs, t.epochs.c.gateway_id == t.gateways.c.id)
    .where(t.epochs.c.id == _M.epoch_id)
    .scalar_subquery()
    .label("gateway_chc_id")
)
_CANDIDATE = [*(_M[name] for name in Candidate._fields[:-1]), _GATEWAY_CHC]


class CorrectionRows:
    """See ``ports.corrections.Corrections``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, correction: Correction) -> int:
        values = {**correction._asdict(), **_as_json(correction)}
        del values["id"]
        added = self._connection.execute(insert(corrections).values(values)).inserted_primary_key
        assert added is not None  # noqa: S101 - one row was written
        return int(added[0])

    def of_device(self, device_id: int, limit: int) -> list[Correction]:
        query = select(*_COLUMNS).where(corrections.c.device_id == device_id)
        rows = self._connection.execute(query.order_by(corrections.c.id.desc()).limit(limit))
        return [_correction(row) for row in rows]

    def open(self) -> list[Correction]:
        query = select(*_COLUMNS).where(corrections.c.done_at.is_(None))
        rows = self._connection.execute(query.order_by(corrections.c.id))
        return [_correction(row) for row in rows]

    def get(self, number: int) -> Correction | None:
        query = select(*_COLUMNS).where(corrections.c.id == number).with_for_update()
        row = self._connection.execute(query).first()
        return _correction(row) if row else None

    def advance(self, correction: Correction) -> None:
        values = {
            **{name: getattr(correction, name) for name in ("withdrawn", "given", "held")},
            "done_at": correction.done_at,
            "reached": _as_json(correction)["reached"],
        }
        change = update(corrections).where(corrections.c.id == correction.id)
        self._connection.execute(change.values(values))

    def candidates(
        self,
        device: Device,
        span: tuple[int, int],
        after: Place | None,
        limit: int,
        *,
        lock: bool,
    ) -> tuple[list[Candidate], Place | None]:
        within = after is None or after.within
        rows = _rows_of(device, span, lock=lock)
        found = self._page(rows[within], after, limit)
        if len(found) == limit:
            last = found[-1]
            return found, Place(within, last.measured_at, last.epoch_id, last.seq)
        more = self._page(rows[False], None, limit - len(found)) if within else []
        if len(found) + len(more) < limit:
            return found + more, None
        last = more[-1]
        return found + more, Place(False, last.measured_at, last.epoch_id, last.seq)

    def _page(self, rows: Select[Any], after: Place | None, limit: int) -> list[Candidate]:
        query = rows.limit(limit)
        if after is not None:
            place = tuple_(_M.measured_at, _M.epoch_id, _M.seq)
            query = query.where(place > tuple_(*after[1:]))
        return [Candidate._make(row) for row in self._connection.execute(query)]

    def said(self, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], LastSaid]:
        found: dict[tuple[int, int], LastSaid] = {}
        for where in _of_keys(keys, t.decisions.c.epoch_id, t.decisions.c.seq):
            columns = [t.decisions.c[name] for name in ("epoch_id", "seq", "kind", "at")]
            query = select(*columns).where(where).order_by(t.decisions.c.id)
            for row in self._connection.execute(query):
                before = found.get((row[0], row[1]))
                times = before.times if before is not None else 0
                found[row[0], row[1]] = LastSaid(times + 1, Said(row[2]), row[3])
        return found

    def move(self, places: Sequence[NewPlace]) -> None:
        change = (
            update(t.measurements)
            .where(_M.epoch_id == bindparam("of_epoch"), _M.seq == bindparam("of_seq"))
            .values(
                fate=bindparam("now_fate"),
                patient_id=bindparam("now_patient"),
                reason=bindparam("now_reason"),
            )
        )
        names = ("of_epoch", "of_seq", "now_fate", "now_patient", "now_reason")
        if places:
            rows = [dict(zip(names, one, strict=True)) for one in places]
            self._connection.execute(change, rows)

    def resting(self, patients: Collection[int], first: int, last: int) -> list[Resting]:
        columns = [t.findings.c[n] for n in ("alert_id", "patient_id", "epoch_id", "seq")]
        query = (
            select(*columns)
            .join(t.alerts, t.alerts.c.id == t.findings.c.alert_id)
            .where(
                t.findings.c.patient_id.in_(sorted(patients)),
                t.findings.c.measured_at.between(first, last),
                t.findings.c.state == "in-force",
                t.alerts.c.closed_at.is_(None),
                t.alerts.c.kind == Kind.CLINICAL,
            )
        )
        return [Resting._make(row) for row in self._connection.execute(query)]

    def reopen_absences(self, values: Mapping[int, tuple[int, int]]) -> None:
        explains = (
            exists()
            .where(
                _M.patient_id == t.absences.c.patient_id,
                _M.measured_at >= t.absences.c.window_from,
                _M.measured_at < t.absences.c.due_at,
                _M.fate.in_([Fate.STORED, Fate.HELD]),
                t.observations.c.epoch_id == _M.epoch_id,
                t.observations.c.seq == _M.seq,
                t.observations.c.code == t.absences.c.code,
            )
            .correlate(t.absences)
        )
        for patient, (first, last) in values.items():
            where = and_(
                t.absences.c.patient_id == patient,
                t.absences.c.window_from <= last,
                t.absences.c.due_at > first,
                t.absences.c.explained_at.is_not(None),
                ~explains,
            )
            self._connection.execute(update(t.absences).where(where).values(explained_at=None))


def _rows_of(device: Device, span: tuple[int, int], *, lock: bool) -> dict[bool, Select[Any]]:
    """Return the readable measurements of a device within a time, and of an unsure one outside."""
    inside = _M.measured_at.between(*span)
    rows = (
        select(*_CANDIDATE)
        .where(
            _M.device == device.address,
            _M.chc_id == device.chc_id,
            _M.content_id.is_not(None),
        )
        .order_by(_M.measured_at, _M.epoch_id, _M.seq)
    )
    if lock:
        rows = rows.with_for_update()
    unsure = literal_column("quality = 'unsure'", Boolean)  # the words of the partial index
    return {True: rows.where(inside), False: rows.where(unsure, ~inside)}


def _of_keys(
    keys: Collection[tuple[int, int]], epoch: ColumnElement[int], seq: ColumnElement[int]
) -> list[ColumnElement[bool]]:
    by_epoch: dict[int, list[int]] = defaultdict(list)
    for epoch_id, number in sorted(keys):
        by_epoch[epoch_id].append(number)
    return [
        and_(epoch == epoch_id, seq.in_(some))
        for epoch_id, numbers in by_epoch.items()
        for some in chunks(numbers)
    ]


def _as_json(correction: Correction) -> dict[str, str | int | None]:
    reached = correction.reached
    return {
        "before": msgspec.json.encode(correction.before).decode(),
        "after": msgspec.json.encode(correction.after).decode(),
        "reached": None if reached is None else msgspec.json.encode(reached).decode(),
        "decided_too": int(correction.decided_too),
    }


def _correction(row: Any) -> Correction:  # noqa: ANN401 - a row of the table's columns
    found = Correction._make(row)
    before, after = (
        msgspec.json.decode(text, type=list[Tenure]) for text in (row.before, row.after)
    )
    reached = None if row.reached is None else msgspec.json.decode(row.reached, type=Place)
    return found._replace(
        before=before, after=after, reached=reached, decided_too=bool(row.decided_too)
    )
