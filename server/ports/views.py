"""What the pages read, already joined: one method a page, scoped by CHC."""

from typing import Final, NamedTuple, Protocol

from server.domain.alerts import Alert
from server.domain.repeats import Repeat
from server.ports.directory import PlanRow


class Counts(NamedTuple):
    """What ``/health`` and the demonstration's summary count.

    ``measurements`` could be read, whatever was decided of them later; a quarantined one that
    was held before is counted in both.
    """

    measurements: int
    observations: int
    held: int
    quarantined: int
    set_aside: int
    open_alerts: int
    gateways_seen: int
    unjudged: int


class WorklistRow(NamedTuple):
    """An open alert with whom it is about; technical alerts have no patient."""

    alert: Alert
    family_name: str | None
    given_name: str | None
    born_on: str | None
    phone: str | None


class ObservationView(NamedTuple):
    """One observation of a patient, as a table shows it."""

    measured_at: int
    received_at: int
    code: int
    value: int
    fate: str
    quality: str
    mark: str | None
    device: str | None
    stored_at: int
    flags: list[str]
    origin: str


# More than this nobody works through on one page; it says that there is more.
WAITING_MAX: Final = 500


class WaitingRow(NamedTuple):
    """A held or quarantined measurement, with the likely patient's name and the alert's clock.

    ``values`` are (code number, scaled integer); ``element`` is what came, as it came;
    ``device_id`` and the device's CHC are None where nobody has added the device.
    """

    epoch_id: int
    seq: int
    gateway: str
    device: str | None
    fate: str
    reason: str
    measured_at: int
    stored_at: int
    patient_id: int | None
    family_name: str | None
    given_name: str | None
    owner: str | None
    deadline_at: int | None
    element: bytes
    device_id: int | None
    device_chc_id: int | None
    values: list[tuple[int, int]]


class DecisionView(NamedTuple):
    """What a person said of a measurement; ``last``: and nothing was said of it since."""

    epoch_id: int
    seq: int
    kind: str
    by: str
    at: int
    note: str | None
    device: str | None
    measured_at: int
    patient_id: int | None
    family_name: str | None
    given_name: str | None
    last: bool
    values: list[tuple[int, int]]


class FleetRow(NamedTuple):
    """A gateway as the fleet page shows it."""

    id: str
    last_seen_at: int | None
    last_measurement_at: int | None
    certificate_ends_at: int | None
    offline_since: int | None
    clock: str | None
    version: str | None
    outbox_depth: int | None
    set_aside: int | None
    revoked_at: int | None
    disk_free_bytes: int | None
    clock_ahead_ms: int | None
    booted_at: int | None
    prompts: bool
    deaf_at: int | None
    radio_restarts: int | None
    adapter_resets: int | None
    board_celsius: int | None
    configuration_version: int
    configuration_in_force: int | None
    configuration_refused: int | None
    configuration_refused_because: str | None


class DeviceRow(NamedTuple):
    """A device as the fleet page shows it: whose it is stands on other pages."""

    address: str
    profile: str
    label: str
    battery_pct: int | None
    is_assigned: bool


class EvidenceRow(NamedTuple):
    """A finding that an alert gathered, back to where it came from."""

    rule: str
    version: int
    measured_at: int
    code: int
    value: int
    state: str
    late: bool
    in_series: bool
    gateway: str
    epoch: str
    epoch_id: int
    seq: int
    device: str | None
    stored_at: int
    element: bytes


class DeliveryView(NamedTuple):
    """What became of a message on one channel of one person.

    ``next_try_at`` is None once nothing more is tried; no tries and a later one is quiet hours.
    """

    user: str
    kind: str
    tries: int
    next_try_at: int | None
    delivered_at: int | None


class MessageRow(NamedTuple):
    """Who was told of an alert, why and when: ``delivered_at`` on screen."""

    id: int
    reason: str
    role: str
    user: str | None
    written_at: int
    delivered_at: int | None


