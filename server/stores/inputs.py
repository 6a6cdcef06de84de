"""The engine's input log as a table."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    insert,
    select,
    update,
)

from server.domain.attribution import Fate
from server.domain.instants import Quality
from server.domain.plans import Plan, stored_plan
from server.domain.timeline import FOREVER
from server.engine.series import Finding, Observation
from server.engine.state import NEVER
from server.engine.step import Observations
from server.ports.inputs import Input, InputKind, NewInput, PlanVersion, Questioned
from server.stores import prepared
from server.stores import tables as t
from server.stores.prepared import PARTITION
from server.stores.rows import insert_new


class InputRows:
    """See ``ports.inputs.InputLog``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, inputs: Sequence[NewInput]) -> None:
        insert_new(self._connection, t.inputs, inputs, NewInput._fields)

    def number(self) -> int:
        position, numbered = self._cursor_row()
        ids = list(self._connection.execute(prepared.UNNUMBERED).scalars())
        if not ids:
            return position
        first = numbered + 1
        mark = "?" if self._connection.dialect.name == "sqlite" else "%s"
        self._connection.exec_driver_sql(
            f"UPDATE inputs SET position = {mark} WHERE id = {mark}",  # noqa: S608
            list(enumerate_from(first, ids)),
        )
        self._connection.execute(prepared.NUMBERED, {"until": numbered + len(ids)})
        return position

    def cursor(self) -> int:
        return self._cursor_row()[0]

    def move_cursor(self, position: int, now: int) -> None:
        self._connection.execute(prepared.MOVE_CURSOR, {"to": position, "now": now})

    def _cursor_row(self) -> tuple[int, int]:
        if (row := self._connection.execute(prepared.CURSOR).first()) is None:
            start = {"partition": PARTITION, "position": 0, "numbered": 0, "moved_at": 0}
            self._connection.execute(insert(t.cursors), start)
            return 0, 0
        return row[0], row[1]

    def after(self, position: int, limit: int) -> list[Input]:
        rows = self._connection.execute(prepared.AFTER, {"above": position, "most": limit})
        return [Input(row[0], InputKind(row[1]), *row[2:]) for row in rows]

    def observations(self, first: int, last: int) -> Observations:
        rows = self._connection.execute(prepared.OBSERVATIONS, {"first": first, "last": last}).all()
        if not rows:
            none = np.zeros(0, np.int64)
            return Observations(
                none, none, none, none, none.astype(np.int32), none, none, none.astype(np.bool_)
            )
        patient, code, at, content, value, epoch, seq, steady = zip(*rows, strict=True)
        return Observations(
            np.array(patient, np.int64),
            np.array(code, np.int64),
            np.array(at, np.int64),
            _keys(content),
            np.array(value, np.int32),
            np.array(epoch, np.int64),
            np.array(seq, np.int64),
            np.array(steady, np.bool_),
        )

    def questioned(self, first: int, last: int) -> list[Questioned]:
        query = select(
            t.inputs.c.patient_id,
            t.observations.c.code,
            t.measurements.c.quality,
            t.measurements.c.fate,
            # Where the gateway's own clock is doubted, only the server's says when it came.
            case(
                (t.measurements.c.mark.like("gateway-clock%"), t.measurements.c.stored_at),
                else_=t.measurements.c.received_at,
            ),
            *_OBSERVATION,
        ).where(prepared.of_kind(InputKind.QUESTIONED), ~_withdrawn_since())
        return [
            Questioned(
                row[0],
                row[1],
                row[4] if row[2] == Quality.UNSURE else row[5],
                row[3] == Fate.STORED,
                _observation(row[5:]),
            )
            for row in self._connection.execute(
                prepared.joined(query), {"first": first, "last": last}
            )
        ]

    def history(self, patient_id: int, code: int, until: int) -> list[Observation]:
        return [one for _, one in self.seen(patient_id, [code], NEVER, until)]

    def seen(
        self, patient_id: int, codes: Collection[int], since: int, until: int
    ) -> list[tuple[int, Observation]]:
        later = t.inputs.alias()
        withdrawn = exists().where(
            later.c.epoch_id == t.inputs.c.epoch_id,
            later.c.seq == t.inputs.c.seq,
            # Plus nothing: by the patient's index each would look through all that came later.
            later.c.patient_id + 0 == t.inputs.c.patient_id,
            later.c.kind == InputKind.WITHDRAWN,
            later.c.position > t.inputs.c.position,
            later.c.position <= until,
        )
        query = select(t.observations.c.code, *_OBSERVATION).where(
            t.inputs.c.patient_id == patient_id,
            t.inputs.c.kind == InputKind.ATTRIBUTED,
            t.inputs.c.position <= until,
            t.inputs.c.set_aside.is_(None),
            t.observations.c.code.in_(sorted(codes)),
            ~withdrawn,
        )
        if since > NEVER:
            query = query.where(t.measurements.c.measured_at >= since)
        rows = self._connection.execute(prepared.joined(query))
        return [(row[0], _observation(row[1:])) for row in rows]

    def codes_of(self, epoch_id: int, seq: int) -> list[int]:
        query = select(t.observations.c.code).where(
            t.observations.c.epoch_id == epoch_id, t.observations.c.seq == seq
        )
        return list(self._connection.execute(query).scalars())

    def findings_in_force(self, patient_id: int, code: int) -> list[Finding]:
        return self._findings(patient_id, t.findings.c.code == code)

    def findings_between(self, patient_id: int, first: int, last: int) -> list[Finding]:
        return self._findings(patient_id, t.findings.c.measured_at.between(first, last))

    def _findings(self, patient_id: int, where: ColumnElement[bool]) -> list[Finding]:
        query = select(*_FINDING).where(
            t.findings.c.patient_id == patient_id,
            where,
            t.findings.c.state == "in-force",
            t.findings.c.in_series,
        )
        return [Finding(*row) for row in self._connection.execute(query)]

    def plan_versions(self, patient_ids: Sequence[int], until: int) -> list[PlanVersion]:
        query = (
            select(
                t.plans.c.patient_id,
                t.plans.c.version,
                t.plans.c.in_force_from,
                t.patients.c.zone,
                t.inputs.c.recorded_at,
                t.plans.c.body,
                t.plans.c.in_force_until,
            )
            .join(t.patients, t.patients.c.id == t.plans.c.patient_id)
            .join(
                t.inputs,
                and_(
                    t.inputs.c.patient_id == t.plans.c.patient_id,
                    t.inputs.c.number == t.plans.c.version,
                    t.inputs.c.kind == InputKind.PLAN,
                ),
            )
            .where(t.inputs.c.position <= until, t.inputs.c.set_aside.is_(None))
        )
        if patient_ids:
            query = query.where(t.plans.c.patient_id.in_(list(patient_ids)))
        plans: dict[str, Plan] = {}  # most patients of a protocol have the very same
        found = []
        for patient_id, number, from_at, zone, recorded_at, body, until in self._connection.execute(
            query
        ):
            if (plan := plans.get(body)) is None:
                plan = plans[body] = stored_plan(body)
            until_at = FOREVER if until is None else until
            found.append(
                PlanVersion(patient_id, number, from_at, zone, recorded_at, plan, until_at)
            )
        return found

    def set_aside(self, position: int, reason: str) -> None:
        where = and_(t.inputs.c.partition == PARTITION, t.inputs.c.position == position)
        self._connection.execute(update(t.inputs).where(where).values(set_aside=reason[:250]))

    def touched(self, after: int, until: int) -> list[int]:
        query = (
            select(t.inputs.c.patient_id)
            .where(
                t.inputs.c.partition == PARTITION,
                t.inputs.c.position > after,
                t.inputs.c.position <= until,
                t.inputs.c.patient_id.is_not(None),
            )
            .distinct()
        )
        return sorted(self._connection.execute(query).scalars())

    def last_tick(self, until: int) -> int:
        query = select(func.max(t.inputs.c.recorded_at)).where(
            t.inputs.c.partition == PARTITION,
            t.inputs.c.position <= until,
            t.inputs.c.kind == InputKind.TICK,
        )
        return self._connection.execute(query).scalar() or 0

    def database_id(self) -> str:
        return str(self._connection.execute(select(t.identity.c.id)).scalar_one())


