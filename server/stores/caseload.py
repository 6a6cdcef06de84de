"""The list of patients, from the tables: nothing here reads a table that grows with the years."""

from collections.abc import Collection
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, case, exists, func, literal, or_, select, text, union

from contract.codes import BY_NUMBER
from server.domain.attribution import Fate
from server.domain.priorities import Priority
from server.ports.caseload import Happened, OpenAlerts
from server.ports.charts import POINT
from server.stores import tables as t
from server.stores.charts import month_of

_NOTHING: Final = literal("")


class CaseloadRows:
    """See ``ports.caseload.Caseload``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, query: Select[Any]) -> list[Any]:
        return list(self._connection.execute(query))

    def latest(self, chc_id: int) -> dict[int, int]:
        # One look into the index a patient: the newest rows first, until one is stored.
        m = t.measurements.c
        newest = (
            select(m.measured_at)
            .where(m.patient_id == t.patients.c.id, m.fate == Fate.STORED)
            .order_by(m.measured_at.desc())
            .limit(1)
        )
        query = select(t.patients.c.id, newest.correlate(t.patients).scalar_subquery())
        rows = self._rows(query.where(t.patients.c.chc_id == chc_id))
        return {row[0]: row[1] for row in rows if row[1] is not None}

    def missed(self, chc_id: int, since: int) -> set[int | None]:
        a = t.absences.c
        query = (
            select(a.patient_id)
            .distinct()
            .where(
                a.chc_id == chc_id,
                a.due_at >= since,
                a.explained_at.is_(None),
                a.cause != "patient-away",
            )
        )
        return {row[0] for row in self._rows(query)}

    def doubted(self, patient_ids: Collection[int], since: int) -> set[int]:
        m, i, ids = t.measurements.c, t.inputs.c, sorted(patient_ids)
        # Two looks, each along an index of its own: one for both would read a patient's every row.
        doubted = select(m.patient_id).where(m.patient_id.in_(ids), text(t.DOUBTED))
        came = doubted.where(m.stored_at >= since)
        ahead = doubted.where(m.measured_at >= since)
        aside = select(i.patient_id).where(i.patient_id.in_(ids), i.set_aside.is_not(None))
        recent = aside.where(i.recorded_at >= since)
        return set(self._connection.execute(union(came, ahead, recent)).scalars())

    def open_alerts(self, chc_id: int) -> dict[int, OpenAlerts]:
        a = t.alerts.c
        high = func.sum(case((a.priority == Priority.HIGH, 1), else_=0))
        query = (
            select(a.patient_id, func.count(), high)
            .where(a.chc_id == chc_id, a.closed_at.is_(None), a.patient_id.is_not(None))
            .group_by(a.patient_id)
        )
        return {row[0]: OpenAlerts(row[1], int(row[2])) for row in self._rows(query)}

    def reviews(self, chc_id: int) -> dict[int, int]:
        a = t.alerts.c
        query = (
            select(a.patient_id, func.min(a.next_review_at))
            .where(
                a.chc_id == chc_id,
                a.review_raised_at.is_(None),
                a.next_review_at.is_not(None),
                a.patient_id.is_not(None),
            )
            .group_by(a.patient_id)
        )
        return {row[0]: row[1] for row in self._rows(query)}

    def charted(self, patient_ids: Collection[int]) -> dict[int, set[int]]:
        codes = union(*(select(literal(number).label("code")) for number in range(len(BY_NUMBER))))
        every = codes.subquery()
        b = t.chart_blobs.c
        has = exists().where(b.patient_id == t.patients.c.id, b.code == every.c.code)
        query = (
            select(t.patients.c.id, every.c.code)
            .select_from(t.patients.join(every, literal(1) == 1))
            .where(t.patients.c.id.in_(sorted(patient_ids)), has)
        )
        found: dict[int, set[int]] = {}
        for patient_id, code in self._rows(query):
            found.setdefault(patient_id, set()).add(code)
        return found

    def series(
        self, patient_ids: Collection[int], from_at: int
    ) -> dict[tuple[int, int], NDArray[np.void]]:
        b = t.chart_blobs.c
        query = (
            select(b.patient_id, b.code, b.blob)
            .where(b.patient_id.in_(sorted(patient_ids)), b.month >= month_of(from_at))
            .order_by(b.patient_id, b.code, b.month)
        )
        found = {}
        for key, rows in groupby(self._rows(query), key=lambda row: (row[0], row[1])):
            points = np.frombuffer(b"".join(row[2] for row in rows), POINT)
            if len(inside := points[points["at"].searchsorted(from_at) :]):
                found[key] = inside
        return found

    def mine(self, chc_id: int, user: str) -> set[int]:
        p, a = t.plans.c, t.alerts.c
        plans = select(p.patient_id).where(
            p.chc_id == chc_id, or_(p.author == user, p.confirmed_by == user)
        )
        alerts = select(a.patient_id).where(
            a.chc_id == chc_id, a.owner == user, a.closed_at.is_(None), a.patient_id.is_not(None)
        )
        planned = set(self._connection.execute(plans).scalars())
        owned = set(self._connection.execute(alerts).scalars())
        # Who has left cares for nobody.
        c, u = t.care_teams.c, t.users.c
        here = select(c.patient_id, c.name).join(t.users, u.name == c.name)
        teams = self._rows(here.where(c.chc_id == chc_id, u.disabled_at.is_(None)))
        named = {row[0] for row in teams if row[1] == user}
        return owned | named | planned - {row[0] for row in teams}

    def happened(self, patient_ids: Collection[int], from_at: int) -> list[Happened]:
        ids = sorted(patient_ids)
        a, n, p = t.alerts.c, t.notes.c, t.plans.c
        raised = select(a.patient_id, a.raised_at, literal("raised"), _NOTHING, a.rule).where(
            a.patient_id.in_(ids), a.raised_at >= from_at
        )
        closed = select(a.patient_id, a.closed_at, literal("closed"), a.closed_by, a.outcome).where(
            a.patient_id.in_(ids), a.raised_at >= from_at, a.closed_at >= from_at
        )
        noted = (
            select(a.patient_id, n.written_at, literal("note"), n.by, n.text)
            .join(t.notes, n.alert_id == a.id)
            .where(a.patient_id.in_(ids), n.written_at >= from_at)
        )
        proposed = select(
            p.patient_id, p.written_at, literal("proposed"), p.author, _NOTHING
        ).where(
            p.patient_id.in_(ids),
            p.written_at >= from_at,
            p.version > 0,
            p.confirmed_at.is_(None),
            p.declined_at.is_(None),
        )
        confirmed = select(
            p.patient_id, p.confirmed_at, literal("confirmed"), p.confirmed_by, _NOTHING
        ).where(p.patient_id.in_(ids), p.confirmed_at >= from_at)
        parts = (raised, closed, noted, proposed, confirmed)
        return [Happened(*row) for part in parts for row in self._rows(part)]