# What a person does with an alert, as the audit record names it.
ACTS: Final = (
    "repeat-asked",
    "alert-acknowledged",
    "alert-handed-over",
    "alert-paused",
    "pause-ended",
    "alert-closed",
    "call-no-answer",
    "call-answered",
    "visit-arranged",
    "emergency-called",
    "visit-overdue",
)


class ActRow(NamedTuple):
    """What a person did with an alert, from the audit record; ``detail`` is a reason or a name."""

    at: int
    who: str
    what: str
    detail: str


class NoteRow(NamedTuple):
    """A note on an alert."""

    by: str
    written_at: int
    text: str


class PauseRow(NamedTuple):
    """Who stopped the messages of a rule, until when and why."""

    by: str
    until_at: int
    reason: str


class AbsenceRow(NamedTuple):
    """A measurement that was expected and not taken."""

    code: int
    due_at: int
    cause: str
    explained_at: int | None


class UnderRow(NamedTuple):
    """One absence of those that a technical matter explains; ``high`` where the patient has an
    open alert of high priority."""

    patient_id: int
    family_name: str
    given_name: str
    phone: str | None
    code: int
    due_at: int
    explained_at: int | None
    high: bool


class RepeatView(NamedTuple):
    """A repeat that a home was asked for; ``sent_at`` is when the request left the server."""

    repeat: Repeat
    sent_at: int | None


class Views(Protocol):
    """The pages' part of a transaction."""

    def counts(self) -> Counts: ...
    def heartbeat_at(self, name: str) -> int | None: ...
    def oldest_unjudged_at(self) -> int | None: ...
    def worklist(self, chc_id: int, *, technical: bool) -> list[WorklistRow]: ...
    def closed_since(self, chc_id: int, since: int) -> list[WorklistRow]: ...
    def alert(self, chc_id: int, alert_id: int) -> WorklistRow | None: ...
    def alerts_of(self, patient_id: int) -> list[Alert]: ...
    def owned_by(self, name: str) -> list[WorklistRow]: ...
    def pauses(self, chc_id: int, now: int) -> dict[tuple[int | None, str], PauseRow]: ...
    def evidence(self, alert_id: int) -> list[EvidenceRow]: ...
    def messages(self, alert_id: int) -> list[MessageRow]: ...
    def deliveries(self, alert_id: int) -> dict[int, list[DeliveryView]]:
        """Return what was sent of an alert over channels, by message."""
        ...

    def notes(self, alert_id: int) -> list[NoteRow]: ...
    def acts(self, alert: Alert) -> list[ActRow]: ...
    def observations(self, patient_id: int, from_at: int) -> list[ObservationView]: ...
    def under(self, alert: Alert) -> list[UnderRow]:
        """Return the absences that a technical alert explains: who has a high alert first."""
        ...

    def absences(self, patient_id: int, from_at: int) -> list[AbsenceRow]: ...
    def repeats(self, patient_id: int, from_at: int) -> list[RepeatView]: ...
    def waiting_count(self, chc_id: int) -> int:
        """Return how many measurements of a CHC wait for a person."""
        ...

    def waiting(self, chc_id: int, only: tuple[int, int] | None = None) -> list[WaitingRow]: ...
    def decided(self, chc_id: int, since: int) -> list[DecisionView]: ...
    def given(self, alert_id: int) -> dict[tuple[int, int], tuple[str, int]]:
        """Return who gave which of an alert's measurements to its patient, and when."""
        ...

    def fleet(self, chc_id: int) -> list[FleetRow]: ...
    def devices(self, chc_id: int) -> list[DeviceRow]: ...
    def set_aside(self, chc_id: int) -> list[tuple[int, int | None, str]]: ...
    def unjudged_of(self, patient_id: int) -> int: ...
    def aways(self, chc_id: int, at: int) -> dict[int, int]:
        """Return until when patients are away who are away at an instant."""
        ...

    def plans_of(self, chc_id: int, *, alerted: bool) -> dict[int, list[PlanRow]]:
        """Return the CHC's plans by patient; ``alerted``: only of those with an open alert."""
        ...
