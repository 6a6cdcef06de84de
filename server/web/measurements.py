"""A patient's values as data: the charts that the page's script draws, and a file."""

import csv
import io
from collections.abc import Iterator
from typing import Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, DEFINITIONS, Code
from server.engine.rules import COMPARATOR
from server.ports.charts import LATE_AFTER
from server.ports.views import ObservationView
from server.web import charts, texts
from server.web.catalogues import N_
from server.web.course import events_of
from server.web.patient import NUMBERS, find, period_of
from server.web.visit import Here, Id, people
from server.web.wording import Wording

router = APIRouter()
# Spreadsheets take a file for UTF-8 by its first character, and cut it as their language does.
_BOM: Final = "\ufeff"
_FATES: Final = {
    "stored": N_("this patient's"),
    "held": N_("held: not confirmed to be this patient's"),
}
_QUALITIES: Final = {
    "trusted": N_("the device's own"),
    "received": N_("when it arrived"),
    "unsure": N_("not sure"),
}
_ORIGINS: Final = {
    "device": N_("at once"),
    "device-memory": N_("from the device's memory"),
    "person": N_("entered by a person"),
}
_HEADS: Final = (
    N_("measured at"), N_("received at"), N_("offset from UTC"), N_("what"), N_("value"),
    N_("unit"), N_("state"), N_("time is"), N_("marks"), N_("device"), N_("flags"), N_("origin"),
)  # fmt: skip


@router.get("/patients/{patient_id}/charts")
def drawn(visit: Here, patient_id: Id) -> Response:
    """Return every vital's chart of the period, all on its one time axis."""
    until = visit.now
    since = until - charts.PERIODS[period_of(visit)]
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "chart-seen", f"{period_of(visit)} days")
        series = tx.charts.read_codes(patient_id, NUMBERS, since, until + 1)
        plans, alerts = tx.directory.plans(patient_id), tx.views.alerts_of(patient_id)
        w = visit.words(patient.zone_name)
        events = events_of(tx, w, patient_id, (plans, alerts, people(tx)), since)
    answer = {
        **charts.shared(w, (since, until)),
        "events": [one.as_json() for one in reversed(events) if one.kind != "alert"],
        "charts": {
            code: charts.chart(w, code, series[number], plans, alerts, (since, until))
            for number, code in enumerate(BY_NUMBER)
            if number in series
        },
    }
    return Response(msgspec.json.encode(answer), media_type="application/json")


@router.get("/patients/{patient_id}/measurements.csv")
def table(visit: Here, patient_id: Id) -> Response:
    """Return the period's values as a file; taking it is on the record."""
    since = visit.now - charts.PERIODS[period_of(visit)]
    with visit.site.store.write() as tx:
        patient = find(tx, visit, patient_id)
        visit.looked_at(tx, patient_id, "patient-exported", f"{period_of(visit)} days")
        found = tx.views.observations(patient_id, since)
    w = visit.words(patient.zone_name)
    text = io.StringIO(_BOM)
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text, delimiter=";" if w.decimal_sign == "," else ",")
    writer.writerow([w.text(head) for head in _HEADS])
    writer.writerows(_row(w, one) for one in found)
    name = f"attachment; filename=measurements-{patient_id}.csv"
    return Response(text.getvalue(), media_type="text/csv", headers={"Content-Disposition": name})


def _row(w: Wording, one: ObservationView) -> Iterator[str]:
    code = BY_NUMBER[one.code]
    measured, received = w.exact(one.measured_at), w.exact(one.received_at)
    # A spreadsheet takes it for a day and a time without the offset only.
    yield from (measured[:19].replace("T", " "), received[:19].replace("T", " "), measured[19:])
    yield from (w.code(code), _value(w, code, one.value), w.unit(code))
    yield from (w.text(_FATES[one.fate]), w.text(_QUALITIES[one.quality]))
    late = [w.text(texts.MARKS["late"])] if one.stored_at > one.measured_at + LATE_AFTER else []
    why = [w.text(texts.CLOCK_MARKS.get(one.mark, one.mark))] if one.mark else []
    yield ", ".join([*late, *why])
    yield from (one.device or "", w.flags(one.flags), w.text(_ORIGINS[one.origin]))


def _value(w: Wording, code: Code, value: int) -> str:
    if abs(value) == COMPARATOR:
        return "HI" if value > 0 else "LO"
    return f"{(value * DEFINITIONS[code].step).normalize():f}".replace(".", w.decimal_sign)
