"""CHCs, people, gateways, devices, plans, accounts and sessions as tables."""

from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, select, update

from server.domain.plans import Plan, plan_json, stored_plan
from server.ports.directory import Chc, Patient, PlanRow, Session, User
from server.stores import tables as t

PATIENT = [t.patients.c[name if name != "zone_name" else "zone"] for name in Patient._fields]
_USER = [t.users.c[name] for name in User._fields]
_CHC = [t.chcs.c[name if name != "zone_name" else "zone"] for name in Chc._fields]


class DirectoryRows:
    """See ``ports.directory.Directory``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _first(self, query: Select[Any]) -> Any:  # noqa: ANN401 - a row of the query's columns
        return self._connection.execute(query).first()

    def _added(self, statement: Any) -> int:  # noqa: ANN401
        key = self._connection.execute(statement).inserted_primary_key
        return int(key[0]) if key else 0

    def chc(self, name: str) -> Chc | None:
        row = self._first(select(*_CHC).where(t.chcs.c.name == name))
        return Chc(*row) if row else None

    def first_chc(self) -> int | None:
        return self._connection.execute(select(func.min(t.chcs.c.id))).scalar()

    def chc_by_id(self, chc_id: int) -> Chc:
        return Chc(*self._connection.execute(select(*_CHC).where(t.chcs.c.id == chc_id)).one())

    def add_chc(self, name: str, zone_name: str) -> int:
        region = self._named(t.regions, "Piemonte")
        authority = self._named(t.authorities, "ASL", region_id=region)
        return self._added(insert(t.chcs).values(authority_id=authority, name=name, zone=zone_name))

    def chcs(self) -> list[Chc]:
        return [Chc(*row) for row in self._connection.execute(select(*_CHC).order_by(t.chcs.c.id))]

    def set_hours(self, chc: Chc) -> None:
        values = {name: getattr(chc, name) for name in Chc._fields[3:]}
        self._connection.execute(update(t.chcs).where(t.chcs.c.id == chc.id).values(values))

    def on_duty(self, chc_id: int | None, now: int) -> list[User]:
        query = select(*_USER).where(t.users.c.on_duty_until > now, t.users.c.disabled_at.is_(None))
        if chc_id is not None:
            query = query.where(t.users.c.chc_id == chc_id)
        return [User(*row) for row in self._connection.execute(query.order_by(t.users.c.name))]

    def shifts_ended(self, now: int) -> list[User]:
        query = select(*_USER).where(t.users.c.on_duty_until <= now).order_by(t.users.c.name)
        return [User(*row) for row in self._connection.execute(query)]

    def set_duty(self, user_id: int, until: int | None) -> None:
        self._change_user(user_id, on_duty_until=until)

    def _named(self, table: Any, name: str, **values: int) -> int:  # noqa: ANN401
        found = self._first(select(table.c.id).where(table.c.name == name))
        return int(found[0]) if found else self._added(insert(table).values(name=name, **values))

    def add_gateway(self, gateway: str, chc_id: int, now: int, ends_at: int | None) -> None:
        row = {"id": gateway, "chc_id": chc_id, "added_at": now, "certificate_ends_at": ends_at}
        known = self._first(select(t.gateways.c.id).where(t.gateways.c.id == gateway))
        if known is None:
            self._connection.execute(insert(t.gateways).values(row))

    def configure_gateway(self, gateway: str, version: int, text: str) -> None:
        change = update(t.gateways).where(t.gateways.c.id == gateway)
        values = {"configuration": text, "configuration_version": version}
        self._connection.execute(change.values(**values))

    def revoke_gateway(self, gateway: str, now: int) -> None:
        change = update(t.gateways).where(t.gateways.c.id == gateway)
        self._connection.execute(change.values(revoked_at=now))

    def patient(self, patient_id: int) -> Patient | None:
        row = self._first(select(*PATIENT).where(t.patients.c.id == patient_id))
        return Patient(*row) if row else None

    def patient_by_reference(self, reference: str) -> Patient | None:
        row = self._first(select(*PATIENT).where(t.patients.c.reference == reference))
        return Patient(*row) if row else None

    def patients(self, chc_id: int | None) -> list[Patient]:
        query = select(*PATIENT).order_by(t.patients.c.family_name, t.patients.c.given_name)
        if chc_id is not None:
            query = query.where(t.patients.c.chc_id == chc_id)
        return [Patient(*row) for row in self._connection.execute(query)]

    def add_patient(self, patient: Patient) -> int:
        values = {**patient._asdict(), "zone": patient.zone_name}
        del values["id"], values["zone_name"]
        return self._added(insert(t.patients).values(values))

    def device_id(self, address: str) -> int | None:
        row = self._first(select(t.devices.c.id).where(t.devices.c.address == address))
        return row[0] if row else None

    def add_device(self, address: str, profile: str, chc_id: int, label: str) -> int:
        row = {"address": address, "profile": profile, "chc_id": chc_id, "label": label}
        return self._added(insert(t.devices).values(row))

    def devices(self, chc_id: int | None) -> list[tuple[str, str, str | None]]:
        holder = (
            select(t.patients.c.reference)
            .join(t.device_assignments, t.device_assignments.c.patient_id == t.patients.c.id)
            .where(
                t.device_assignments.c.device_id == t.devices.c.id,
                t.device_assignments.c.until_at.is_(None),
            )
            .limit(1)
            .scalar_subquery()
        )
        query = select(t.devices.c.address, t.devices.c.profile, holder)
        if chc_id is not None:
            query = query.where(t.devices.c.chc_id == chc_id)
        rows = self._connection.execute(query.order_by(t.devices.c.address))
        return [(row[0], row[1], row[2]) for row in rows]

    def assign(self, device_id: int, patient: Patient, user: int | None, from_at: int) -> None:
        running = update(t.device_assignments).where(
            t.device_assignments.c.device_id == device_id,
            t.device_assignments.c.until_at.is_(None),
            t.device_assignments.c.user_index.is_(None)
            if user is None
            else t.device_assignments.c.user_index == user,
        )
        self._connection.execute(running.values(until_at=from_at))
        row = {"device_id": device_id, "patient_id": patient.id, "chc_id": patient.chc_id}
        self._connection.execute(
            insert(t.device_assignments).values(**row, user_index=user, from_at=from_at)
        )

    def plans(self, patient_id: int) -> list[PlanRow]:
        columns = [t.plans.c[n if n != "plan" else "body"] for n in PlanRow._fields]
        query = select(*columns).where(t.plans.c.patient_id == patient_id)
        rows = self._connection.execute(query.order_by(t.plans.c.version))
        return [PlanRow(row[0], row[1], stored_plan(row[2]), *row[3:]) for row in rows]

    def holders(self, device_id: int) -> list[int]:
        query = select(t.device_assignments.c.patient_id).where(
            t.device_assignments.c.device_id == device_id,
            t.device_assignments.c.until_at.is_(None),
        )
        return list(self._connection.execute(query).scalars())

    def profiles_of(self, patient_id: int) -> list[str]:
        query = (
            select(t.devices.c.profile)
            .join(t.device_assignments, t.device_assignments.c.device_id == t.devices.c.id)
            .where(
                t.device_assignments.c.patient_id == patient_id,
                t.device_assignments.c.until_at.is_(None),
            )
            .distinct()
        )
        return list(self._connection.execute(query).scalars())

    def set_default_plan(self, patient: Patient, plan: Plan, now: int) -> None:
        own = and_(t.plans.c.patient_id == patient.id, t.plans.c.version == 0)
        values = {"body": plan_json(plan), "written_at": now}
        if self._connection.execute(update(t.plans).where(own).values(values)).rowcount:
            return
        row = {"patient_id": patient.id, "chc_id": patient.chc_id, "version": 0}
        self._connection.execute(
            insert(t.plans).values(**row, **values, author="default", in_force_from=0)
        )

    def add_plan(
        self, patient: Patient, plan: Plan, author: str, now: int, until: int | None = None
    ) -> int:
        newest = select(func.max(t.plans.c.version)).where(t.plans.c.patient_id == patient.id)
        version = (self._connection.execute(newest).scalar() or 0) + 1
        row = {"patient_id": patient.id, "chc_id": patient.chc_id, "version": version}
        written = {"author": author, "written_at": now, "in_force_until": until}
        self._connection.execute(insert(t.plans).values(**row, **written, body=plan_json(plan)))
        return version

    def confirm_plan(
        self,
        patient_id: int,
        version: int,
        by: str,
        now: int,
        from_at: int,
        until_at: int | None = None,
    ) -> None:
        change = update(t.plans).where(
            t.plans.c.patient_id == patient_id, t.plans.c.version == version
        )
        span = {"in_force_from": from_at, "in_force_until": until_at}
        self._connection.execute(change.values(confirmed_by=by, confirmed_at=now, **span))
        p = t.plans.c
        older = update(t.plans).where(
            and_(p.patient_id == patient_id, p.version > 0, p.version < version),
            and_(p.confirmed_by.is_(None), p.declined_by.is_(None)),
        )
        self._connection.execute(older.values(declined_by=by, declined_at=now))

    def decline_plan(self, patient_id: int, version: int, by: str, now: int, because: str) -> None:
        change = update(t.plans).where(
            t.plans.c.patient_id == patient_id, t.plans.c.version == version
        )
        said = {"declined_by": by, "declined_at": now, "declined_because": because}
        self._connection.execute(change.values(**said))

    def user(self, name: str) -> User | None:
        row = self._first(select(*_USER).where(t.users.c.name == name))
        return User(*row) if row else None

    def users(self) -> list[User]:
        return [
            User(*row) for row in self._connection.execute(select(*_USER).order_by(t.users.c.name))
        ]

    def add_user(
        self, name: str, full_name: str, role: str, chc_id: int, password_hash: str, language: str
    ) -> int:
        row = {"name": name, "full_name": full_name, "role": role, "chc_id": chc_id}
        return self._added(
            insert(t.users).values(**row, password_hash=password_hash, language=language)
        )

    def note_failure(self, user_id: int, failures: int, locked_until: int | None) -> None:
        self._change_user(user_id, failures=failures, locked_until=locked_until)

    def set_language(self, user_id: int, language: str) -> None:
        self._change_user(user_id, language=language)

    def set_password_hash(self, user_id: int, password_hash: str) -> None:
        self._change_user(user_id, password_hash=password_hash)

    def _change_user(self, user_id: int, **values: object) -> None:
        self._connection.execute(update(t.users).where(t.users.c.id == user_id).values(**values))

    def add_session(
        self, token_hash: bytes, user_id: int, csrf: str, now: int, address: str, agent: str
    ) -> None:
        row = {"token_hash": token_hash, "user_id": user_id, "csrf": csrf, "made_at": now}
        rest = {"seen_at": now, "address": address[:60], "agent": agent[:200]}
        self._connection.execute(insert(t.sessions).values(**row, **rest))

    def session(self, token_hash: bytes) -> Session | None:
        query = (
            select(*_USER, t.sessions.c.csrf, t.sessions.c.made_at, t.sessions.c.seen_at)
            .join(t.sessions, t.sessions.c.user_id == t.users.c.id)
            .where(t.sessions.c.token_hash == token_hash)
        )
        row = self._first(query)
        return Session(User(*row[: len(_USER)]), *row[len(_USER) :]) if row else None

    def touch_session(self, token_hash: bytes, now: int) -> None:
        where = t.sessions.c.token_hash == token_hash
        self._connection.execute(update(t.sessions).where(where).values(seen_at=now))

    def end_session(self, token_hash: bytes) -> None:
        self._connection.execute(delete(t.sessions).where(t.sessions.c.token_hash == token_hash))
