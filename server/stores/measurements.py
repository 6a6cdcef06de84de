"""The measurements' tables."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from contract.codes import DEFINITIONS, Code, unscaled
from server.domain.attribution import Assignment, Fate, Said, Weighing
from server.domain.instants import Quality
from server.engine.rules import COMPARATOR
from server.ports.measurements import (
    Decision,
    Epoch,
    GatewayRow,
    Home,
    MeasurementRow,
    Moved,
    ObservationRow,
    Source,
)
from server.stores import prepared
from server.stores import tables as t
from server.stores.rows import chunks, insert_new


class MeasurementRows:
    """See ``ports.measurements.Measurements``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def gateway(self, gateway: str) -> GatewayRow | None:
        return self.gateways([gateway]).get(gateway)

    def gateways(self, names: Collection[str]) -> dict[str, GatewayRow]:
        return {
            row[0]: GatewayRow(
                row[1], row[2], row[3] is not None, row[5], max(row[4], row[6] or 0, row[7] or 0)
            )
            for some in chunks(sorted(names))
            for row in self._connection.execute(prepared.GATEWAYS, {"some": some})
        }

    def epochs(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Epoch]:
        found = self._epochs(keys)
        if new := sorted(set(keys) - set(found)):
            names = ("gateway_id", "epoch", "receipted_seq", "highest_seq")
            insert_new(self._connection, t.epochs, [(*key, 0, 0) for key in new], names)
            found |= self._epochs(new)
        return found

    def _epochs(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Epoch]:
        return {
            (row[0], row[1]): Epoch._make(row[2:])
            for some in chunks(sorted({epoch for _, epoch in keys}))
            for row in self._connection.execute(prepared.EPOCHS, {"some": some})
            if (row[0], row[1]) in keys
        }

    def sources(self, addresses: Collection[str]) -> dict[str, Source]:
        found: dict[str, Source] = {}
        for names in chunks(sorted(addresses)):
            if self._connection.dialect.name != "sqlite":
                # Whoever corrects an assignment waits for us, or we for them: never a stale read.
                self._connection.execute(prepared.SHARE_DEVICES, {"some": names})
            for row in self._connection.execute(prepared.SOURCES, {"some": names}):
                source = found.setdefault(row.address, Source(row.chc_id, []))
                if row.patient_id is not None:
                    source.assignments.append(
                        Assignment(
                            row.patient_id, row.from_at, row.until_at, row.user_index, row.zone
                        )
                    )
        return found

    def contents(self, content_ids: Collection[bytes]) -> dict[bytes, bytes]:
        return {
            row[0]: row[1]
            for some in chunks(sorted(content_ids))
            for row in self._connection.execute(prepared.CONTENTS, {"some": some})
        }

    def elements(self, epoch_id: int, seqs: Collection[int]) -> dict[int, bytes]:
        return {
            row[0]: row[1]
            for some in chunks(sorted(seqs))
            for row in self._connection.execute(
                prepared.ELEMENTS, {"epoch_id": epoch_id, "some": some}
            )
        }

    def stored_seqs(self, epoch_id: int, above: int) -> list[int]:
        given = {"epoch_id": epoch_id, "above": above}
        return list(self._connection.execute(prepared.STORED_SEQS, given).scalars())

    def last_weight(self, patient_id: int) -> Weighing | None:
        value = t.observations.c.value
        query = (
            select(t.measurements.c.measured_at, value)
            .join(t.measurements, _same_measurement())
            .where(
                t.measurements.c.patient_id == patient_id,
                t.measurements.c.fate == Fate.STORED,
                t.measurements.c.quality != Quality.UNSURE,
                t.observations.c.code == DEFINITIONS[Code.WEIGHT].number,
                value.between(-COMPARATOR + 1, COMPARATOR - 1),
            )
            .order_by(t.measurements.c.measured_at.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return Weighing(row[0], unscaled(Code.WEIGHT, row[1])) if row else None

    def store(
        self,
        measurements: Sequence[MeasurementRow],
        observations: Sequence[ObservationRow],
        replicate: bool,
    ) -> None:
        insert_new(self._connection, t.measurements, measurements, MeasurementRow._fields)
        insert_new(self._connection, t.observations, observations, ObservationRow._fields)
        if replicate:
            stored = {row[:2] for row in measurements if row.fate == Fate.STORED}
            keys = sorted(stored & {row[:2] for row in observations})
            rows = [{"epoch_id": epoch, "seq": seq} for epoch, seq in keys]
            if rows:
                self._connection.execute(insert(t.replica_outbox), rows)

    def move_epochs(self, moved: Sequence[Moved]) -> None:
        rows = [
            {
                "of": one.epoch.id,
                "receipted": one.epoch.receipted,
                "highest": one.epoch.highest,
                "more_measurements": one.measurements,
                "more_observations": one.observations,
            }
            for one in moved
        ]
        if rows:
            self._connection.execute(prepared.MOVE_EPOCH, rows)

    def get(self, epoch_id: int, seq: int) -> MeasurementRow | None:
        query = select(*(t.measurements.c[name] for name in MeasurementRow._fields)).where(
            t.measurements.c.epoch_id == epoch_id, t.measurements.c.seq == seq
        )
        row = self._connection.execute(query.with_for_update()).first()
        return MeasurementRow(*row) if row else None

    def decisions(self, epoch_id: int, seq: int) -> list[Decision]:
        query = select(*(t.decisions.c[name] for name in Decision._fields)).where(
            t.decisions.c.epoch_id == epoch_id, t.decisions.c.seq == seq
        )
        rows = self._connection.execute(query.order_by(t.decisions.c.id))
        return [Decision._make((*row[:3], Said(row[3]), *row[4:])) for row in rows]

    def add_decision(self, decision: Decision) -> None:
        self._connection.execute(insert(t.decisions), decision._asdict())

    def held_of(self, address: str) -> int:
        query = select(func.count()).where(
            t.measurements.c.device == address, t.measurements.c.fate == Fate.HELD
        )
        return self._connection.execute(query).scalar_one()

    def release(self, epoch_id: int, seq: int, patient_id: int) -> None:
        self._decide(epoch_id, seq, fate=Fate.STORED, patient_id=patient_id)

    def reject(self, epoch_id: int, seq: int, reason: str) -> None:
        self._decide(epoch_id, seq, fate=Fate.QUARANTINED, patient_id=None, reason=reason[:250])

    def hold(self, epoch_id: int, seq: int, likely_id: int | None, reason: str | None) -> None:
        self._decide(epoch_id, seq, fate=Fate.HELD, patient_id=likely_id, reason=reason)

    def _decide(self, epoch_id: int, seq: int, **values: object) -> None:
        where = and_(t.measurements.c.epoch_id == epoch_id, t.measurements.c.seq == seq)
        self._connection.execute(update(t.measurements).where(where).values(**values))

    def waiting_between(
        self, patient_id: int, code: int, from_at: int, until_at: int
    ) -> str | None:
        query = (
            select(t.measurements.c.fate)
            .outerjoin(t.observations, _same_measurement())
            .where(
                t.measurements.c.fate.in_([Fate.HELD, Fate.QUARANTINED]),
                t.measurements.c.measured_at.between(from_at, until_at),
                t.measurements.c.patient_id == patient_id,
                or_(t.observations.c.code == code, t.observations.c.code.is_(None)),
            )
            .order_by(func.length(t.measurements.c.fate))
            .limit(1)
        )
        return self._connection.execute(query).scalar()

    def home(self, patient_id: int) -> Home | None:
        came = t.gateways.alias()
        query = (
            select(
                t.gateways.c.id,
                t.gateways.c.last_seen_at,
                t.gateways.c.offline_since,
                t.gateways.c.back_at,
                t.gateways.c.outbox_depth,
                t.gateways.c.deaf_at,
            )
            .join(came, t.gateways.c.id == func.coalesce(came.c.replaced_by, came.c.id))
            .join(t.epochs, t.epochs.c.gateway_id == came.c.id)
            .join(t.measurements, t.measurements.c.epoch_id == t.epochs.c.id)
            .where(t.measurements.c.patient_id == patient_id, t.gateways.c.revoked_at.is_(None))
            .order_by(t.measurements.c.measured_at.desc())
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return Home._make(row) if row is not None else None

    def batteries(self, patient_id: int) -> dict[str, int]:
        assignments = t.device_assignments.c
        query = (
            select(t.devices.c.profile, t.devices.c.battery_pct)
            .join(t.device_assignments, assignments.device_id == t.devices.c.id)
            .where(
                assignments.patient_id == patient_id,
                assignments.until_at.is_(None),
                t.devices.c.battery_pct.is_not(None),
            )
        )
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def note_batteries(self, chc_id: int, levels: Mapping[str, int]) -> list[str]:
        changed = []
        for some in chunks(sorted(levels)):
            query = select(t.devices.c.address, t.devices.c.battery_pct).where(
                t.devices.c.address.in_(some), t.devices.c.chc_id == chc_id
            )
            before = {row[0]: row[1] for row in self._connection.execute(query)}
            changed += [one for one in before if before[one] != levels[one]]
        for address in changed:
            own = update(t.devices).where(t.devices.c.address == address)
            self._connection.execute(own.values(battery_pct=levels[address]))
        return changed

    def newest_of(self, address: str) -> int | None:
        query = select(func.max(t.measurements.c.measured_at)).where(
            t.measurements.c.device == address, t.measurements.c.fate == Fate.STORED
        )
        return self._connection.execute(query).scalar()

    def seen_gateway(
        self, gateway: str, now: int, silent_since: int, news: dict[str, int | str | None]
    ) -> None:
        seen, gone = t.gateways.c.last_seen_at, t.gateways.c.offline_since
        was_silent = or_(seen < silent_since, gone.is_not(None))
        back_at = case((was_silent, now), else_=t.gateways.c.back_at)
        change = update(t.gateways).where(t.gateways.c.id == gateway)
        if boot := news.get("boot_id"):
            same = t.gateways.c.boot_id == boot
            change = change.values(booted_at=case((same, t.gateways.c.booted_at), else_=now))
        self._connection.execute(change.values(last_seen_at=now, back_at=back_at, **news))

    def gateway_left(self, gateway: str, session: str, now: int) -> None:
        change = update(t.gateways).where(
            t.gateways.c.id == gateway, t.gateways.c.session == session
        )
        self._connection.execute(change.values(offline_since=now))

    def silent_gateways(self, since: int) -> list[tuple[str, int]]:
        return self._without_alert("gateway-silent", t.gateways.c.last_seen_at < since)

    def silent(self, since: int) -> list[tuple[int, str, int]]:
        columns = t.gateways.c.chc_id, t.gateways.c.id, t.gateways.c.last_seen_at
        query = select(*columns).where(
            t.gateways.c.last_seen_at < since, t.gateways.c.revoked_at.is_(None)
        )
        return [(row[0], row[1], row[2]) for row in self._connection.execute(query)]

    def ending_certificates(self, until: int) -> list[tuple[str, int]]:
        ending = t.gateways.c.certificate_ends_at < until
        return self._without_alert("certificate-near-end", ending)

    def _without_alert(self, rule: str, where: ColumnElement[bool]) -> list[tuple[str, int]]:
        told = exists().where(
            t.alerts.c.subject == "gateway:" + t.gateways.c.id,
            t.alerts.c.rule == rule,
            t.alerts.c.closed_at.is_(None),
            t.alerts.c.cleared_at.is_(None),
        )
        query = select(t.gateways.c.id, t.gateways.c.chc_id).where(
            where, t.gateways.c.revoked_at.is_(None), ~told
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]


def _same_measurement() -> ColumnElement[bool]:
    return and_(
        t.observations.c.epoch_id == t.measurements.c.epoch_id,
        t.observations.c.seq == t.measurements.c.seq,
    )
