"""Alerts, findings, absences, pauses, notes and messages as tables."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, insert, or_, select, update

from server.domain.alerts import Alert, Evidence, Kind, Outcome, Telling
from server.domain.plans import Priority
from server.engine.series import Finding
from server.ports.alerts import AbsenceLeft, Away, FindingRow, Message, Pause
from server.ports.directory import Patient
from server.stores import prepared
from server.stores import tables as t
from server.stores.evidence import evidence_left
from server.stores.rows import insert_new

_COLUMNS = [t.alerts.c[field.name] for field in fields(Alert)]
URGENCY = case({"high": 0, "medium": 1, "low": 2}, value=t.alerts.c.priority)


def alert_of(row: Row[Any] | Sequence[Any]) -> Alert:
    """Make an alert of a row whose columns are those of ``Alert``, in its order."""
    values = dict(zip((field.name for field in fields(Alert)), row, strict=True))
    outcome = values["outcome"]
    return Alert(
        **{
            **values,
            "kind": Kind(values["kind"]),
            "priority": Priority(values["priority"]),
            "outcome": Outcome(outcome) if outcome else None,
        }
    )


class AlertRows:
    """See ``ports.alerts.Alerts``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_of(self, subjects: Collection[str]) -> dict[tuple[str, str], Alert]:
        query = select(*_COLUMNS).where(
            t.alerts.c.closed_at.is_(None), t.alerts.c.subject.in_(sorted(subjects))
        )
        query = query.order_by(t.alerts.c.id).with_for_update()
        found = [alert_of(row) for row in self._connection.execute(query)]
        return {(alert.subject, alert.rule): alert for alert in found}

    def open_rule(self, rule: str) -> list[Alert]:
        query = select(*_COLUMNS).where(t.alerts.c.closed_at.is_(None), t.alerts.c.rule == rule)
        return [alert_of(row) for row in self._connection.execute(query)]

    def open_missing(self) -> list[tuple[int, str]]:
        query = select(t.alerts.c.patient_id, t.alerts.c.rule).where(
            t.alerts.c.closed_at.is_(None),
            t.alerts.c.cleared_at.is_(None),
            t.alerts.c.kind == Kind.ADHERENCE,
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def get(self, alert_id: int) -> Alert | None:
        query = select(*_COLUMNS).where(t.alerts.c.id == alert_id).with_for_update()
        row = self._connection.execute(query).first()
        return alert_of(row) if row else None

    def last_closed(self, subject: str, rule: str) -> int | None:
        query = select(func.max(t.alerts.c.id)).where(
            t.alerts.c.subject == subject,
            t.alerts.c.rule == rule,
            t.alerts.c.closed_at.is_not(None),
        )
        return self._connection.execute(query).scalar()

    def add(self, alert: Alert) -> Alert:
        values = asdict(alert)
        del values["id"]
        new = insert(t.alerts).values(values).returning(t.alerts.c.id)
        return Alert(**{**asdict(alert), "id": self._connection.execute(new).scalar_one()})

    def save(self, alert: Alert) -> None:
        change = update(t.alerts).where(t.alerts.c.id == alert.id)
        self._connection.execute(change.values(asdict(alert)))

    def due(self, now: int, limit: int) -> list[Alert]:
        query = (
            select(*_COLUMNS)
            .where(t.alerts.c.deadline_at <= now, t.alerts.c.closed_at.is_(None))
            .order_by(URGENCY, t.alerts.c.deadline_at)
            .limit(limit)
        )
        if self._connection.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True)
        return [alert_of(row) for row in self._connection.execute(query)]

    def owned_by(self, name: str) -> list[Alert]:
        return self._urgent(t.alerts.c.owner == name)

    def unanswered(self, chc_id: int) -> list[Alert]:
        return self._urgent(t.alerts.c.chc_id == chc_id, t.alerts.c.unanswered)

    def without_owner_on_duty(self, now: int) -> list[Alert]:
        on_duty = select(t.users.c.name).where(
            t.users.c.on_duty_until > now, t.users.c.disabled_at.is_(None)
        )
        return self._urgent(t.alerts.c.owner.not_in(on_duty))

    def told_and_left(self, now: int) -> list[Alert]:
        stands_in = and_(t.chcs.c.stand_in_from <= now, now < t.chcs.c.stand_in_until)
        recipient = case((stands_in, t.chcs.c.stand_in), else_=t.chcs.c.recipient)
        there = (
            select(t.users.c.id)
            .join(t.chcs, t.chcs.c.id == t.users.c.chc_id)
            .where(
                t.users.c.chc_id == t.alerts.c.chc_id,
                t.users.c.on_duty_until > now,
                t.users.c.disabled_at.is_(None),
                case(
                    (t.messages.c.user.is_not(None), t.users.c.name == t.messages.c.user),
                    else_=and_(
                        t.users.c.role == t.messages.c.role,
                        t.users.c.name != func.coalesce(recipient, ""),
                    ),
                ),
            )
        )
        told = select(t.messages.c.id).where(t.messages.c.alert_id == t.alerts.c.id)
        return self._urgent(
            told.where(~there.correlate(t.alerts, t.messages).exists())
            .correlate(t.alerts)
            .exists(),
            t.alerts.c.owner.is_(None),
            t.alerts.c.step > 0,
            t.alerts.c.paused_until.is_(None),
            ~t.alerts.c.unanswered,
        )

    def _urgent(self, *where: ColumnElement[bool]) -> list[Alert]:
        query = select(*_COLUMNS).where(t.alerts.c.closed_at.is_(None), *where)
        query = query.order_by(URGENCY, t.alerts.c.id).with_for_update()
        return [alert_of(row) for row in self._connection.execute(query)]

    def reviews_due(self, now: int, limit: int) -> list[Alert]:
        query = (
            select(*_COLUMNS)
            .where(
                t.alerts.c.next_review_at <= now,
                t.alerts.c.next_review_at.is_not(None),
                t.alerts.c.review_raised_at.is_(None),
            )
            .order_by(t.alerts.c.next_review_at, t.alerts.c.id)
            .limit(limit)
        )
        return [alert_of(row) for row in self._connection.execute(query)]

    def note_review(self, alert_id: int, now: int) -> None:
        change = update(t.alerts).where(t.alerts.c.id == alert_id)
        self._connection.execute(change.values(review_raised_at=now))

    def taken_over(self, alert: Alert, rules: Collection[str]) -> bool:
        query = select(t.alerts.c.id).where(
            t.alerts.c.subject == alert.subject,
            t.alerts.c.rule.in_(sorted(rules)),
            t.alerts.c.id > alert.id,
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def pauses(self, patient_ids: Collection[int], now: int) -> list[Pause]:
        query = select(t.pauses.c.patient_id, t.pauses.c.rule, t.pauses.c.until_at).where(
            t.pauses.c.patient_id.in_(sorted(patient_ids)), t.pauses.c.until_at > now
        )
        return [Pause(*row) for row in self._connection.execute(query)]

    def add_pause(self, alert: Alert, *, until: int, by: str, reason: str, now: int) -> None:
        row = {"chc_id": alert.chc_id, "patient_id": alert.patient_id, "rule": alert.rule}
        rest = {"until_at": until, "by": by, "reason": reason[:250], "made_at": now}
        self._connection.execute(insert(t.pauses), {**row, **rest})

    def end_pauses(self, alert: Alert, now: int) -> None:
        running = update(t.pauses).where(
            t.pauses.c.patient_id == alert.patient_id,
            t.pauses.c.rule == alert.rule,
            t.pauses.c.until_at > now,
        )
        self._connection.execute(running.values(until_at=now))

    def away(self, patient_id: int, at: int) -> Away | None:
        columns = [t.aways.c[name] for name in Away._fields]
        query = select(*columns).where(
            t.aways.c.patient_id == patient_id, t.aways.c.from_at <= at, t.aways.c.until_at > at
        )
        row = self._connection.execute(query.order_by(t.aways.c.until_at.desc())).first()
        return Away._make(row) if row is not None else None

    def declare_away(self, patient: Patient, away: Away) -> None:
        row = {"chc_id": patient.chc_id, "patient_id": patient.id, **away._asdict()}
        self._connection.execute(insert(t.aways), row)

    def end_aways(self, patient_id: int, now: int) -> None:
        running = update(t.aways).where(
            t.aways.c.patient_id == patient_id, t.aways.c.until_at > now
        )
        self._connection.execute(running.values(until_at=now))

    def add_note(self, alert: Alert, *, by: str, text: str, now: int) -> None:
        row = {"chc_id": alert.chc_id, "alert_id": alert.id, "by": by, "written_at": now}
        self._connection.execute(insert(t.notes), {**row, "text": text[:1000]})

    def tell(self, alert: Alert, tellings: Sequence[Telling], now: int) -> None:
        rows = [
            {
                "chc_id": alert.chc_id,
                "alert_id": alert.id,
                "reason": telling.reason,
                "role": telling.role,
                "user": telling.user,
                "written_at": now,
                "tries": 0,
                "next_try_at": now,
            }
            for telling in tellings
        ]
        if rows:
            self._connection.execute(insert(t.messages), rows)

    def undelivered(self, now: int, limit: int) -> list[Message]:
        own = [t.messages.c[name] for name in Message._fields[:-1]]
        query = (
            select(*own, t.alerts.c.priority)
            .join_from(t.messages, t.alerts)
            .where(t.messages.c.delivered_at.is_(None), t.messages.c.next_try_at <= now)
            .order_by(t.messages.c.next_try_at, t.messages.c.id)
            .limit(limit)
        )
        return [
            Message._make((*row[:-1], Priority(row[-1]))) for row in self._connection.execute(query)
        ]

    def delivered(self, message_id: int, now: int) -> None:
        change = update(t.messages).where(t.messages.c.id == message_id)
        self._connection.execute(change.values(delivered_at=now, tries=t.messages.c.tries + 1))

    def retry(self, message_id: int, next_try_at: int) -> None:
        change = update(t.messages).where(t.messages.c.id == message_id)
        self._connection.execute(
            change.values(next_try_at=next_try_at, tries=t.messages.c.tries + 1)
        )

    def write_findings(self, rows: Sequence[FindingRow]) -> None:
        values = [
            {
                "chc_id": row.chc_id,
                "patient_id": row.finding.patient,
                "code": row.finding.code,
                "rule": row.finding.rule,
                "version": row.finding.version,
                "measured_at": row.finding.at,
                "value": row.finding.value,
                "epoch_id": row.finding.epoch,
                "seq": row.finding.seq,
                "in_series": row.in_series,
                "late": row.late,
                "state": "in-force",
                "raised_at": row.raised_at,
                "alert_id": row.alert_id,
            }
            for row in rows
        ]
        if values:
            self._connection.execute(insert(t.findings), values)

    def end_findings(self, findings: Sequence[Finding], state: str, now: int) -> set[int]:
        alert_ids: set[int] = set()
        for finding in findings:
            where = and_(
                t.findings.c.patient_id == finding.patient,
                t.findings.c.code == finding.code,
                t.findings.c.rule == finding.rule,
                t.findings.c.version == finding.version,
                t.findings.c.epoch_id == finding.epoch,
                t.findings.c.seq == finding.seq,
                t.findings.c.value == finding.value,  # a score or a count may be found anew
                t.findings.c.state == "in-force",
            )
            change = update(t.findings).where(where).values(state=state, ended_at=now)
            ended = self._connection.execute(change.returning(t.findings.c.alert_id))
            alert_ids.update(alert for alert in ended.scalars() if alert is not None)
        return alert_ids

    def evidence_left(self, alert_id: int) -> list[Evidence]:
        return evidence_left(self._connection, alert_id)

    def add_absence(
        self,
        patient_id: int,
        chc_id: int,
        code: int,
        window_from: int,
        due_at: int,
        cause: str,
        alert_id: int | None,
    ) -> bool:
        known = select(t.absences.c.id).where(
            t.absences.c.patient_id == patient_id,
            t.absences.c.code == code,
            t.absences.c.due_at == due_at,
        )
        if self._connection.execute(known).first() is not None:
            return False
        row = (patient_id, chc_id, code, window_from, due_at, str(cause), alert_id)
        names = ("patient_id", "chc_id", "code", "window_from", "due_at", "cause", "alert_id")
        insert_new(self._connection, t.absences, [row], names)
        return True

    def left_under(self, rule: str, cleared_before: int) -> list[AbsenceLeft]:
        over = or_(t.alerts.c.closed_at.is_not(None), t.alerts.c.cleared_at <= cleared_before)
        query = (
            select(*(t.absences.c[name] for name in AbsenceLeft._fields))
            .join(t.alerts, t.alerts.c.id == t.absences.c.alert_id)
            .where(t.alerts.c.rule == rule, over, t.absences.c.explained_at.is_(None))
        )
        return [AbsenceLeft._make(row) for row in self._connection.execute(query)]

    def tell_absence(self, absence_id: int) -> None:
        own = update(t.absences).where(t.absences.c.id == absence_id)
        self._connection.execute(own.values(alert_id=None))

    def unexplained(self, patient_ids: Collection[int]) -> list[tuple[int, int, int, int]]:
        ids = sorted(patient_ids)
        return [
            (row[0], row[1], row[2], row[3])
            for start in range(0, len(ids), 500)
            for row in self._connection.execute(
                prepared.UNEXPLAINED, {"some": ids[start : start + 500]}
            )
        ]

    def end_doubted(self, epoch_id: int, seq: int, now: int) -> set[int]:
        change = (
            update(t.findings)
            .where(
                t.findings.c.epoch_id == epoch_id,
                t.findings.c.seq == seq,
                ~t.findings.c.in_series,
                t.findings.c.state == "in-force",
            )
            .values(state="withdrawn", ended_at=now)
            .returning(t.findings.c.alert_id)
        )
        return {alert for alert in self._connection.execute(change).scalars() if alert is not None}

    def explain_absences(self, patient_id: int, code: int, measured_at: int, now: int) -> None:
        where = and_(
            t.absences.c.patient_id == patient_id,
            t.absences.c.code == code,
            t.absences.c.window_from <= measured_at,
            t.absences.c.due_at > measured_at,
            t.absences.c.explained_at.is_(None),
        )
        self._connection.execute(update(t.absences).where(where).values(explained_at=now))
