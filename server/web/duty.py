"""Coming on duty, going off, and what one leaves behind: seen before it is left (hazard H4)."""

from fastapi import APIRouter
from fastapi.responses import Response

from server.errors import IllegalTransition, WrongInput
from server.services import alert_work, shifts
from server.services.duty import hours_of, recipient_hours_of, uncovered_of
from server.web.catalogues import N_
from server.web.visit import Here, Visit, own_path, people

router = APIRouter()


@router.get("/duty")
def show(visit: Here) -> Response:
    """Show who reads when, and what one owns oneself."""
    return _page(visit)


@router.post("/duty/on")
def come_on(visit: Here) -> Response:
    """Come on duty, or stay on, and go back to the page."""
    with visit.site.store.write() as tx:
        shifts.come_on(tx, visit.user, visit.now)
    visit.site.changes.notify()
    back = visit.form.get("next", "")
    return visit.see(back if own_path(back) else "/duty")


@router.post("/duty/off")
def go_off(visit: Here) -> Response:
    """Go off duty; who owns alerts, or is the last to read, sees first what that leaves."""
    to, leave = visit.form.get("to", ""), "leave" in visit.form
    try:
        with visit.site.store.write() as tx:
            if to:
                alert_work.hand_over_all(tx, visit.user, to, visit.now)
            elif not leave and (visit.reads_last or tx.alerts.owned_by(visit.user.name)):
                return visit.see("/duty")
            shifts.go_off(tx, visit.user, visit.now)
    except WrongInput:
        return _page(visit, 422, wrong={"to": N_("Choose a colleague who is on duty.")})
    except IllegalTransition:
        return _page(visit, 409, agreed=True)
    visit.site.changes.notify()
    return visit.see("/duty?done=off-duty")


def _page(
    visit: Visit, status: int = 200, *, wrong: dict[str, str] | None = None, agreed: bool = False
) -> Response:
    assert visit.chc is not None  # noqa: S101 - whoever works alerts has a CHC
    with visit.site.store.read() as tx:
        names = people(tx)
        own = tx.views.owned_by(visit.user.name)
        plans = tx.views.plans_of(visit.user.chc_id, alerted=True)
        calls = tx.calls.unanswered(visit.user.chc_id)
    agreed_hours = recipient_hours_of(visit.chc)
    return visit.page(
        "duty.html",
        status,
        people=names,
        own=own,
        calls=calls,
        plans=plans,
        hours=list(hours_of(visit.chc).spans),
        recipient_hours=list(agreed_hours.spans) if agreed_hours else [],
        nobody_covers=uncovered_of(visit.chc),
        wrong=wrong or {},
        agreed=agreed,
    )
