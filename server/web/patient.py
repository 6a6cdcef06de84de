"""One patient: who it is, what is watched, and a year of values in one look."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, DEFINITIONS, Code
from server.domain.instants import DAY, MINUTE
from server.domain.roles import Action
from server.engine.early_warning import INPUTS
from server.errors import NotFound
from server.ports.assignments import OwnDevice
from server.ports.charts import MARK_FLAGGED, POINT
from server.ports.directory import Patient, PlanRow
from server.ports.store import Transaction
from server.services import summaries
from server.services.duty import uncovered_of
from server.services.equipment import lacking
from server.web import adherence, charts
from server.web.adherence import strips
from server.web.course import SIGNS, events_of
from server.web.limits import INNER, OUTER, Points, level, levels, limits_of
from server.web.proposal import decision
from server.web.shown import shown
from server.web.visit import Here, Id, Visit, people
from server.web.watching import not_watching
from server.web.wording import Wording, row_at
from server.web.worklist import urgency

router = APIRouter()
DEFAULT_PERIOD: Final = "30"
TABLE_ROWS_MAX: Final = 200
EVENTS_MAX: Final = 60
NUMBERS: Final = [DEFINITIONS[code].number for code in BY_NUMBER]
# Looks within so long are one visit: what was new when it began stays marked.
A_VISIT: Final = 30 * MINUTE
_YEAR: Final = 365 * DAY
# So long after a device was taken away its patient's page still says so.
DEVICE_SHOWN: Final = 90 * DAY
_INPUTS: Final = {name: code for code, name in reversed(INPUTS.items())}
_NONE: Final = np.empty(0, POINT)


@dataclass(frozen=True, slots=True)
class Newest:
    """A vital's newest value; ``level`` says how it lies to the limits in force now."""

    at: int
    value: int
    mark: str
    level: str


@dataclass(frozen=True, slots=True)
class Vital:
    """One code of a patient: its newest value, its table, and whether anybody watches it.

    ``fresh`` counts the values since the reader's last visit; ``levels`` are those of ``points``
    (see ``limits.levels``).
    """

    code: Code
    newest: Newest | None
    points: Points
    levels: list[int]
    total: int
    fresh: int
    watched: bool


@router.get("/patients/{patient_id}")
def show(visit: Here, patient_id: Id) -> Response:
    """Show the page; every look is on the record."""
    return page(visit, patient_id)


def page(
    visit: Visit, patient_id: int, status: int = 200, wrong: dict[str, str] | None = None
) -> Response:
    """Make the page, with what was wrong in a form of it."""
    days = period_of(visit)
    since = visit.now - charts.PERIODS[days]
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        looked_at = tx.looks.before(visit.user.name, patient_id, visit.now - A_VISIT)
        visit.looked_at(tx, patient_id, "patient-seen", f"{days} days")
        w = visit.words(patient.zone_name)
        content = _content(tx, visit, w, patient, since, looked_at)
        content["shown"] = shown(tx, visit.user, patient_id, None, visit.now)
    plans: list[PlanRow] = content["plans"]
    drafts = [row for row in plans if row.is_draft]
    decides = bool(drafts) and visit.may(Action.CONFIRM_PLAN)
    return visit.page(
        "patient.html",
        status,
        wrong=wrong or {},
        patient=patient,
        w=w,
        plan=row_at(plans, visit.now),
        drafts=drafts,
        decision=decision(visit, patient, plans, drafts[-1]) if decides else None,
        by_default=[one for row in plans if not row.version for one in row.plan.expected],
        looked_at=looked_at,
        since=since,
        days=days,
        periods=charts.PERIODS,
        table_rows_max=TABLE_ROWS_MAX,
        events_max=EVENTS_MAX,
        INNER=INNER,
        OUTER=OUTER,
        mark_of=charts.mark_of,
        mark_text=charts.mark_text,
        signs=SIGNS,
        adherence=adherence,
        Code=Code,
        inputs=_INPUTS,
        **content,
    )


