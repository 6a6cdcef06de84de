"""Who and what there is: CHCs, patients, gateways, devices, assignments, plans, staff."""

from typing import NamedTuple, Protocol

from server.domain.plans import Plan


class Chc(NamedTuple):
    """A Community Health Centre. Hours are as ``domain.duty`` reads them; None is the default.

    ``recipient`` names the member of staff who is told out of hours, within ``recipient_hours``;
    from one instant until another ``stand_in`` is told in their place.
    """

    id: int
    name: str
    zone_name: str
    hours: str | None = None
    recipient: str | None = None
    recipient_hours: str | None = None
    stand_in: str | None = None
    stand_in_from: int | None = None
    stand_in_until: int | None = None


class Patient(NamedTuple):
    """A patient's identity: it never leaves the server. ``carer`` is who else is phoned."""

    id: int
    chc_id: int
    reference: str
    family_name: str
    given_name: str
    born_on: str
    sex: str | None
    phone: str | None
    language: str
    zone_name: str
    enrolled_at: int
    carer: str | None = None
    carer_phone: str | None = None
    carer_language: str | None = None


class User(NamedTuple):
    """A member of staff."""

    id: int
    chc_id: int
    name: str
    full_name: str
    role: str
    password_hash: str
    language: str
    failures: int
    locked_until: int | None
    disabled_at: int | None
    on_duty_until: int | None


class PlanRow(NamedTuple):
    """One version of a patient's plan: a draft until a doctor confirms or declines it.

    Version 0 is the default, from before any plan: it expects a measurement a day and limits
    nothing (hazard H8). A draft is overtaken when a later version is confirmed: it counts as
    declined by who did that, without a reason. The end of a draft is what its author proposes.
    """

    patient_id: int
    version: int
    plan: Plan
    author: str
    written_at: int
    confirmed_by: str | None
    in_force_from: int | None
    in_force_until: int | None = None
    declined_by: str | None = None
    declined_at: int | None = None
    declined_because: str | None = None

    @property
    def is_draft(self) -> bool:
        """Whether a doctor still has to say yes or no."""
        return self.version > 0 and self.confirmed_by is None and self.declined_by is None

    @property
    def is_withdrawn(self) -> bool:
        """Whether its own author took it back, or said no to it."""
        return self.declined_by is not None and self.declined_by == self.author

    @property
    def is_overtaken(self) -> bool:
        """Whether a later version was confirmed instead of this one."""
        return self.declined_by is not None and self.declined_because is None


class Session(NamedTuple):
    """A signed-in browser."""

    user: User
    csrf: str
    made_at: int
    seen_at: int


class Directory(Protocol):
    """The directory's part of a transaction. ``add`` methods return the new row's id."""

    def chc(self, name: str) -> Chc | None: ...
    def first_chc(self) -> int | None: ...
    def chc_by_id(self, chc_id: int) -> Chc: ...
    def add_chc(self, name: str, zone_name: str) -> int: ...
    def chcs(self) -> list[Chc]: ...
    def set_hours(self, chc: Chc) -> None: ...
    def on_duty(self, chc_id: int | None, now: int) -> list[User]: ...
    def shifts_ended(self, now: int) -> list[User]: ...
    def set_duty(self, user_id: int, until: int | None) -> None: ...
    def add_gateway(self, gateway: str, chc_id: int, now: int, ends_at: int | None) -> None: ...
    def configure_gateway(self, gateway: str, version: int, text: str) -> None: ...
    def revoke_gateway(self, gateway: str, now: int) -> None: ...
    def patient(self, patient_id: int) -> Patient | None: ...
    def patient_by_reference(self, reference: str) -> Patient | None: ...
    def patients(self, chc_id: int | None) -> list[Patient]: ...
    def add_patient(self, patient: Patient) -> int: ...
    def device_id(self, address: str) -> int | None: ...
    def add_device(self, address: str, profile: str, chc_id: int, label: str) -> int: ...
    def devices(self, chc_id: int | None) -> list[tuple[str, str, str | None]]: ...
    def assign(self, device_id: int, patient: Patient, user: int | None, from_at: int) -> None: ...
    def plans(self, patient_id: int) -> list[PlanRow]: ...
    def holders(self, device_id: int) -> list[int]:
        """Return the patients who have the device now."""
        ...

    def profiles_of(self, patient_id: int) -> list[str]:
        """Return the profiles of the devices that the patient has now."""
        ...

    def set_default_plan(self, patient: Patient, plan: Plan, now: int) -> None:
        """Write version 0 of a patient's plan, or write it anew."""
        ...

    def add_plan(
        self, patient: Patient, plan: Plan, author: str, now: int, until: int | None = None
    ) -> int: ...
    def confirm_plan(
        self,
        patient_id: int,
        version: int,
        by: str,
        now: int,
        from_at: int,
        until_at: int | None = None,
    ) -> None:
        """Put a version in force; older drafts are overtaken by it."""
        ...

    def decline_plan(
        self, patient_id: int, version: int, by: str, now: int, because: str
    ) -> None: ...
    def user(self, name: str) -> User | None: ...
    def users(self) -> list[User]: ...
    def add_user(
        self, name: str, full_name: str, role: str, chc_id: int, password_hash: str, language: str
    ) -> int: ...
    def note_failure(self, user_id: int, failures: int, locked_until: int | None) -> None: ...
    def set_language(self, user_id: int, language: str) -> None: ...
    def set_password_hash(self, user_id: int, password_hash: str) -> None: ...
    def add_session(
        self, token_hash: bytes, user_id: int, csrf: str, now: int, address: str, agent: str
    ) -> None: ...
    def session(self, token_hash: bytes) -> Session | None: ...
    def touch_session(self, token_hash: bytes, now: int) -> None: ...
    def end_session(self, token_hash: bytes) -> None: ...
