"""Whether a page that stays open still says what is so: a page about one patient never renews
itself under a form, so it says what is new and offers to show it."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, Code
from server.domain.alerts import Alert
from server.domain.attribution import Fate
from server.domain.instants import DAY
from server.domain.roles import Action
from server.ports.store import Transaction
from server.ports.views import ObservationView
from server.services import accounts, alert_work
from server.web.patient import find
from server.web.visit import Here, Id, Visit

router = APIRouter()
# What was measured earlier and came only now is no news of how somebody is.
_LATELY: Final = 2 * DAY


@router.get("/alerts/{alert_id}/fresh")
def of_alert(visit: Here, alert_id: Id) -> Response:
    """Say what is new of an alert and its patient since ``at``, when its page was made."""
    at = _shown_at(visit)
    with visit.site.store.read() as tx:
        alert = alert_work.find(tx, visit.user, alert_id)
        noted = any(note.written_at > at for note in tx.views.notes(alert_id))
        changed = noted or _moved(tx, visit, [alert, *_others(tx, alert.patient_id)], at)
        values = _values(tx, visit, alert.patient_id, at)
    _record(visit, alert.patient_id, values)
    return _answer(visit, f"/alerts/{alert_id}", values, changed=changed)


@router.get("/patients/{patient_id}/fresh")
def of_patient(visit: Here, patient_id: Id) -> Response:
    """Say what is new of a patient since ``at``, when the page was made."""
    at = _shown_at(visit)
    with visit.site.store.read() as tx:
        find(tx, visit, patient_id)
        changed = _moved(tx, visit, _others(tx, patient_id), at)
        values = _values(tx, visit, patient_id, at)
    _record(visit, patient_id, values)
    return _answer(visit, f"/patients/{patient_id}", values, changed=changed)


def _shown_at(visit: Visit) -> int:
    text = visit.query.get("at", "")
    at = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else visit.now
    # No page is open for longer than a session.
    return max(at, visit.now - accounts.SESSION_MAX)


def _others(tx: Transaction, patient_id: int | None) -> list[Alert]:
    return tx.views.alerts_of(patient_id) if patient_id is not None else []


def _moved(tx: Transaction, visit: Visit, alerts: list[Alert], at: int) -> bool:
    """Tell whether one was raised, cleared, closed or worked on by somebody else since."""
    for one in alerts:
        if not alert_work.may_see(visit.user, one):
            continue
        if max(one.raised_at, one.cleared_at or 0, one.closed_at or 0) > at:
            return True
        if one.closed_at is None and any(
            act.at > at and act.who != visit.user.name for act in tx.views.acts(one)
        ):
            return True
    return False


def _values(
    tx: Transaction, visit: Visit, patient_id: int | None, at: int
) -> list[tuple[Code, ObservationView]]:
    """Return the newest value of each code that was stored since."""
    if patient_id is None or not visit.may(Action.SEE_PATIENTS):
        return []
    found: dict[Code, ObservationView] = {}
    for row in tx.views.observations(patient_id, at - _LATELY):
        if row.stored_at > at and row.fate == Fate.STORED:
            found.setdefault(BY_NUMBER[row.code], row)
    return list(found.items())


def _record(
    visit: Visit, patient_id: int | None, values: list[tuple[Code, ObservationView]]
) -> None:
    """Put the look on the record; every open page asks at every change, so only this writes."""
    if values and patient_id is not None:
        with visit.site.store.write() as tx:
            visit.looked_at(tx, patient_id, "news-seen")


def _answer(
    visit: Visit, path: str, values: list[tuple[Code, ObservationView]], *, changed: bool
) -> Response:
    return visit.page("fresh.html", values=values, changed=changed, shown_path=path)
