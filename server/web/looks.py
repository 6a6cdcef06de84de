"""Who looked at a patient: the record that every page about a patient leaves behind."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from server.errors import NotFound
from server.web.visit import Here, Id, people

router = APIRouter()
LOOKS_MAX: Final = 500


@router.get("/patients/{patient_id}/looks")
def show(visit: Here, patient_id: Id) -> Response:
    """Show who looked at what and when, the newest first; this look too is on the record."""
    with visit.site.store.write() as tx:
        patient = tx.directory.patient(patient_id)
        if patient is None or patient.chc_id != visit.user.chc_id:
            raise NotFound(f"patient {patient_id}")
        visit.looked_at(tx, patient_id, "looks-seen")
        looks = tx.looks.of(patient_id, LOOKS_MAX)
        staff = people(tx)
    return visit.page("looks.html", patient=patient, looks=looks, people=staff, most=LOOKS_MAX)
