"""Whether a page that stays open still says what is so: a page about one patient never renews
itself under a form, so it says what is new and offers to show it."""

from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, Code
from server.domain.alerts import Alert
from server.domain.roles import Action
from server.ports.store import Transaction
from server.ports.views import ObservationView
from server.services import accounts, alert_work
from server.web.patient import find
from server.web.shown import key, state, stored_since
from server.web.visit import Here, Id, Visit

router = APIRouter()


@router.get("/alerts/{alert_id}/fresh")
def of_alert(visit: Here, alert_id: Id) -> Response:
    """Say what is new of an alert and its patient since its page was made."""
    with visit.site.store.read() as tx:
        alert = alert_work.find(tx, visit.user, alert_id)
        changed = _changed(tx, visit, alert.patient_id, alert)
        values = _values(tx, visit, alert.patient_id)
    _record(visit, alert.patient_id, values)
    return _answer(visit, f"/alerts/{alert_id}", values, changed=changed)


@router.get("/patients/{patient_id}/fresh")
def of_patient(visit: Here, patient_id: Id) -> Response:
    """Say what is new of a patient since the page was made."""
    with visit.site.store.read() as tx:
        find(tx, visit, patient_id)
        changed = _changed(tx, visit, patient_id, None)
        values = _values(tx, visit, patient_id)
    _record(visit, patient_id, values)
    return _answer(visit, f"/patients/{patient_id}", values, changed=changed)


def _changed(tx: Transaction, visit: Visit, patient_id: int | None, alert: Alert | None) -> bool:
    before = visit.query.get("alerts")
    return before is not None and before != state(tx, visit.user, patient_id, alert)


def _shown_at(visit: Visit) -> int:
    text = visit.query.get("at", "")
    at = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else visit.now
    # No page is open for longer than a session.
    return max(at, visit.now - accounts.SESSION_MAX)


def _values(
    tx: Transaction, visit: Visit, patient_id: int | None
) -> list[tuple[Code, ObservationView]]:
    """Return the newest value of each code that the page did not show."""
    if patient_id is None or not visit.may(Action.SEE_PATIENTS):
        return []
    known = frozenset(visit.query.get("values", "").split("."))
    found: dict[Code, ObservationView] = {}
    for row in stored_since(tx, patient_id, _shown_at(visit)):
        if key(row) not in known:
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
