"""What the pages read: joined rows, every one scoped by CHC or by patient."""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, exists, func, select, text

from server.domain.alerts import Alert, Kind
from server.domain.attribution import Fate, Said
from server.domain.plans import stored_plan
from server.ports.directory import PlanRow
from server.ports.views import (
    ACTS,
    AbsenceRow,
    ActRow,
    Counts,
    DecisionView,
    DeliveryView,
    DeviceRow,
    EvidenceRow,
    FleetRow,
    MessageRow,
    NoteRow,
    ObservationView,
    PauseRow,
    RepeatView,
    UnderRow,
    WaitingRow,
    WorklistRow,
)
from server.stores import tables as t
from server.stores import waiting
from server.stores.alerts import URGENCY, alert_of
from server.stores.prepared import PARTITION
from server.stores.repeats import REPEAT, repeat_of
from server.stores.rows import sent_decoder

_ALERT: Final = [t.alerts.c[field.name] for field in fields(Alert)]
_NAME: Final = (
    t.patients.c.family_name,
    t.patients.c.given_name,
    t.patients.c.born_on,
    t.patients.c.phone,
)

# What is set aside was judged as far as it will be: the cursor is behind it.
_NUMBERED: Final = select(
    func.coalesce(func.sum(t.cursors.c.numbered - t.cursors.c.position), 0)
).where(t.cursors.c.partition == PARTITION)
_UNNUMBERED: Final = select(func.count()).where(
    t.inputs.c.partition == PARTITION, t.inputs.c.position.is_(None)
)


