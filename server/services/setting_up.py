"""Patients, devices, assignments, plans, as an administrator or the demonstration sets them up."""

from datetime import date, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from contract.messages import Address
from contract.profiles import profiles
from server.domain.devices import MEASURES
from server.domain.early_warning import AGE_MIN, SCALE_LOW, too_young
from server.domain.instants import from_datetime, to_datetime, zone
from server.domain.plans import Expected, Plan, parse_plan
from server.domain.roles import Role
from server.errors import NotFound, WrongInput
from server.ports.directory import Chc, Patient
from server.ports.inputs import InputKind, NewInput
from server.ports.store import Transaction
from server.services.shipped import beyond_usual

Name = Annotated[str, Meta(min_length=1, max_length=80)]
DEFAULT_ZONE: Final = "Europe/Rome"


class NewPatient(Struct, forbid_unknown_fields=True, kw_only=True):
    """A patient to enrol. ``reference`` is the CHC's own number: the only name in commands."""

    reference: Annotated[str, Meta(min_length=1, max_length=40)]
    chc: Name
    family_name: Name
    given_name: Name
    born_on: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    sex: str | None = None
    phone: str | None = None
    language: str = "it"
    zone: str = DEFAULT_ZONE
    carer: Annotated[str, Meta(max_length=120)] | None = None
    carer_phone: Annotated[str, Meta(max_length=40)] | None = None
    carer_language: Annotated[str, Meta(max_length=5)] | None = None


class NewDevice(Struct, forbid_unknown_fields=True, kw_only=True):
    """A device of a CHC."""

    address: Address
    profile: str
    chc: Name
    label: Annotated[str, Meta(max_length=80)] = ""


class NewAssignment(Struct, forbid_unknown_fields=True, kw_only=True):
    """This device is this patient's from then on; the one before it ends. ISO 8601 with offset."""

    address: Address
    patient: str
    from_: str = msgspec.field(name="from")
    user: Annotated[int, Meta(ge=0, le=255)] | None = None


class NewPlan(Struct, forbid_unknown_fields=True, kw_only=True):
    """A draft of a plan; see ``domain.plans.Plan`` for its body. ``until`` is the end that its
    author proposes (ISO 8601 with offset)."""

    patient: str
    author: str
    plan: Plan
    until: str | None = None


class Confirmation(Struct, forbid_unknown_fields=True, kw_only=True):
    """A doctor of the patient's CHC confirms a version, in force from then on, or until a time:
    then the version before it rules again. ISO 8601 with offset."""

    patient: str
    version: Annotated[int, Meta(ge=1)]
    by: str
    from_: str = msgspec.field(name="from")
    until: str | None = None


def chc_of(tx: Transaction, name: str) -> Chc:
    """Return the CHC, made when it is new (with the default zone)."""
    if (found := tx.directory.chc(name)) is None:
        tx.directory.add_chc(name, DEFAULT_ZONE)
        found = tx.directory.chc(name)
    assert found is not None  # noqa: S101 - just added
    return found


def add_patient(tx: Transaction, new: NewPatient, now: int) -> int:
    """Enrol a patient."""
    try:
        zone(new.zone)
    except (OSError, ValueError, KeyError) as error:
        raise WrongInput(f"zone: {new.zone!r} is no IANA zone") from error
    try:
        date.fromisoformat(new.born_on)
    except ValueError as error:
        raise WrongInput(f"born_on: {new.born_on} is no day of the calendar") from error
    if tx.directory.patient_by_reference(new.reference) is not None:
        raise WrongInput(f"reference: {new.reference!r} is taken")
    chc = chc_of(tx, new.chc)
    patient = Patient(
        0,
        chc.id,
        new.reference,
        new.family_name,
        new.given_name,
        new.born_on,
        new.sex,
        new.phone,
        new.language,
        new.zone,
        now,
        new.carer,
        new.carer_phone,
        new.carer_language,
    )
    return tx.directory.add_patient(patient)


def add_device(tx: Transaction, new: NewDevice, now: int) -> int:
    """Add a device of a known profile."""
    if new.profile not in profiles():
        raise WrongInput(f"profile: {new.profile!r} is none of {', '.join(profiles())}")
    if tx.directory.device_id(new.address) is not None:
        raise WrongInput(f"address: {new.address} is known already")
    return tx.directory.add_device(new.address, new.profile, chc_of(tx, new.chc).id, new.label)


