"""Devices and whose they are: to find one, and to change who had it from when until when.

A change takes two steps. The first form says what is to be; the second page shows what would move,
and its button does exactly that, or shows anew what has changed meanwhile (hazard H14).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import Code
from contract.profiles import model_of
from server.domain.assignments import Tenure
from server.errors import IllegalTransition, WrongInput
from server.ports.assignments import Device
from server.ports.corrections import Correction
from server.ports.directory import Patient
from server.ports.store import Transaction
from server.ports.views import WaitingRow
from server.services import correcting
from server.services.equipment import lacking
from server.services.previewing import Preview, TooMuch, preview
from server.web.assignment_form import Asked, Choice, read
from server.web.catalogues import N_
from server.web.patients import matching
from server.web.visit import Here, Id, Visit, people
from server.web.wording import row_at

router = APIRouter()
LINES_MAX: Final = 25
CHANGES_MAX: Final = 20
CHOICES_MAX: Final = 20
_WRONG: Final = {
    "reason": N_("Say why, in 250 characters at most: it is kept with the change."),
    "until": N_("It must end after it begins."),
    "from": N_("Nothing would change, or it lies in the future."),
}
_TOO_MUCH: Final = N_("Too many measurements lie in that time: choose a shorter one.")


class Line(NamedTuple):
    """A device with who has it now and how many had it before."""

    device: Device
    model: str
    now: list[Tenure]
    before: int


@router.get("/assignments")
def show(visit: Here) -> Response:
    """Show all devices."""
    return _list(visit, "")


@router.post("/assignments")
def find(visit: Here) -> Response:
    """Show the devices of whom a part of the name is asked for, or of a model or address."""
    return _list(visit, visit.form.get("q", "").strip())


@router.get("/assignments/{device_id}")
def device_page(visit: Here, device_id: Id) -> Response:
    """Show who has had a device, and the forms that begin a change."""
    return _device(visit, device_id)


@router.post("/assignments/{device_id}/look")
def look(visit: Here, device_id: Id) -> Response:
    """Show what a change would move; nothing is written but the look."""
    return _look(visit, device_id)


@router.post("/assignments/{device_id}/change")
def change(visit: Here, device_id: Id) -> Response:
    """Do what the page before showed; where that is no longer so, show what is so now."""
    with visit.site.store.read() as tx:
        device, asked = _asked(tx, visit, device_id)
        shown = _shown(tx, visit, device, asked)
    if shown is None or asked.after is None:
        return _look(visit, device_id)
    if shown.fingerprint != visit.form.get("mark", ""):
        return _look(visit, device_id, 409)
    reason = visit.form.get("reason", "").strip()
    try:
        with visit.site.store.write() as tx:
            correcting.change(
                tx,
                visit.user,
                device,
                asked.before,
                asked.after,
                reason=reason,
                decided_too=asked.decided_too,
                now=visit.now,
            )
    except IllegalTransition:
        return _look(visit, device_id, 409)
    except WrongInput as error:
        return _look(visit, device_id, 422, {(key := str(error).partition(":")[0]): _WRONG[key]})
    visit.site.changes.notify()
    return visit.see(f"/assignments/{device_id}?done=assignment-changed")


def _look(
    visit: Visit, device_id: int, status: int = 200, wrong: dict[str, str] | None = None
) -> Response:
    chc_id = visit.user.chc_id
    with visit.site.store.read() as tx:
        device, asked = _asked(tx, visit, device_id)
        shown = _shown(tx, visit, device, asked)
        numbers = sorted(shown.alerts) if shown else []
        alerts = [row for one in numbers if (row := tx.views.alert(chc_id, one)) is not None]
        plans = tx.views.plans_of(chc_id, alerted=True)
        changes, staff = tx.corrections.of_device(device_id, 1), people(tx)
        known = {one.id: one for one in tx.directory.patients(chc_id)}
        left = _left_without(tx, device, asked, visit.now)
    if asked.wrong:
        return _device(visit, device_id, 422, asked)
    if shown is None or asked.after is None:
        return _choose(visit, device, asked)
    _note_looks(visit, shown.patients | {one.patient_id for one in asked.after})
    return visit.page(
        "assignment_look.html",
        status,
        device=device,
        asked=asked,
        shown=shown,
        alerts=alerts,
        plans=plans,
        by_id=known,
        stale=status == 409,
        running=_running(changes),
        newest=changes[0] if changes else None,
        left=left,
        people=staff,
        wrong=wrong or {},
    )


def _left_without(tx: Transaction, device: Device, asked: Asked, now: int) -> dict[int, list[Code]]:
    """Return what is still expected every day of whom the device is taken from, by patient, and
    could not be measured with what they have beside it."""
    gone = _holders(asked.before, now) - _holders(asked.after or [], now)
    found = {}
    for patient_id in sorted(gone):
        own = tx.assignments.of_patient(patient_id, now)
        names = [one.device.profile for one in own if one.device.id != device.id]
        row = row_at(tx.directory.plans(patient_id), now)
        if missed := lacking(names, row.plan if row else None):
            found[patient_id] = missed
    return found


def _holds(row: WaitingRow, device: Device) -> bool:
    return row.fate == "held" and row.device == device.address


def _holders(tenures: Sequence[Tenure], at: int) -> set[int]:
    return {one.patient_id for one in tenures if one.from_at <= at < one.end}


def _choose(visit: Visit, device: Device, asked: Asked) -> Response:
    choices = asked.found[:CHOICES_MAX]
    more = len(asked.found) - len(choices)
    return visit.page(
        "assignment_choose.html", device=device, choices=choices, more=more, asked=asked
    )


def _device(
    visit: Visit, device_id: int, status: int = 200, asked: Asked | None = None
) -> Response:
    with visit.site.store.read() as tx:
        device = correcting.own_device(tx, visit.user, device_id)
        tenures = tx.assignments.tenures(device_id)
        changes = tx.corrections.of_device(device_id, CHANGES_MAX)
        known = {one.id: one for one in tx.directory.patients(visit.user.chc_id)}
        staff = people(tx)
        held = [
            one.measured_at for one in tx.views.waiting(visit.user.chc_id) if _holds(one, device)
        ]
    _note_looks(visit, {one.patient_id for one in tenures})
    return visit.page(
        "assignment.html",
        status,
        device=device,
        tenures=tenures,
        held=held,
        changes=changes,
        running=_running(changes),
        by_id=known,
        people=staff,
        asked=asked,
        wrong=asked.wrong if asked else {},
    )


def _asked(tx: Transaction, visit: Visit, device_id: int) -> tuple[Device, Asked]:
    """Read the form against the assignments as they are now."""
    device = correcting.own_device(tx, visit.user, device_id)
    before = tx.assignments.tenures(device_id)
    choice = Choice.of(visit.form)
    patients = tx.directory.patients(visit.user.chc_id)
    exact = [one for one in patients if one.reference == choice.patient]
    found = exact or (matching(patients, choice.patient) if choice.patient else [])
    return device, read(choice, before, found, visit.zone_name, visit.now)


def _shown(tx: Transaction, visit: Visit, device: Device, asked: Asked) -> Preview | None:
    """Return what would move; where that cannot be, say why at the field. None: not asked yet."""
    if asked.after is None or asked.wrong:
        return None
    try:
        correcting.check(tx, device, asked.before, asked.after, visit.now)
        return preview(
            tx, device, asked.before, asked.after, decided_too=asked.decided_too, now=visit.now
        )
    except TooMuch:
        asked.wrong["from"] = _TOO_MUCH
    except WrongInput as error:
        key = str(error).partition(":")[0]
        asked.wrong[key] = _WRONG[key]
    return None


def _list(visit: Visit, query: str) -> Response:
    with visit.site.store.read() as tx:
        devices = tx.assignments.devices(visit.user.chc_id)
        tenures = tx.assignments.all_tenures(visit.user.chc_id)
        known = {one.id: one for one in tx.directory.patients(visit.user.chc_id)}
        running = {one.device_id for one in tx.corrections.open()}
    lines = [_line(one, tenures.get(one.id, []), visit.now) for one in devices]
    kept = [line for line in lines if _matches(line, tenures, known, query)]
    pages = max(1, -(-len(kept) // LINES_MAX))
    asked = visit.query.get("page", "")
    number = min(
        max(int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1, 1), pages
    )
    return visit.page(
        "assignments.html",
        lines=kept[(number - 1) * LINES_MAX : number * LINES_MAX],
        count=len(kept),
        total=len(lines),
        pages=pages,
        number=number,
        asked=query,
        by_id=known,
        running=running,
    )


def _line(device: Device, tenures: Sequence[Tenure], now: int) -> Line:
    current = [one for one in tenures if one.from_at <= now < one.end]
    return Line(device, model_of(device.profile), current, len(tenures) - len(current))


def _matches(
    line: Line, tenures: dict[int, list[Tenure]], known: dict[int, Patient], query: str
) -> bool:
    """Tell whether a device, or anybody who has or had it, is asked for."""
    words = query.casefold().split()
    device = line.device
    said = f"{line.model} {device.profile} {device.label} {device.address}".casefold()
    if all(word in said for word in words):
        return True
    had = [one.patient_id for one in tenures.get(device.id, [])]
    return bool(matching([known[one] for one in had if one in known], query))


def _running(changes: Sequence[Correction]) -> Correction | None:
    return next((one for one in changes if one.done_at is None), None)


def _note_looks(visit: Visit, patients: set[int]) -> None:
    with visit.site.store.write() as tx:
        for patient_id in sorted(patients):
            visit.looked_at(tx, patient_id, "assignment-seen")
