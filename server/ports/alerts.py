"""Alerts, findings, absences, pauses and messages, as rows of one transaction."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from server.domain.alerts import Alert, Evidence, Telling
from server.domain.priorities import Priority
from server.engine.series import Finding
from server.ports.directory import Patient


class FindingRow(NamedTuple):
    """A finding to be written, with the alert that gathers it; None while it waits for a repeat."""

    finding: Finding
    chc_id: int
    in_series: bool
    late: bool
    raised_at: int
    alert_id: int | None


class Pause(NamedTuple):
    """Messages of one rule of one patient are stopped until then."""

    patient_id: int
    rule: str
    until_at: int


class Away(NamedTuple):
    """A patient does not measure from then until then, by the word of a nurse or doctor."""

    from_at: int
    until_at: int
    by: str
    reason: str


class AbsenceLeft(NamedTuple):
    """An absence whose common matter has ended without it."""

    id: int
    patient_id: int
    code: int
    window_from: int
    due_at: int
    cause: str


class Message(NamedTuple):
    """What is to be delivered to a member of staff, or to everybody of a role in the CHC."""

    id: int
    chc_id: int
    alert_id: int
    reason: str
    role: str
    user: str | None
    tries: int
    priority: Priority


class Alerts(Protocol):
    """The alerts' part of a transaction."""

    def open_of(self, subjects: Collection[str]) -> dict[tuple[str, str], Alert]:
        """Return the open alerts of these subjects, by (subject, rule)."""
        ...

    def open_rule(self, rule: str) -> list[Alert]:
        """Return the open alerts of a rule, of any CHC."""
        ...

    def open_missing(self) -> list[tuple[int, str]]:
        """Return (patient, rule) of every open, uncleared missing-measurement alert."""
        ...

    def get(self, alert_id: int) -> Alert | None:
        """Return one alert, locked against other writers."""
        ...

    def last_closed(self, subject: str, rule: str) -> int | None:
        """Return the id of the newest closed alert of a matter."""
        ...

    def add(self, alert: Alert) -> Alert:
        """Insert a new alert (its id is ignored) and return it with its id."""
        ...

    def save(self, alert: Alert) -> None:
        """Write a changed alert."""
        ...

    def due(self, now: int, limit: int) -> list[Alert]:
        """Return open alerts whose deadline has come, the most urgent first."""
        ...

    def owned_by(self, name: str) -> list[Alert]:
        """Return a member of staff's open alerts, the most urgent first."""
        ...

    def unanswered(self, chc_id: int) -> list[Alert]:
        """Return the CHC's unanswered alerts, the most urgent first."""
        ...

    def without_owner_on_duty(self, now: int) -> list[Alert]:
        """Return open alerts whose owner is not on duty."""
        ...

    def told_and_left(self, now: int) -> list[Alert]:
        """Return open alerts whose chain runs (not paused, not unanswered) and of which a role or
        person was told who is not on duty now, the out-of-hours recipient apart."""
        ...

    def reviews_due(self, now: int, limit: int) -> list[Alert]:
        """Return closed alerts whose next review has come and was not said to be due yet."""
        ...

    def note_review(self, alert_id: int, now: int) -> None:
        """Note that a closed alert's review was said to be due, or need not be."""
        ...

    def taken_over(self, alert: Alert, rules: Collection[str]) -> bool:
        """Tell whether there is a later alert of the subject by one of these rules."""
        ...

    def pauses(self, patient_ids: Collection[int], now: int) -> list[Pause]:
        """Return the pauses in force."""
        ...

    def add_pause(self, alert: Alert, *, until: int, by: str, reason: str, now: int) -> None:
        """Write a pause of the alert's rule."""
        ...

    def end_pauses(self, alert: Alert, now: int) -> None:
        """End the pauses of the alert's rule and patient."""
        ...

    def away(self, patient_id: int, at: int) -> Away | None:
        """Return by whose word the patient is away at an instant, or None."""
        ...

    def declare_away(self, patient: Patient, away: Away) -> None:
        """Write that a patient is away."""
        ...

    def end_aways(self, patient_id: int, now: int) -> None:
        """Let a patient be back now."""
        ...

    def add_note(self, alert: Alert, *, by: str, text: str, now: int) -> None:
        """Write a note on an alert."""
        ...

    def tell(self, alert: Alert, tellings: Sequence[Telling], now: int) -> None:
        """Put messages into the outbox."""
        ...

    def undelivered(self, now: int, limit: int) -> list[Message]:
        """Return the messages whose turn has come, oldest first."""
        ...

    def delivered(self, message_id: int, now: int) -> None:
        """Note a recorded success: the message is never sent again."""
        ...

    def retry(self, message_id: int, next_try_at: int) -> None:
        """Note a failed try."""
        ...

    def write_findings(self, rows: Sequence[FindingRow]) -> None:
        """Write new findings, in force."""
        ...

    def end_findings(self, findings: Sequence[Finding], state: str, now: int) -> set[int]:
        """Mark findings superseded or withdrawn; return the ids of their alerts."""
        ...

    def end_doubted(self, epoch_id: int, seq: int, now: int) -> set[int]:
        """Withdraw the findings that were judged on a doubted measurement alone; return the ids
        of their alerts."""
        ...

    def evidence_left(self, alert_id: int) -> list[Evidence]:
        """Return the evidence that an alert has gathered and that is still in force."""
        ...

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
        """Write an absence and return True; one that is there stays as it is: False. ``alert_id``
        is the technical matter that it has in common with others."""
        ...

    def left_under(self, rule: str, cleared_before: int) -> list[AbsenceLeft]:
        """Return the unexplained absences that stand under alerts of a rule which are closed, or
        cleared since before then."""
        ...

    def tell_absence(self, absence_id: int) -> None:
        """Take an absence from under its common matter: it is told by itself."""
        ...

    def unexplained(self, patient_ids: Collection[int]) -> list[tuple[int, int, int, int]]:
        """Return (patient, code, window from, due at) of absences that nothing explains yet."""
        ...

    def explain_absences(self, patient_id: int, code: int, measured_at: int, now: int) -> None:
        """Mark the absence whose window holds this late measurement as explained."""
        ...
