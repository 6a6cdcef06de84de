"""Whom to phone about a patient and in which language, and who cares for them."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from server.errors import IllegalTransition, WrongInput
from server.ports.care import Contact
from server.ports.directory import Patient
from server.services import caring
from server.web.catalogues import N_
from server.web.patient import find
from server.web.visit import Here, Id, Visit

router = APIRouter()
# What is spoken in homes here: by patients, and by those who live with them to care for them.
SPOKEN: Final = (
    *("it", "fr", "en", "de", "es", "pt", "ro", "sq", "uk", "ru", "pl", "bg", "sr", "ar"),
    *("zh", "tl", "hi", "pa", "bn", "ur", "si", "ta", "ti", "wo", "fa", "tr", "ka"),
)
_WRONG: Final = {
    "phone": N_("A telephone number: digits, spaces, and a plus in front."),
    "carer_phone": N_("A telephone number: digits, spaces, and a plus in front."),
    "carer": N_("At most 120 characters."),
    "language": N_("Choose a language."),
    "carer_language": N_("Choose a language."),
    "team": N_("Choose among who cares for patients here."),
}


@router.get("/patients/{patient_id}/contact")
def show(visit: Here, patient_id: Id) -> Response:
    """Show both forms."""
    return _page(visit, patient_id)


@router.post("/patients/{patient_id}/contact")
def change(visit: Here, patient_id: Id) -> Response:
    """Write whom to phone; what was changed by another meanwhile is shown beside the form."""
    shown, new = _read(visit, "was-"), _read(visit, "")
    try:
        with visit.site.store.write() as tx:
            patient = find(tx, visit, patient_id)
            caring.change_contact(tx, visit.user, patient, shown, new, visit.now)
    except IllegalTransition:
        return _page(visit, patient_id, 409)
    except WrongInput as error:
        field = str(error).partition(":")[0]
        return _page(visit, patient_id, 422, {field: _WRONG[field]})
    visit.site.changes.notify()
    return visit.see(f"/patients/{patient_id}/contact?done=saved")


@router.post("/patients/{patient_id}/team")
def change_team(visit: Here, patient_id: Id) -> Response:
    """Write who cares for the patient."""
    chosen = [key.removeprefix("cares-") for key in visit.form if key.startswith("cares-")]
    try:
        with visit.site.store.write() as tx:
            patient = find(tx, visit, patient_id)
            caring.change_team(tx, visit.user, patient, chosen, visit.now)
    except WrongInput:
        return _page(visit, patient_id, 422, {"team": _WRONG["team"]})
    return visit.see(f"/patients/{patient_id}/contact?done=saved")


def _page(
    visit: Visit, patient_id: int, status: int = 200, wrong: dict[str, str] | None = None
) -> Response:
    stale = status == 409
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "contact-seen")
        team, carers = tx.care.team(patient_id), caring.carers(tx, patient.chc_id)
    contact = caring.contact_of(patient)
    return visit.page(
        "contact.html",
        status,
        patient=patient,
        contact=contact,
        given=_given(visit, contact) if stale else _read(visit, "") if visit.form else None,
        spoken=_spoken(patient),
        team=team,
        carers=carers,
        stale=stale,
        wrong=wrong or {},
    )


def _given(visit: Visit, now: Contact) -> Contact:
    """Return what the reader has written where they changed something, else what is on record: to
    save it again must not undo what a colleague wrote in another field."""
    shown, new = _read(visit, "was-")._asdict(), _read(visit, "")._asdict()
    return now._replace(**{name: one for name, one in new.items() if one != shown[name]})


def _read(visit: Visit, prefix: str) -> Contact:
    phone, language, carer, carer_phone, carer_language = (
        visit.form.get(prefix + name, "").strip() for name in Contact._fields
    )
    rest = (carer or None, carer_phone or None, carer_language or None)
    return Contact(phone or None, language, *rest)


def _spoken(patient: Patient) -> list[str]:
    """Return the languages to choose from, with whatever is on record."""
    own = (patient.language, patient.carer_language)
    return [*SPOKEN, *sorted({code for code in own if code} - set(SPOKEN))]
