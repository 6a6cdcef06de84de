"""The CHC's patients on one line each: measured when, watched or not, open alerts."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, Code
from server.ports.directory import Patient, PlanRow
from server.web.visit import Here, Visit
from server.web.wording import row_at

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """One patient. ``unwatched`` are the codes that are received and that nobody watches (H8)."""

    patient: Patient
    last_at: int | None
    alerts: int
    watched: list[Code]
    unwatched: list[Code]
    draft: bool


@router.get("/patients")
def show(visit: Here) -> Response:
    """Show all patients."""
    return _page(visit, "")


@router.post("/patients")
def find(visit: Here) -> Response:
    """Show whose name or reference has a part; a form, so that no address holds a name."""
    return _page(visit, visit.form.get("q", "").strip())


def _page(visit: Visit, asked: str) -> Response:
    chc_id = visit.user.chc_id
    with visit.site.store.read() as tx:
        patients = tx.directory.patients(chc_id)
        latest = tx.views.latest(chc_id)
        plans = tx.views.plans_of(chc_id, alerted=False)
        charted = tx.views.charted(chc_id)
        rows = tx.views.worklist(chc_id, technical=False)
    alerts = Counter(row.alert.patient_id for row in rows)
    lines = [
        _line(one, latest.get(one.id), alerts[one.id], plans.get(one.id, []),
              charted.get(one.id, set()), visit.now)
        for one in matching(patients, asked)
    ]  # fmt: skip
    lines.sort(key=lambda line: (line.patient.family_name, line.patient.given_name))
    return visit.page("patients.html", lines=lines, asked=asked, total=len(patients))


def matching(patients: Sequence[Patient], asked: str) -> list[Patient]:
    """Return whose name or reference has every asked word as a part, in any order, accents aside.

    Nothing asked is everybody.
    """
    words = _plain(asked).split()
    return [
        one
        for one in patients
        if all(
            word in _plain(f"{one.family_name} {one.given_name} {one.reference}") for word in words
        )
    ]


def _plain(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in split if not unicodedata.combining(letter))


def _line(
    patient: Patient,
    last_at: int | None,
    alerts: int,
    plans: list[PlanRow],
    charted: set[int],
    now: int,
) -> Line:
    row = row_at(plans, now)
    watched: set[Code] = set()
    if row:
        watched = {one.code for one in (*row.plan.thresholds, *row.plan.rules)}
        watched |= {Code.WEIGHT} if row.plan.gains else set()
    received = {BY_NUMBER[number] for number in charted}
    draft = any(one.version and one.confirmed_by is None for one in plans)
    return Line(
        patient, last_at, alerts, _sorted(watched), _sorted(received - watched), draft and not row
    )


def _sorted(codes: set[Code]) -> list[Code]:
    return [code for code in BY_NUMBER if code in codes]
