"""One patient: who it is, what is watched, and a year of values in one look."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from contract.codes import BY_NUMBER, DEFINITIONS, Code
from server.domain.instants import DAY
from server.domain.plans import Plan
from server.engine.rules import COMPARATOR
from server.errors import NotFound
from server.ports.directory import Patient, PlanRow
from server.ports.store import Transaction
from server.services.duty import uncovered_of
from server.web import charts
from server.web.catalogues import N_
from server.web.visit import Here, Id, Visit, people
from server.web.watching import not_watching
from server.web.wording import Wording, row_at
from server.web.worklist import urgency

router = APIRouter()
DEFAULT_PERIOD: Final = "30"
TABLE_ROWS_MAX: Final = 200
_YEAR: Final = 365 * DAY


@dataclass(frozen=True, slots=True)
class Newest:
    """A vital's newest value; ``level`` says how it lies to the limits in force now."""

    at: int
    value: int
    mark: str
    level: str


@dataclass(frozen=True, slots=True)
class Vital:
    """One code of a patient: its newest value, its table, and whether anybody watches it."""

    code: Code
    newest: Newest | None
    points: charts.Points
    total: int
    limits: list[str]
    watched: bool


@router.get("/patients/{patient_id}")
def show(visit: Here, patient_id: Id) -> Response:
    """Show the page; every look is on the record."""
    return page(visit, patient_id)


def page(
    visit: Visit, patient_id: int, status: int = 200, wrong: dict[str, str] | None = None
) -> Response:
    """Make the page, with what was wrong in a form of it."""
    days = _period(visit)
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "patient-seen", f"{days} days")
        w = visit.words(patient.zone_name)
        plans = tx.directory.plans(patient_id)
        alerts = tx.views.alerts_of(patient_id)
        content: dict[str, Any] = {
            "vitals": _vitals(tx, w, patient_id, plans, visit.now - charts.PERIODS[days]),
            "absences": tx.views.absences(patient_id, visit.now - charts.PERIODS[days])[:60],
            "repeats": tx.views.repeats(patient_id, visit.now - charts.PERIODS[days])[:20],
            "unjudged": tx.views.unjudged_of(patient_id),
            "people": people(tx),
            "faults": not_watching(visit, tx),
            "away": tx.alerts.away(patient_id, visit.now),
            "nobody_covers": uncovered_of(tx.directory.chc_by_id(patient.chc_id)),
        }
    return visit.page(
        "patient.html",
        status,
        wrong=wrong or {},
        patient=patient,
        w=w,
        plans=plans,
        plan=row_at(plans, visit.now),
        drafts=[row for row in plans if row.is_draft],
        by_default=[one for row in plans if not row.version for one in row.plan.expected],
        alerts=sorted((one for one in alerts if one.closed_at is None), key=urgency),
        closed=[one for one in alerts if one.closed_at is not None][:10],
        days=days,
        periods=charts.PERIODS,
        table_rows_max=TABLE_ROWS_MAX,
        mark_of=charts.mark_of,
        mark_text=charts.mark_text,
        **content,
    )


@router.get("/patients/{patient_id}/chart/{code}")
def chart(visit: Here, patient_id: Id, code: Code) -> Response:
    """Return one vital's chart as data; the page that asks for it has put the look on record."""
    until = visit.now
    since = until - charts.PERIODS[_period(visit)]
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "chart-seen", code)
        points = tx.charts.read(patient_id, DEFINITIONS[code].number, since, until)
        plans = tx.directory.plans(patient_id)
        alerts = tx.views.alerts_of(patient_id)
    w = visit.words(patient.zone_name)
    return JSONResponse(charts.chart(w, code, points, plans, alerts, (since, until)))


@router.get("/patients/{patient_id}/measurements.csv")
def table(visit: Here, patient_id: Id) -> Response:
    """Return the period's values as a file; taking it is on the record."""
    since = visit.now - charts.PERIODS[_period(visit)]
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "patient-exported")
        found = tx.views.observations(patient_id, since)
    w = visit.words(patient.zone_name)
    text = io.StringIO()
    writer = csv.writer(text)
    heads = (
        N_("measured at"), N_("received at"), N_("what"), N_("value"), N_("unit"), N_("state"),
        N_("time is"), N_("device"), N_("flags"), N_("origin"),
    )  # fmt: skip
    writer.writerow([w.text(head) for head in heads])
    for one in found:
        code = BY_NUMBER[one.code]
        writer.writerow(
            [
                w.exact(one.measured_at),
                w.exact(one.received_at),
                code,
                _plain(code, one.value),
                DEFINITIONS[code].unit,
                one.fate,
                one.quality,
                one.device or "",
                " ".join(one.flags),
                one.origin,
            ]
        )
    name = f"attachment; filename=measurements-{patient_id}.csv"
    return Response(text.getvalue(), media_type="text/csv", headers={"Content-Disposition": name})


def find(tx: Transaction, visit: Visit, patient_id: int) -> Patient:
    """Return a patient of the reader's CHC. Raises ``NotFound`` for any other."""
    patient = tx.directory.patient(patient_id)
    if patient is None or patient.chc_id != visit.user.chc_id:
        raise NotFound(f"patient {patient_id}")
    return patient


def _period(visit: Visit) -> str:
    days = visit.query.get("days", "")
    return days if days in charts.PERIODS else DEFAULT_PERIOD


def _vitals(
    tx: Transaction, w: Wording, patient_id: int, plans: Sequence[PlanRow], since: int
) -> list[Vital]:
    row = row_at(plans, w.now)
    found = []
    for code in BY_NUMBER:
        number = DEFINITIONS[code].number
        year = tx.charts.read(patient_id, number, w.now - _YEAR, w.now)
        limits = charts.limits_of(row, code) if row else {}
        over_days = w.watched(row.plan, code) if row else []
        again = _measured_again(w, row.plan, code) if row else []
        if not len(year) and not limits and not over_days:
            continue
        points = year[year["at"] >= since]
        said = [f"{w.side(code, side, limit)} {w.unit(code)}" for side, limit in limits.items()]
        found.append(
            Vital(
                code,
                _newest(year, code, limits),
                points[::-1][:TABLE_ROWS_MAX],
                len(points),
                [*said, *again, *over_days],
                bool(limits or over_days),
            )
        )
    return found


def _measured_again(w: Wording, plan: Plan, code: Code) -> list[str]:
    said = N_("before an inner alert the home may be asked to measure again, up to %(minutes)s min")
    return [
        w.text(said, minutes=threshold.measure_again)
        for threshold in plan.thresholds
        if threshold.code == code and threshold.measure_again is not None
    ]


def _newest(points: charts.Points, code: Code, limits: dict[str, Decimal]) -> Newest | None:
    if not len(points):
        return None
    last = points[-1]
    value = int(last["value"])
    return Newest(int(last["at"]), value, charts.mark_of(last), charts.level(code, value, limits))


def _plain(code: Code, value: int) -> str:
    if abs(value) == COMPARATOR:
        return "HI" if value > 0 else "LO"
    return f"{value * DEFINITIONS[code].step:f}"
