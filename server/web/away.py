"""A patient is away until a day, or back: said on the patient's page."""

from fastapi import APIRouter
from fastapi.responses import Response

from server.domain.instants import end_of_day
from server.ports.directory import Patient
from server.services import away
from server.web.catalogues import N_
from server.web.patient import find, page
from server.web.visit import Here, Id, Visit

router = APIRouter()


@router.post("/patients/{patient_id}/away")
def declare(visit: Here, patient_id: Id) -> Response:
    """Say that the patient is away, until the end of a day."""
    reason = visit.form.get("reason", "").strip()
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        until = _end_of(visit, patient)
        wrong = {}
        if not visit.now < until <= visit.now + away.AWAY_LONGEST:
            wrong["until"] = N_("Choose a day from today on, within 60 days.")
        if not reason:
            wrong["reason"] = N_("Say why: your colleagues will read it.")
        if not wrong:
            away.declare(tx, visit.user, patient, until, reason, visit.now)
    if wrong:
        return page(visit, patient_id, 422, wrong)
    visit.site.changes.notify()
    return visit.see(f"/patients/{patient_id}")


@router.post("/patients/{patient_id}/back")
def back(visit: Here, patient_id: Id) -> Response:
    """Say that the patient is back."""
    with visit.site.store.write() as tx:
        away.back(tx, visit.user, find(tx, visit, patient_id), visit.now)
    visit.site.changes.notify()
    return visit.see(f"/patients/{patient_id}")


def _end_of(visit: Visit, patient: Patient) -> int:
    """Return the end of the chosen day where the patient lives; 0 for no day."""
    try:
        return end_of_day(visit.form.get("until", ""), patient.zone_name)
    except ValueError:
        return 0
