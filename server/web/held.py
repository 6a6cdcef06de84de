"""What waits for a person: held and quarantined measurements, and input that was set aside."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from server.domain.instants import DAY
from server.domain.timeline import FOREVER
from server.errors import NotFound, WrongInput
from server.ports.directory import Patient
from server.ports.store import Transaction
from server.ports.views import WAITING_MAX, WaitingRow
from server.services import holding
from server.web.catalogues import N_
from server.web.patients import matching
from server.web.visit import Here, Id, Seq, Visit, people

router = APIRouter()
CHOICES_MAX: Final = 20
# Whose measurements came through a gateway in that time live where it stands.
HOMES_WITHIN: Final = 90 * DAY
# A decision can be taken back from the page for so long.
DECIDED_SHOWN: Final = 7 * DAY


@router.get("/held")
def show(visit: Here) -> Response:
    """Show the page."""
    return _page(visit)


@router.post("/held/{epoch_id}/{seq}/choose")
def choose(visit: Here, epoch_id: Id, seq: Seq) -> Response:
    """Show whom the held measurement may be given to; one patient is asked about by name."""
    asked = visit.form.get("q", "").strip()
    with visit.site.store.write() as tx:
        row = next((one for one in tx.views.waiting(visit.user.chc_id, (epoch_id, seq))), None)
        if row is None or row.fate != "held":
            raise NotFound("held measurement")
        found = _asked_for(tx.directory.patients(visit.user.chc_id), asked)
        if len(found) == 1:
            visit.looked_at(tx, found[0].id, "held-seen")
        homes = _homes(tx, visit, [row])
        staff = people(tx)
    if not found:
        wrong = N_("No patient is found.") if asked else N_("Write a part of the name first.")
        return _page(visit, 422, wrong={(epoch_id, seq): wrong}, given=asked)
    return visit.page(
        "held_choose.html", row=row, found=found, shown=CHOICES_MAX, homes=homes, people=staff
    )


@router.post("/held/{epoch_id}/{seq}/release")
def release(visit: Here, epoch_id: Id, seq: Seq) -> Response:
    """Give a held measurement to a patient of the CHC, as the page before asked."""
    with visit.site.store.write() as tx:
        reference = visit.form.get("reference", "")
        holding.release(tx, visit.user, epoch_id, seq, reference, visit.now)
    return _done(visit, "released")


@router.post("/held/{epoch_id}/{seq}/reject")
def reject(visit: Here, epoch_id: Id, seq: Seq) -> Response:
    """Say that a held measurement is none of the CHC's patients'."""
    with visit.site.store.write() as tx:
        holding.reject(tx, visit.user, epoch_id, seq, visit.now)
    return _done(visit, "rejected")


@router.post("/held/{epoch_id}/{seq}/add-device")
def add_device(visit: Here, epoch_id: Id, seq: Seq) -> Response:
    """Put the unknown device of a held measurement on the CHC's list, and go on to whose it is."""
    with visit.site.store.write() as tx:
        number = holding.add_device(tx, visit.user, epoch_id, seq, visit.now)
    visit.site.changes.notify()
    return visit.see(f"/assignments/{number}?done=device-added")


@router.post("/held/{epoch_id}/{seq}/seen")
def seen(visit: Here, epoch_id: Id, seq: Seq) -> Response:
    """Put a quarantined measurement off the open list, with a note on what was found."""
    note = visit.form.get("note", "").strip()
    try:
        with visit.site.store.write() as tx:
            holding.see(tx, visit.user, epoch_id, seq, note, visit.now)
    except WrongInput:
        wrong = N_("At most 250 characters.") if note else N_("Write what you found.")
        return _page(visit, 422, wrong={(epoch_id, seq): wrong}, given=note)
    return _done(visit, "seen")


@router.post("/held/{epoch_id}/{seq}/take-back")
def take_back(visit: Here, epoch_id: Id, seq: Seq) -> Response:
    """Take back what was said of a measurement: it is held again."""
    with visit.site.store.write() as tx:
        holding.take_back(tx, visit.user, epoch_id, seq, visit.now)
    return _done(visit, "taken-back")


def _urgency(row: WaitingRow) -> tuple[int, int]:
    """Return what held rows are sorted by: whose time ends first, then the newest."""
    return row.deadline_at if row.deadline_at is not None else FOREVER, -row.stored_at


def _homes(tx: Transaction, visit: Visit, rows: Sequence[WaitingRow]) -> dict[str, list[Patient]]:
    """Return who of the CHC measures through the gateways that the rows came by; it is on record
    that they were named."""
    found = {}
    for gateway in sorted({row.gateway for row in rows if row.fate == "held"}):
        homes = tx.fleet.homes(gateway, visit.now - HOMES_WITHIN)
        found[gateway] = [one for one in homes if one.chc_id == visit.user.chc_id]
    for patient_id in sorted({one.id for homes in found.values() for one in homes}):
        visit.looked_at(tx, patient_id, "held-seen")
    return found


def _asked_for(patients: Sequence[Patient], asked: str) -> Sequence[Patient]:
    """Return the one of that very reference, or else those who match."""
    exact = [one for one in patients if one.reference == asked]
    return exact or (matching(patients, asked) if asked else [])


def _done(visit: Visit, done: str) -> Response:
    visit.site.changes.notify()
    return visit.see(f"/held?done={done}")


def _page(
    visit: Visit,
    status: int = 200,
    *,
    wrong: dict[tuple[int, int], str] | None = None,
    given: str = "",
) -> Response:
    chc_id = visit.user.chc_id
    with visit.site.store.write() as tx:
        rows: list[WaitingRow] = tx.views.waiting(chc_id)
        decided = tx.views.decided(chc_id, visit.now - DECIDED_SHOWN)
        set_aside = tx.views.set_aside(chc_id)
        patients = tx.directory.patients(chc_id)
        staff = people(tx)
        named = {row.patient_id for row in rows} | {one.patient_id for one in decided}
        for patient_id in sorted(one for one in named if one is not None):
            visit.looked_at(tx, patient_id, "held-seen")
        homes = _homes(tx, visit, rows)
    more, rows = len(rows) > WAITING_MAX, rows[:WAITING_MAX]
    return visit.page(
        "held.html",
        status,
        held=sorted((row for row in rows if row.fate == "held"), key=_urgency),
        quarantined=[row for row in rows if row.fate == "quarantined"],
        more=more,
        waiting_max=WAITING_MAX,
        decided=decided,
        set_aside=set_aside,
        by_id={patient.id: patient for patient in patients},
        people=staff,
        homes=homes,
        wrong=wrong or {},
        given=given,
    )
