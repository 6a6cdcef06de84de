"""The CHC's patients on one line each, who needs somebody first; and the plans that wait for a
doctor.

First come open high alerts, then other alerts, then who has not measured for longest.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, Code
from server.domain.instants import DAY
from server.domain.priorities import Priority
from server.domain.timeline import FOREVER
from server.ports.directory import Patient, PlanRow
from server.web.visit import Here, Visit, people
from server.web.wording import row_at

router = APIRouter()
PLAN_ENDS_SOON: Final = 14 * DAY


@dataclass(frozen=True, slots=True)
class Line:
    """One patient. ``unwatched`` are the codes that are received and that nobody watches (H8)."""

    patient: Patient
    last_at: int | None
    alerts: int
    high: int
    watched: list[Code]
    unwatched: list[Code]
    draft: PlanRow | None
    current: PlanRow | None
    away_until: int | None

    def need(self) -> tuple[object, ...]:
        """Return what orders the lines: the smallest first."""
        # Who is away, and whom nobody watches, is not missed.
        expected = self.away_until is None and bool(self.watched)
        since = (self.last_at or 0) if expected else FOREVER
        name = self.patient.family_name, self.patient.given_name
        return -self.high, -self.alerts, since // DAY, *name


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
        aways = tx.views.aways(chc_id, visit.now)
        staff = people(tx)
    alerts = Counter(row.alert.patient_id for row in rows)
    high = Counter(row.alert.patient_id for row in rows if row.alert.priority is Priority.HIGH)
    lines = [
        _line(
            one,
            latest.get(one.id),
            (alerts[one.id], high[one.id]),
            plans.get(one.id, []),
            charted.get(one.id, set()),
            aways.get(one.id),
            visit.now,
        )
        for one in matching(patients, asked)
    ]
    lines.sort(key=Line.need)
    return visit.page(
        "patients.html",
        lines=lines,
        asked=asked,
        total=len(patients),
        waiting=[line for line in lines if line.draft is not None],
        people=staff,
        ends_soon=visit.now + PLAN_ENDS_SOON,
        long_ago=visit.now - DAY,
    )


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
    alerts: tuple[int, int],
    plans: list[PlanRow],
    charted: set[int],
    away_until: int | None,
    now: int,
) -> Line:
    row = row_at(plans, now)
    watched: set[Code] = set()
    if row:
        watched = {one.code for one in (*row.plan.thresholds, *row.plan.rules)}
        watched |= {Code.WEIGHT} if row.plan.gains else set()
    received = {BY_NUMBER[number] for number in charted}
    confirmed = max((one.version for one in plans if one.confirmed_by is not None), default=0)
    drafts = (one for one in plans if one.version > confirmed and one.is_draft)
    draft = max(drafts, key=lambda one: one.version, default=None)
    sides = _sorted(watched), _sorted(received - watched)
    return Line(patient, last_at, *alerts, *sides, draft, row, away_until)


def _sorted(codes: set[Code]) -> list[Code]:
    return [code for code in BY_NUMBER if code in codes]