def _content(
    tx: Transaction, visit: Visit, w: Wording, patient: Patient, since: int, looked_at: int | None
) -> dict[str, Any]:
    plans, alerts = tx.directory.plans(patient.id), tx.views.alerts_of(patient.id)
    staff = people(tx)
    year = tx.charts.read_codes(patient.id, NUMBERS, visit.now - _YEAR, visit.now + 1)
    vitals = _vitals(w, year, plans, since, looked_at)
    flagged = {
        int(point["at"])
        for one in vitals
        for point in one.points
        if int(point["marks"]) & MARK_FLAGGED
    }
    current = row_at(plans, visit.now)
    own = tx.assignments.of_patient(patient.id, visit.now - DEVICE_SHOWN)
    month = visit.now - (adherence.DAYS + 1) * DAY
    absences = tx.views.absences(patient.id, min(since, month))
    return {
        "plans": plans,
        "alerts": sorted((one for one in alerts if one.closed_at is None), key=urgency),
        "closed": [one for one in alerts if one.closed_at is not None][:10],
        "vitals": vitals,
        "flags": tx.courses.flags(patient.id, flagged),
        "events": events_of(
            tx, w, patient.id, (plans, alerts, staff), min(since, looked_at or since)
        ),
        "pressure": summaries.home_pressure(year, patient.zone_name, visit.now),
        "glucose": summaries.glucose(year, since),
        "warned": summaries.warning(year, current.plan if current else None),
        "absences": [one for one in absences if one.due_at >= since][:60],
        "strips": strips(current.plan, year, absences, patient.zone_name, visit.now)
        if current
        else [],
        "repeats": tx.views.repeats(patient.id, since)[:20],
        "unjudged": tx.views.unjudged_of(patient.id),
        "people": staff,
        "calls": tx.calls.unanswered(patient.chc_id),
        "faults": not_watching(visit, tx),
        "away": tx.alerts.away(patient.id, visit.now),
        "devices": own,
        "lacking": lacking(_names(own, visit.now), current.plan if current else None),
        "nobody_covers": uncovered_of(tx.directory.chc_by_id(patient.chc_id)),
    }


def _names(own: Sequence[OwnDevice], at: int) -> list[str]:
    """Return the profiles of what a patient has at that time."""
    return [one.device.profile for one in own if one.tenure.from_at <= at < one.tenure.end]


def find(tx: Transaction, visit: Visit, patient_id: int) -> Patient:
    """Return a patient of the reader's CHC. Raises ``NotFound`` for any other."""
    patient = tx.directory.patient(patient_id)
    if patient is None or patient.chc_id != visit.user.chc_id:
        raise NotFound(f"patient {patient_id}")
    return patient


def period_of(visit: Visit) -> str:
    """Return the period that an address names: one of ``charts.PERIODS``."""
    days = visit.query.get("days", "")
    return days if days in charts.PERIODS else DEFAULT_PERIOD


def _vitals(
    w: Wording,
    series: summaries.Series,
    plans: Sequence[PlanRow],
    since: int,
    looked_at: int | None,
) -> list[Vital]:
    row = row_at(plans, w.now)
    found = []
    for number, code in enumerate(BY_NUMBER):
        year = series.get(number)
        limits = limits_of(row.plan, code) if row else {}
        over_days = w.watched(row.plan, code) if row else []
        if year is None and not limits and not over_days:
            continue
        points = year[year["at"] >= since] if year is not None else _NONE
        shown = points[::-1][:TABLE_ROWS_MAX]
        fresh = _fresh(year, looked_at)
        found.append(
            Vital(
                code,
                _newest(year, code, limits),
                shown,
                levels(code, shown, plans).tolist(),
                len(points),
                fresh,
                bool(limits or over_days),
            )
        )
    return found


def _fresh(year: Points | None, looked_at: int | None) -> int:
    if year is None or looked_at is None:
        return 0
    return int((year["at"] > looked_at).sum())


def _newest(points: Points | None, code: Code, limits: dict[str, Decimal]) -> Newest | None:
    if points is None:
        return None
    last = points[-1]
    value = int(last["value"])
    return Newest(int(last["at"]), value, charts.mark_of(last), level(code, value, limits))
