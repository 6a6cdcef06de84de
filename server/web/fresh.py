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
from server.services import alert_work
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
        acted = (act.at for act in tx.views.acts(alert))
        noted = (note.written_at for note in tx.views.notes(alert_id))
        changed = _moved(alert, at) or any(one > at for one in (*acted, *noted))
        values = _values(tx, visit, alert.patient_id, at)
    return _answer(visit, f"/alerts/{alert_id}", values, changed=changed)


@router.get("/patients/{patient_id}/fresh")
def of_patient(visit: Here, patient_id: Id) -> Response:
    """Say what is new of a patient since ``at``, when the page was made."""
    at = _shown_at(visit)
    with visit.site.store.read() as tx:
        find(tx, visit, patient_id)
        seen = (
            one for one in tx.views.alerts_of(patient_id) if alert_work.may_see(visit.user, one)
        )
        changed = any(_moved(one, at) for one in seen)
        values = _values(tx, visit, patient_id, at)
    return _answer(visit, f"/patients/{patient_id}", values, changed=changed)


def _shown_at(visit: Visit) -> int:
    text = visit.query.get("at", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else visit.now


def _moved(alert: Alert, at: int) -> bool:
    return max(alert.raised_at, alert.cleared_at or 0, alert.closed_at or 0) > at


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


def _answer(
    visit: Visit, path: str, values: list[tuple[Code, ObservationView]], *, changed: bool
) -> Response:
    return visit.page("fresh.html", values=values, changed=changed, shown_path=path)