def assign_device(tx: Transaction, new: NewAssignment, now: int) -> int:
    """Give a device to a patient."""
    device = tx.directory.device_id(new.address)
    if device is None:
        raise NotFound(f"device {new.address}")
    from_at = instant(new.from_)
    newest = tx.measurements.newest_of(new.address)
    if newest is not None and from_at <= newest:
        raise WrongInput("from: measurements of this device are stored already after that time")
    patient = _patient(tx, new.patient)
    before = tx.directory.holders(device)
    tx.directory.assign(device, patient, new.user, from_at)
    for one in {patient.id, *before}:
        expect_by_default(tx, one, now)
    return device


def expect_by_default(tx: Transaction, patient_id: int, now: int) -> None:
    """Expect a measurement a day of every device that a patient has, until a plan is in force:
    who measures nothing is missed from the first day on, plan or no plan (hazard H8)."""
    patient = tx.directory.patient(patient_id)
    assert patient is not None  # noqa: S101 - has a device
    known = profiles()
    kinds = {known[name].kind for name in tx.directory.profiles_of(patient_id) if name in known}
    expected = [Expected(code=MEASURES[kind]) for kind in sorted(kinds)]
    tx.directory.set_default_plan(patient, Plan(expected=expected), now)
    tx.inputs.append([NewInput(InputKind.PLAN, patient_id, None, None, 0, now)])


def add_plan(tx: Transaction, new: NewPlan, now: int) -> int:
    """Write a draft; it watches nothing until it is confirmed. Returns its version."""
    checked, patient = parse_plan(msgspec.json.encode(new.plan)), _patient(tx, new.patient)
    today = to_datetime(now).astimezone(zone(patient.zone_name)).date()
    if checked.early_warning and too_young(patient.born_on, today):
        raise WrongInput(f"plan: early_warning: NEWS2 is not for a person under {AGE_MIN}")
    if checked.early_warning and checked.early_warning.scale == SCALE_LOW:
        _doctor(tx, checked.early_warning.doctor, patient, "plan: early_warning doctor")
    until = None if new.until is None else instant(new.until)
    if until is not None and until <= now:
        raise WrongInput("until: has passed")
    return tx.directory.add_plan(patient, checked, new.author, now, until)


def confirm_plan(tx: Transaction, new: Confirmation, now: int) -> int:
    """Put a version in force. Only a doctor of the patient's CHC may (hazard H8)."""
    patient = _patient(tx, new.patient)
    _doctor(tx, new.by, patient, "by")
    row = next((row for row in tx.directory.plans(patient.id) if row.version == new.version), None)
    if row is None:
        raise NotFound(f"plan version {new.version} of {new.patient}")
    if row.confirmed_by is not None:
        raise WrongInput(f"version: {new.version} is confirmed already, by {row.confirmed_by}")
    if row.declined_by is not None:
        raise WrongInput(f"version: {new.version} was declined, or overtaken, by {row.declined_by}")
    if row.author == new.by and beyond_usual(row.plan):
        raise WrongInput("by: what watches less than is usual takes a second clinician")
    from_at = instant(new.from_)
    until_at = instant(new.until) if new.until is not None else None
    if until_at is not None and until_at <= max(from_at, now):
        raise WrongInput("until: lies after from, and in the future")
    tx.directory.confirm_plan(patient.id, new.version, new.by, now, from_at, until_at)
    tx.inputs.append([NewInput(InputKind.PLAN, patient.id, None, None, new.version, now)])
    return new.version


def _doctor(tx: Transaction, name: str, patient: Patient, key: str) -> None:
    doctor = tx.directory.user(name)
    if doctor is None or doctor.role != Role.DOCTOR or doctor.chc_id != patient.chc_id:
        raise WrongInput(f"{key}: {name!r} is no doctor of this patient's CHC")


def instant(text: str) -> int:
    """Read ISO 8601 with an offset. Raises ``WrongInput``."""
    try:
        return from_datetime(msgspec.convert(text, type=Annotated[datetime, Meta(tz=True)]))
    except (msgspec.ValidationError, TypeError, OverflowError) as error:
        raise WrongInput(f"{text!r} is no instant like 2026-03-01T08:00:00+01:00") from error


def _patient(tx: Transaction, reference: str) -> Patient:
    found = tx.directory.patient_by_reference(reference)
    if found is None:
        raise NotFound(f"patient {reference}")
    return found
