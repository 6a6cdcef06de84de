"""What somebody with the phone in hand needs on an alert's page: whom to call, and what to know."""

from typing import NamedTuple

from contract.codes import BY_NUMBER, Code
from server.domain.alerts import Alert, Kind
from server.domain.attribution import Fate
from server.domain.calls import AGAIN_LONGEST, AGAIN_MINUTES
from server.domain.instants import DAY, MINUTE, Quality
from server.ports.calls import Call
from server.ports.directory import Patient
from server.ports.store import Transaction
from server.ports.views import NoteRow, ObservationView
from server.services.calling import tries_allowed, tries_of

LAST_VALUES_DAYS = 30
NOTES_MAX = 3


class Phone(NamedTuple):
    """``last`` is the newest value of each code that is surely theirs and of a sure time;
    ``before`` the last closed alert of the rule."""

    patient: Patient
    last: list[tuple[Code, ObservationView]]
    before: Alert | None
    notes: list[NoteRow]
    calls: list[Call]
    tries: int
    most: int
    waits: Call | None
    again_minutes: list[int]


def phone_of(
    tx: Transaction, alert: Alert, past: list[Alert], now: int, *, values: bool
) -> Phone | None:
    """Return it for an open alert about a patient; ``values``: the reader may see any."""
    if alert.patient_id is None or alert.closed_at is not None or alert.kind is Kind.TECHNICAL:
        return None
    patient = tx.directory.patient(alert.patient_id)
    assert patient is not None  # noqa: S101 - the alert is about them
    calls = tx.calls.of(alert.id)
    before = next(
        (one for one in past if one.rule == alert.rule and one.closed_at is not None), None
    )
    return Phone(
        patient=patient,
        last=_last(tx, alert.patient_id, now) if values else [],
        before=before,
        notes=tx.views.notes(before.id)[-NOTES_MAX:] if before else [],
        calls=calls,
        tries=tries_of(calls),
        most=tries_allowed(tx, alert, now),
        waits=next((one for one in calls if one.due_at and one.ended_at is None), None),
        again_minutes=[m for m in AGAIN_MINUTES if m * MINUTE <= AGAIN_LONGEST[alert.priority]],
    )


def _last(tx: Transaction, patient_id: int, now: int) -> list[tuple[Code, ObservationView]]:
    found: dict[int, ObservationView] = {}
    for row in tx.views.observations(patient_id, now - LAST_VALUES_DAYS * DAY):
        # What is held may be another person's: beside an alert it would say that all is well again.
        if row.fate == Fate.STORED and row.quality != Quality.UNSURE:
            found.setdefault(row.code, row)
    return [(BY_NUMBER[code], found[code]) for code in sorted(found)]