_FINDING: Final = (
    t.findings.c.patient_id,
    t.findings.c.code,
    t.findings.c.rule,
    t.findings.c.version,
    t.findings.c.measured_at,
    t.findings.c.value,
    t.findings.c.epoch_id,
    t.findings.c.seq,
)
_OBSERVATION: Final = (
    t.measurements.c.measured_at,
    t.measurements.c.content_id,
    t.observations.c.value,
    t.observations.c.epoch_id,
    t.observations.c.seq,
    t.observations.c.steady,
)


def _withdrawn_since() -> ColumnElement[bool]:
    """Tell an input that was withdrawn before it was judged: it has nothing to conclude."""
    later = t.inputs.alias()
    return exists().where(
        later.c.epoch_id == t.inputs.c.epoch_id,
        later.c.seq == t.inputs.c.seq,
        later.c.patient_id + 0 == t.inputs.c.patient_id,
        later.c.kind == InputKind.WITHDRAWN,
        later.c.id > t.inputs.c.id,
    )


def enumerate_from(first: int, ids: list[int]) -> list[tuple[int, int]]:
    """Pair each id with its position, counting on from ``first``."""
    return list(zip(range(first, first + len(ids)), ids, strict=True))


def _observation(row: Any) -> Observation:  # noqa: ANN401 - a database row has no better type
    at, content, value, epoch, seq, steady = row
    key = int.from_bytes(content[:8], "big") - 2**63
    return Observation(at, key, value, epoch, seq, steady)


def _keys(contents: Sequence[bytes]) -> NDArray[np.int64]:
    """Turn content ids into signed integers that sort as the ids' bytes do."""
    first_halves = np.frombuffer(b"".join(contents), ">u8")[::2].astype(np.uint64)
    return np.asarray((first_halves ^ np.uint64(2**63)).view(np.int64))
