"""Repeats and commands as tables."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, insert, or_, select, update

from server.domain.instants import MINUTE
from server.domain.plans import MEASURE_AGAIN_MINUTES_MAX
from server.domain.repeats import Repeat, RepeatState
from server.ports.repeats import CommandRow
from server.stores import tables as t

REPEAT: Final = [t.repeats.c[field.name] for field in fields(Repeat)]


def repeat_of(row: Row[Any] | Sequence[Any]) -> Repeat:
    """Make a repeat of a row whose columns are those of ``Repeat``, in its order."""
    values = dict(zip((field.name for field in fields(Repeat)), row, strict=True))
    return Repeat(**{**values, "state": RepeatState(values["state"])})


def _first() -> ColumnElement[bool]:
    """Tell the finding of the first value, while no alert has it."""
    return and_(
        t.findings.c.patient_id == t.repeats.c.patient_id,
        t.findings.c.rule == t.repeats.c.rule,
        t.findings.c.version == t.repeats.c.version,
        t.findings.c.epoch_id == t.repeats.c.epoch_id,
        t.findings.c.seq == t.repeats.c.seq,
        t.findings.c.alert_id.is_(None),
    )


class RepeatRows:
    """See ``ports.repeats.Repeats``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self, patient_ids: Collection[int]) -> list[Repeat]:
        query = select(*REPEAT).where(
            t.repeats.c.state == RepeatState.WAITING,
            t.repeats.c.patient_id.in_(sorted(patient_ids)),
        )
        rows = self._connection.execute(query.order_by(t.repeats.c.id).with_for_update())
        return [repeat_of(row) for row in rows]

    def overdue(self, now: int, limit: int) -> list[tuple[int, str]]:
        until_at = t.repeats.c.until_at
        # Further ahead than any wait: the clock was set back since.
        impossible = until_at > now + MEASURE_AGAIN_MINUTES_MAX * MINUTE
        query = (
            select(t.repeats.c.patient_id, t.repeats.c.rule)
            .where(t.repeats.c.state == RepeatState.WAITING, or_(until_at <= now, impossible))
            .order_by(t.repeats.c.until_at)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def asked_since(self, patient_id: int, code: int, since: int) -> bool:
        query = select(t.repeats.c.id).where(
            t.repeats.c.patient_id == patient_id,
            t.repeats.c.code == code,
            t.repeats.c.asked_at > since,
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def undone(self, patient_id: int, rule: str) -> Repeat | None:
        later = t.findings.alias()
        query = (
            select(*REPEAT)
            .join(t.findings, _first())
            .where(
                t.repeats.c.patient_id == patient_id,
                t.repeats.c.rule == rule,
                t.repeats.c.state == RepeatState.NORMAL,
                t.findings.c.state == "in-force",
                ~exists().where(
                    later.c.patient_id == patient_id,
                    later.c.rule == rule,
                    later.c.measured_at > t.repeats.c.measured_at,
                    later.c.state == "in-force",
                ),
            )
        )
        row = self._connection.execute(query.limit(1)).first()
        return repeat_of(row) if row else None

    def add(self, repeat: Repeat) -> Repeat:
        values = asdict(repeat)
        del values["id"]
        new = insert(t.repeats).values(values).returning(t.repeats.c.id)
        return Repeat(**{**asdict(repeat), "id": self._connection.execute(new).scalar_one()})

    def end(self, repeat: Repeat, state: RepeatState, now: int) -> None:
        change = update(t.repeats).where(t.repeats.c.id == repeat.id)
        self._connection.execute(change.values(state=state, ended_at=now))

    def attach(self, repeat: Repeat, alert_id: int) -> None:
        own = and_(
            t.findings.c.patient_id == repeat.patient_id,
            t.findings.c.rule == repeat.rule,
            t.findings.c.version == repeat.version,
            t.findings.c.epoch_id == repeat.epoch_id,
            t.findings.c.seq == repeat.seq,
            t.findings.c.alert_id.is_(None),
        )
        self._connection.execute(update(t.findings).where(own).values(alert_id=alert_id))

    def prompting(self, epoch_id: int, seen_since: int) -> str | None:
        query = (
            select(t.gateways.c.id)
            .join(t.epochs, t.epochs.c.gateway_id == t.gateways.c.id)
            .where(t.epochs.c.id == epoch_id, _prompts(seen_since))
        )
        found: str | None = self._connection.execute(query).scalar()
        return found


def _prompts(seen_since: int) -> ColumnElement[bool]:
    """Be a gateway that can ask its home, is there, and was heard since then."""
    g = t.gateways.c
    is_there = and_(g.offline_since.is_(None), g.revoked_at.is_(None))
    return and_(g.prompts, g.last_seen_at >= seen_since, is_there)


class CommandRows:
    """See ``ports.repeats.Commands``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, *, chc_id: int, gateway: str, name: str, code: str | None, now: int, expires_at: int
    ) -> int:
        row = {"chc_id": chc_id, "gateway_id": gateway, "name": name, "code": code}
        new = insert(t.commands).values(**row, written_at=now, expires_at=expires_at)
        number: int = self._connection.execute(new.returning(t.commands.c.id)).scalar_one()
        return number

    def can_prompt(self, gateway: str, seen_since: int) -> bool:
        query = select(t.gateways.c.id).where(t.gateways.c.id == gateway, _prompts(seen_since))
        return self._connection.execute(query).first() is not None

    def asked_since(self, gateway: str, code: str, since: int) -> bool:
        c = t.commands.c
        query = select(c.id).where(c.gateway_id == gateway, c.code == code, c.written_at > since)
        return self._connection.execute(query.limit(1)).first() is not None

    def unsent(self, now: int, limit: int) -> list[int]:
        c = t.commands.c
        query = select(c.id).where(c.sent_at.is_(None), c.expires_at > now)
        query = query.order_by(c.expires_at, c.id).limit(limit)
        return list(self._connection.execute(query).scalars())

    def take(self, ids: Sequence[int], now: int) -> list[CommandRow]:
        c = t.commands.c
        change = update(t.commands).where(c.id.in_(ids), c.sent_at.is_(None)).values(sent_at=now)
        taken = self._connection.execute(
            change.returning(c.gateway_id, c.name, c.code, c.expires_at)
        )
        return [CommandRow(*row) for row in taken]
