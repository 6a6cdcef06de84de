"""What waits for a person: held and quarantined measurements, and input that was set aside."""

from fastapi import APIRouter
from fastapi.responses import Response

from server.errors import NotFound
from server.services import holding
from server.web.catalogues import N_
from server.web.visit import Here, Visit, people

router = APIRouter()


@router.get("/held")
def show(visit: Here) -> Response:
    """Show the page."""
    return _page(visit)


@router.post("/held/{epoch_id}/{seq}/release")
def release(visit: Here, epoch_id: int, seq: int) -> Response:
    """Give a held measurement to a patient of the CHC."""
    reference = visit.form.get("reference", "").strip()
    wrong = ""
    with visit.site.store.write() as tx:
        _find(visit, tx.measurements.held(epoch_id, seq))
        patient = tx.directory.patient_by_reference(reference)
        if patient is None or patient.chc_id != visit.user.chc_id:
            wrong = N_("Choose a patient from the list.")
        else:
            holding.release(tx, visit.user, epoch_id, seq, reference, visit.now)
    if wrong:
        return _page(visit, 422, wrong={(epoch_id, seq): wrong}, given=reference)
    visit.site.changes.notify()
    return visit.see("/held?done=released")


@router.post("/held/{epoch_id}/{seq}/reject")
def reject(visit: Here, epoch_id: int, seq: int) -> Response:
    """Say that a held measurement is none of the CHC's patients'."""
    with visit.site.store.write() as tx:
        holding.reject(tx, visit.user, epoch_id, seq, visit.now)
    visit.site.changes.notify()
    return visit.see("/held?done=rejected")


def _find(visit: Visit, held: object) -> None:
    if held is None or getattr(held, "chc_id", None) != visit.user.chc_id:
        raise NotFound("held measurement")


def _page(
    visit: Visit,
    status: int = 200,
    *,
    wrong: dict[tuple[int, int], str] | None = None,
    given: str = "",
) -> Response:
    chc_id = visit.user.chc_id
    with visit.site.store.write() as tx:
        rows = tx.views.waiting(chc_id)
        set_aside = tx.views.set_aside(chc_id)
        patients = tx.directory.patients(chc_id)
        staff = people(tx)
        for patient_id in sorted({row.patient_id for row in rows if row.patient_id is not None}):
            visit.looked_at(tx, patient_id, "patient-seen", "held")
    return visit.page(
        "held.html",
        status,
        held=[row for row in rows if row.fate == "held"],
        quarantined=[row for row in rows if row.fate == "quarantined"],
        set_aside=set_aside,
        patients=patients,
        by_id={patient.id: patient for patient in patients},
        people=staff,
        wrong=wrong or {},
        given=given,
    )
