"""One gateway: what it says of itself, and taking its access, with another in its place or none."""

from typing import Annotated, Final

from fastapi import APIRouter, Path
from fastapi.responses import Response

from contract.topics import GATEWAY_ID
from server.domain.instants import DAY
from server.errors import BrokerUnavailable, WrongInput
from server.services import enrolling, fleet
from server.services.gateway_state import DISK_LEAST
from server.services.polling import CERTIFICATE_NEAR_END
from server.web.catalogues import N_
from server.web.fleet import CLOCK_FAR, STATES, state_of
from server.web.visit import Here, Visit

router = APIRouter()
Gateway = Annotated[str, Path(pattern=f"^{GATEWAY_ID}$")]
# Whose measurements came through it in that time are said to be its homes.
HOMES_WITHIN: Final = 90 * DAY
NOTHING: Final = "-"
_WRONG: Final = {
    "reason": N_("Say why, in 250 characters at most: it is kept."),
    "successor": N_("Choose a gateway that has access."),
}


@router.get("/fleet/{gateway}")
def show(visit: Here, gateway: Gateway) -> Response:
    """Show the gateway, and the form that takes its access."""
    return _page(visit, gateway)


@router.post("/fleet/{gateway}/revoke")
def revoke(visit: Here, gateway: Gateway) -> Response:
    """Ask once more, then take the gateway's access at once."""
    chosen, reason = visit.form.get("successor", ""), visit.form.get("reason", "").strip()
    try:
        with visit.site.store.write() as tx:
            successor = None if chosen == NOTHING else chosen
            fleet.check(tx, visit.user, gateway, successor, reason)
            if visit.form.get("sure") == "yes":
                fleet.take_away(tx, visit.user, gateway, successor, reason, visit.now)
    except WrongInput as error:
        key = str(error).partition(":")[0]
        return _page(visit, gateway, 422, {key: _WRONG[key]})
    if visit.form.get("sure") != "yes":
        return _page(visit, gateway, asked=True)
    visit.site.changes.notify()
    try:
        visit.site.access.revoke(gateway)
    except BrokerUnavailable:
        return visit.see(f"/fleet/{gateway}?done=gateway-refused")
    return visit.see(f"/fleet/{gateway}?done=gateway-revoked")


@router.post("/fleet/{gateway}/let-in")
def let_in(visit: Here, gateway: Gateway) -> Response:
    """Agree that a gateway whose certificate has ended gets one again."""
    with visit.site.store.write() as tx:
        enrolling.agree(tx, visit.user, gateway, visit.now)
    visit.site.changes.notify()
    return visit.see(f"/fleet/{gateway}?done=gateway-let-in")


def _page(
    visit: Visit,
    gateway: str,
    status: int = 200,
    wrong: dict[str, str] | None = None,
    *,
    asked: bool = False,
) -> Response:
    with visit.site.store.write() as tx:  # alerts are read as they are, not as they were
        box = fleet.own_box(tx, visit.user, gateway)
        identity = tx.enrolment.identity(gateway)
        row = next(one for one in tx.views.fleet(box.chc_id) if one.id == gateway)
        homes = len(tx.fleet.homes(gateway, visit.now - HOMES_WITHIN))
        successors = tx.fleet.successors(box.chc_id, gateway)
        subject = f"gateway:{gateway}"
        alerts = [*tx.alerts.open_of([subject]).values()]
    return visit.page(
        "gateway.html",
        status,
        row=row,
        box=box,
        identity=identity,
        state=state_of(row, visit.now),
        state_texts=STATES,
        homes=homes,
        successors=successors,
        alerts=alerts,
        closes=fleet.OF_THE_BOX,
        asked=asked,
        nothing=NOTHING,
        wrong=wrong or {},
        clock_far=CLOCK_FAR,
        disk_least=DISK_LEAST,
        near_end=visit.now + CERTIFICATE_NEAR_END,
    )