class PageRows:
    """See ``ports.views.Views``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _rows(self, query: Select[Any]) -> list[Any]:
        return list(self._connection.execute(query))

    def _count(self, query: Select[Any]) -> int:
        return int(self._connection.execute(query).scalar_one())

    def counts(self) -> Counts:
        # Nothing here may read a table that grows: the words of a partial index are literal.
        waiting = text("fate IN ('held', 'quarantined')")
        by_fate = select(t.measurements.c.fate, func.count()).where(waiting)
        fates = {row[0]: row[1] for row in self._rows(by_fate.group_by(t.measurements.c.fate))}
        seen = select(func.count()).where(t.gateways.c.last_seen_at.is_not(None))
        came = [
            func.coalesce(func.sum(t.epochs.c[name]), 0)
            for name in ("measurements", "observations")
        ]
        ((measurements, observations),) = self._rows(select(*came))
        return Counts(
            measurements=int(measurements),
            observations=int(observations),
            held=fates.get(Fate.HELD, 0),
            quarantined=fates.get(Fate.QUARANTINED, 0),
            set_aside=self._count(select(func.count()).where(t.inputs.c.set_aside.is_not(None))),
            open_alerts=self._count(select(func.count()).where(t.alerts.c.closed_at.is_(None))),
            gateways_seen=self._count(seen),
            unjudged=self._count(_NUMBERED) + self._count(_UNNUMBERED),
        )

    def heartbeat_at(self, name: str) -> int | None:
        query = select(t.heartbeats.c.at).where(t.heartbeats.c.name == name)
        return self._connection.execute(query).scalar()

    def oldest_unjudged_at(self) -> int | None:
        recorded_at = select(t.inputs.c.recorded_at).limit(1)
        judged = select(t.cursors.c.position).where(t.cursors.c.partition == PARTITION)
        numbered = recorded_at.where(
            t.inputs.c.partition == PARTITION, t.inputs.c.position > judged.scalar_subquery()
        ).order_by(t.inputs.c.position)
        unnumbered = recorded_at.where(t.inputs.c.position.is_(None)).order_by(t.inputs.c.id)
        found = [self._connection.execute(query).scalar() for query in (numbered, unnumbered)]
        return min((at for at in found if at is not None), default=None)

    def _alerts(self, chc_id: int) -> Select[Any]:
        joined = t.alerts.outerjoin(t.patients, t.patients.c.id == t.alerts.c.patient_id)
        return select(*_ALERT, *_NAME).select_from(joined).where(t.alerts.c.chc_id == chc_id)

    def _worklist_rows(self, query: Select[Any]) -> list[WorklistRow]:
        width = len(_ALERT)
        return [WorklistRow(alert_of(row[:width]), *row[width:]) for row in self._rows(query)]

    def worklist(self, chc_id: int, *, technical: bool) -> list[WorklistRow]:
        kind = t.alerts.c.kind == Kind.TECHNICAL
        query = self._alerts(chc_id).where(
            t.alerts.c.closed_at.is_(None), kind if technical else ~kind
        )
        order = (t.alerts.c.unanswered.desc(), URGENCY, t.alerts.c.raised_at)
        return self._worklist_rows(query.order_by(*order))

    def closed_since(self, chc_id: int, since: int) -> list[WorklistRow]:
        query = self._alerts(chc_id).where(t.alerts.c.closed_at >= since)
        return self._worklist_rows(query.order_by(t.alerts.c.closed_at.desc()))

    def alert(self, chc_id: int, alert_id: int) -> WorklistRow | None:
        found = self._worklist_rows(self._alerts(chc_id).where(t.alerts.c.id == alert_id))
        return found[0] if found else None

    def alerts_of(self, patient_id: int) -> list[Alert]:
        query = select(*_ALERT).where(t.alerts.c.patient_id == patient_id)
        return [alert_of(row) for row in self._rows(query.order_by(t.alerts.c.raised_at.desc()))]

    def owned_by(self, name: str) -> list[WorklistRow]:
        joined = t.alerts.outerjoin(t.patients, t.patients.c.id == t.alerts.c.patient_id)
        query = select(*_ALERT, *_NAME).select_from(joined)
        own = query.where(t.alerts.c.owner == name, t.alerts.c.closed_at.is_(None))
        return self._worklist_rows(own.order_by(URGENCY, t.alerts.c.raised_at))

    def pauses(self, chc_id: int, now: int) -> dict[tuple[int | None, str], PauseRow]:
        columns = [t.pauses.c[name] for name in PauseRow._fields]
        query = select(t.pauses.c.patient_id, t.pauses.c.rule, *columns).where(
            t.pauses.c.chc_id == chc_id, t.pauses.c.until_at > now
        )
        rows = self._rows(query.order_by(t.pauses.c.until_at))
        return {(row[0], row[1]): PauseRow(*row[2:]) for row in rows}

    def evidence(self, alert_id: int) -> list[EvidenceRow]:
        at = and_(
            t.measurements.c.epoch_id == t.findings.c.epoch_id,
            t.measurements.c.seq == t.findings.c.seq,
        )
        joined = t.findings.join(t.measurements, at).join(
            t.epochs, t.epochs.c.id == t.findings.c.epoch_id
        )
        query = (
            select(
                t.findings.c.rule,
                t.findings.c.version,
                t.findings.c.measured_at,
                t.findings.c.code,
                t.findings.c.value,
                t.findings.c.state,
                t.findings.c.late,
                t.findings.c.in_series,
                t.epochs.c.gateway_id,
                t.epochs.c.epoch,
                t.findings.c.epoch_id,
                t.findings.c.seq,
                t.measurements.c.device,
                t.measurements.c.stored_at,
                t.measurements.c.element,
            )
            .select_from(joined)
            .where(t.findings.c.alert_id == alert_id)
            .order_by(t.findings.c.measured_at, t.findings.c.id)
        )
        return [EvidenceRow(*row) for row in self._rows(query)]

    def messages(self, alert_id: int) -> list[MessageRow]:
        columns = [t.messages.c[name] for name in MessageRow._fields]
        query = select(*columns).where(t.messages.c.alert_id == alert_id)
        return [MessageRow(*row) for row in self._rows(query.order_by(t.messages.c.id))]

    def deliveries(self, alert_id: int) -> dict[int, list[DeliveryView]]:
        d = t.deliveries.c
        query = (
            select(
                d.message_id,
                t.users.c.name,
                t.channels.c.kind,
                d.tries,
                d.next_try_at,
                d.delivered_at,
            )
            .join_from(t.deliveries, t.messages)
            .join(t.channels, t.channels.c.id == d.channel_id)
            .join(t.users, t.users.c.id == t.channels.c.user_id)
            .where(t.messages.c.alert_id == alert_id)
            .order_by(d.id)
        )
        found: dict[int, list[DeliveryView]] = {}
        for row in self._rows(query):
            found.setdefault(row[0], []).append(DeliveryView(*row[1:]))
        return found

    def acts(self, alert: Alert) -> list[ActRow]:
        own = f"alert {alert.id}"
        a = t.audit.c
        query = select(a.at, a.who, a.what, a.detail).where(
            a.patient_id == alert.patient_id if alert.patient_id else a.patient_id.is_(None),
            a.chc_id == alert.chc_id,
            a.what.in_(ACTS),
            (a.detail == own) | a.detail.like(f"{own} %"),
        )
        rows = self._rows(query.order_by(a.id))
        return [
            ActRow(at, who, what, detail.removeprefix(own).strip())
            for at, who, what, detail in rows
        ]

    def notes(self, alert_id: int) -> list[NoteRow]:
        columns = [t.notes.c[name] for name in NoteRow._fields]
        query = select(*columns).where(t.notes.c.alert_id == alert_id)
        return [NoteRow(*row) for row in self._rows(query.order_by(t.notes.c.id))]

    def observations(self, patient_id: int, from_at: int) -> list[ObservationView]:
        same = and_(
            t.observations.c.epoch_id == t.measurements.c.epoch_id,
            t.observations.c.seq == t.measurements.c.seq,
        )
        query = (
            select(
                t.measurements.c.measured_at,
                t.measurements.c.received_at,
                t.observations.c.code,
                t.observations.c.value,
                t.measurements.c.fate,
                t.measurements.c.quality,
                t.measurements.c.mark,
                t.measurements.c.device,
                t.measurements.c.stored_at,
                t.measurements.c.element,
            )
            .join(t.observations, same)
            .where(
                t.measurements.c.patient_id == patient_id,
                t.measurements.c.measured_at >= from_at,
                t.measurements.c.fate.in_([Fate.STORED, Fate.HELD]),
            )
            .order_by(t.measurements.c.measured_at.desc(), t.observations.c.code)
        )
        found = []
        for row in self._rows(query):
            sent = sent_decoder.decode(row[9])
            found.append(ObservationView._make((*row[:9], sent.flags, sent.origin)))
        return found

    def under(self, alert: Alert) -> list[UnderRow]:
        high = exists().where(
            t.alerts.c.patient_id == t.absences.c.patient_id,
            t.alerts.c.priority == "high",
            t.alerts.c.closed_at.is_(None),
        )
        query = (
            select(
                t.absences.c.patient_id,
                t.patients.c.family_name,
                t.patients.c.given_name,
                t.patients.c.phone,
                t.absences.c.code,
                t.absences.c.due_at,
                t.absences.c.explained_at,
                high.label("high"),
            )
            .join(t.patients, t.patients.c.id == t.absences.c.patient_id)
            .where(t.absences.c.alert_id == alert.id, t.absences.c.chc_id == alert.chc_id)
        )
        rows = (UnderRow._make(row) for row in self._rows(query))
        return sorted(rows, key=lambda one: (not one.high, one.family_name, one.given_name))

    def absences(self, patient_id: int, from_at: int) -> list[AbsenceRow]:
        columns = [t.absences.c[name] for name in AbsenceRow._fields]
        query = select(*columns).where(
            t.absences.c.patient_id == patient_id, t.absences.c.due_at >= from_at
        )
        return [AbsenceRow(*row) for row in self._rows(query.order_by(t.absences.c.due_at.desc()))]

    def repeats(self, patient_id: int, from_at: int) -> list[RepeatView]:
        query = (
            select(t.commands.c.sent_at, *REPEAT)
            .join(t.commands, t.commands.c.id == t.repeats.c.command_id)
            .where(t.repeats.c.patient_id == patient_id, t.repeats.c.asked_at >= from_at)
            .order_by(t.repeats.c.asked_at.desc(), t.repeats.c.id)
        )
        return [RepeatView(repeat_of(row[1:]), row[0]) for row in self._rows(query)]

    def waiting_count(self, chc_id: int) -> int:
        return waiting.count(self._connection, chc_id)

    def waiting(self, chc_id: int, only: tuple[int, int] | None = None) -> list[WaitingRow]:
        return waiting.read(self._connection, chc_id, only)

    def decided(self, chc_id: int, since: int) -> list[DecisionView]:
        return waiting.decided(self._connection, chc_id, since)

    def given(self, alert_id: int) -> dict[tuple[int, int], tuple[str, int]]:
        of_finding = and_(
            t.decisions.c.epoch_id == t.findings.c.epoch_id,
            t.decisions.c.seq == t.findings.c.seq,
            t.decisions.c.patient_id == t.findings.c.patient_id,
            t.decisions.c.kind.in_([Said.GIVEN, Said.CORRECTED]),
        )
        # Who gave a device to somebody decided nothing of what is held for that very reason.
        settled = and_(
            t.measurements.c.epoch_id == t.decisions.c.epoch_id,
            t.measurements.c.seq == t.decisions.c.seq,
            t.measurements.c.fate == Fate.STORED,
        )
        columns = [t.decisions.c[name] for name in ("epoch_id", "seq", "by", "at")]
        query = select(*columns).join(t.findings, of_finding).join(t.measurements, settled)
        rows = self._rows(query.where(t.findings.c.alert_id == alert_id).order_by(t.decisions.c.id))
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    def fleet(self, chc_id: int) -> list[FleetRow]:
        columns = [t.gateways.c[name] for name in FleetRow._fields]
        query = select(*columns).where(t.gateways.c.chc_id == chc_id).order_by(t.gateways.c.id)
        return [FleetRow(*row) for row in self._rows(query)]

    def devices(self, chc_id: int) -> list[DeviceRow]:
        a, d = t.device_assignments.c, t.devices.c
        assigned = exists().where(a.device_id == d.id, a.until_at.is_(None))
        query = select(d.address, d.profile, d.label, d.battery_pct, assigned).where(
            d.chc_id == chc_id
        )
        # The flattest first, then those that say nothing of their battery.
        order = (d.battery_pct.is_(None), d.battery_pct, d.address)
        return [DeviceRow(*row) for row in self._rows(query.order_by(*order))]

    def set_aside(self, chc_id: int) -> list[tuple[int, int | None, str]]:
        query = (
            select(t.inputs.c.position, t.inputs.c.patient_id, t.inputs.c.set_aside)
            .outerjoin(t.patients, t.patients.c.id == t.inputs.c.patient_id)
            .where(t.inputs.c.set_aside.is_not(None), t.patients.c.chc_id == chc_id)
        )
        return [(row[0], row[1], row[2]) for row in self._rows(query)]

    def unjudged_of(self, patient_id: int) -> int:
        query = select(func.count()).where(
            t.inputs.c.patient_id == patient_id, t.inputs.c.set_aside.is_not(None)
        )
        return self._count(query)

    def aways(self, chc_id: int, at: int) -> dict[int, int]:
        query = select(t.aways.c.patient_id, func.max(t.aways.c.until_at)).where(
            t.aways.c.chc_id == chc_id, t.aways.c.from_at <= at, t.aways.c.until_at > at
        )
        return {row[0]: row[1] for row in self._rows(query.group_by(t.aways.c.patient_id))}

    def plans_of(self, chc_id: int, *, alerted: bool) -> dict[int, list[PlanRow]]:
        columns = [t.plans.c[name if name != "plan" else "body"] for name in PlanRow._fields]
        query = select(*columns).where(t.plans.c.chc_id == chc_id)
        if alerted:
            open_ones = select(t.alerts.c.patient_id).where(
                t.alerts.c.chc_id == chc_id,
                t.alerts.c.closed_at.is_(None),
                t.alerts.c.patient_id.is_not(None),
            )
            query = query.where(t.plans.c.patient_id.in_(open_ones))
        found: dict[int, list[PlanRow]] = {}
        for row in self._rows(query.order_by(t.plans.c.version)):
            plan = PlanRow._make((*row[:2], stored_plan(row[2]), *row[3:]))
            found.setdefault(plan.patient_id, []).append(plan)
        return found
