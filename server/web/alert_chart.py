"""The chart of an alert: what it rests on, in the days before it and since."""

from collections.abc import Sequence
from typing import Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from contract.codes import BY_NUMBER, Code
from server.domain.alerts import Alert
from server.domain.instants import DAY
from server.errors import NotFound
from server.ports.views import EvidenceRow
from server.services import alert_work
from server.web import charts
from server.web.course import events_of
from server.web.patient import find
from server.web.visit import Here, Id, people
from server.web.wording import code_of

router = APIRouter()
# What was usual before it began, and what came after it: a limit needs less of it than a trend.
BEFORE: Final = {True: 7 * DAY, False: 31 * DAY}
AFTER: Final = DAY


@router.get("/alerts/{alert_id}/charts")
def drawn(visit: Here, alert_id: Id) -> Response:
    """Return the charts of the values that the alert rests on; the look is on the record."""
    with visit.site.store.write() as tx:
        row = tx.views.alert(visit.user.chc_id, alert_id)
        if row is None or not alert_work.may_see(visit.user, row.alert):
            raise NotFound(f"alert {alert_id}")
        if row.alert.patient_id is None:
            raise NotFound(f"a chart of alert {alert_id}")
        patient = find(tx, visit, row.alert.patient_id)
        visit.looked_at(tx, patient.id, "chart-seen", f"alert {alert_id}")
        codes = codes_of(row.alert, tx.views.evidence(alert_id))
        since, until = window(row.alert, visit.now)
        numbers = [BY_NUMBER.index(code) for code in codes]
        series = tx.charts.read_codes(patient.id, numbers, since, until + 1)
        plans, alerts = tx.directory.plans(patient.id), tx.views.alerts_of(patient.id)
        w = visit.words(patient.zone_name)
        events = events_of(tx, w, patient.id, (plans, alerts, people(tx)), since)
    answer = {
        **charts.shared(w, (since, until)),
        "events": [
            one.as_json() for one in reversed(events) if one.kind != "alert" and one.at <= until
        ],
        "charts": {
            code: charts.chart(w, code, series[number], plans, alerts, (since, until))
            for code, number in zip(codes, numbers, strict=True)
            if number in series
        },
    }
    return Response(msgspec.json.encode(answer), media_type="application/json")


def codes_of(alert: Alert, evidence: Sequence[EvidenceRow]) -> list[Code]:
    """Return what a clinical alert rests on: its rule's own code first, then its evidence's."""
    if alert.patient_id is None:
        return []
    own = code_of(alert.rule)
    found = [BY_NUMBER[one.code] for one in evidence]
    return list(dict.fromkeys([own, *found] if own is not None else found))


def window(alert: Alert, now: int) -> tuple[int, int]:
    """Return the time that is shown: at most a year, and the newest values where it is open."""
    is_limit = alert.rule.endswith(("-inner", "-outer"))
    until = now if alert.closed_at is None else min(now, alert.newest_at + AFTER)
    since = min(alert.began_at, alert.newest_at) - BEFORE[is_limit]
    return max(since, until - charts.PERIODS["365"]), until
