"""Who has an alert: taken on, with the patient's others if one call answers all, or handed over."""

from fastapi import APIRouter
from fastapi.responses import Response

from server.services import alert_work
from server.web import alert as alert_page
from server.web.catalogues import N_
from server.web.close_form import beside, takeable
from server.web.visit import Here, Id

router = APIRouter()


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(visit: Here, alert_id: Id) -> Response:
    """Take the alert on; who comes second learns who was first.

    ``others``: the numbers of the patient's other alerts to take on with it, those that the page
    showed. One that a colleague has meanwhile stays theirs.
    """
    others = visit.form.get("others", "").split()
    with visit.site.store.write() as tx:
        before = alert_work.find(tx, visit.user, alert_id)
        late = before.closed_at is not None
        mine = not late and before.owner in (None, visit.user.name)
        if mine and before.owner is None:
            alert_work.acknowledge(tx, visit.user, alert_id, visit.now)
        if mine and before.patient_id is not None:
            known = beside(before, tx.views.alerts_of(before.patient_id))
            for one in takeable(visit.user, before, known):
                if str(one.id) in others:
                    alert_work.acknowledge(tx, visit.user, one.id, visit.now)
    if late:
        return alert_page.page(visit, alert_id, 409, late=True)
    if not mine:
        return alert_page.page(visit, alert_id, 409, taken=before.owner)
    return alert_page.done(visit, alert_id, "acknowledged")


@router.post("/alerts/{alert_id}/hand-over")
def hand_over(visit: Here, alert_id: Id) -> Response:
    """Give one's own alert to a colleague on duty."""
    to = visit.form.get("to", "")
    if to not in [one.name for one in visit.colleagues]:
        wrong = {"to": N_("Choose a colleague who is on duty.")}
        return alert_page.page(visit, alert_id, 422, wrong=wrong)
    return alert_page.do(
        visit,
        alert_id,
        "handed-over",
        lambda tx: alert_work.hand_over(tx, visit.user, alert_id, to, visit.now),
    )
