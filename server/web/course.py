"""What happened to a patient in a period: alerts, notes, plan versions, times away, in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.domain.alerts import Alert
from server.domain.kinds import REVIEW, Kind
from server.ports.courses import AwayOfPatient, NoteOfPatient
from server.ports.directory import PlanRow
from server.ports.store import Transaction
from server.web import texts
from server.web.catalogues import N_
from server.web.limits import in_force
from server.web.wording import Wording

# What stands at an event in the chart and in the list; alerts have their priority's sign.
SIGNS: Final = {"alert": "!", "plan": "P", "note": "N", "closed": "✓", "away": "A"}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; ``alert_id`` leads to its page, ``priority`` is an alert's."""

    at: int
    kind: str
    label: str
    alert_id: int | None = None
    priority: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what the charts draw."""
        return {"at": self.at, "kind": self.kind, "label": self.label, "sign": SIGNS[self.kind]}


def events_of(
    tx: Transaction,
    w: Wording,
    patient_id: int,
    rows: tuple[Sequence[PlanRow], Sequence[Alert], dict[str, str]],
    since: int,
) -> list[Event]:
    """Return what happened since an instant, the newest first; ``rows`` are the patient's plans
    and alerts, and the names of staff."""
    plans, alerts, people = rows
    notes, aways = tx.courses.notes(patient_id, since), tx.courses.aways(patient_id, since)
    found = [
        *_alerts(w, alerts, plans, people),
        *_notes(w, notes, people),
        *_versions(w, plans, people),
        *_aways(w, aways, people),
    ]
    inside = (one for one in found if since <= one.at <= w.now)
    return sorted(inside, key=lambda one: -one.at)


def _alerts(
    w: Wording, alerts: Sequence[Alert], plans: Sequence[PlanRow], people: dict[str, str]
) -> Iterator[Event]:
    for alert in alerts:
        reason = w.reason(alert, plans)
        # The number of now was not that of when it began: what began is named by its limit.
        clinical = alert.kind is Kind.CLINICAL and not alert.rule.startswith(REVIEW)
        began = w.rule(alert.rule, plans, alert.began_at) if clinical else reason
        yield Event(alert.began_at, "alert", began, alert.id, alert.priority)
        if alert.closed_at is not None and alert.outcome is not None:
            who = people.get(alert.closed_by or "", alert.closed_by or "")
            said = w.text(N_("closed by %(who)s"), who=who)
            label = f"{reason}: {said}, {w.text(texts.OUTCOMES[alert.outcome])}"
            yield Event(alert.closed_at, "closed", label, alert.id)


def _notes(w: Wording, notes: Sequence[NoteOfPatient], people: dict[str, str]) -> Iterator[Event]:
    for note in notes:
        label = f"{w.text(N_('Note'))}, {people.get(note.by, note.by)}: {note.text}"
        yield Event(note.at, "note", label, note.alert_id)


def _versions(w: Wording, plans: Sequence[PlanRow], people: dict[str, str]) -> Iterator[Event]:
    for row, start, _ in in_force(plans):
        if row.version:
            who = people.get(row.confirmed_by or "", row.confirmed_by or "")
            said = w.text(N_("confirmed by %(who)s"), who=who)
            version = w.text(N_("Plan version %(version)s in force"), version=row.version)
            yield Event(start, "plan", f"{version}, {said}")


def _aways(w: Wording, aways: Sequence[AwayOfPatient], people: dict[str, str]) -> Iterator[Event]:
    for away in aways:
        until = w.text(N_("away until %(when)s"), when=w.moment(away.until_at))
        yield Event(away.from_at, "away", f"{until}, {people.get(away.by, away.by)}: {away.reason}")
