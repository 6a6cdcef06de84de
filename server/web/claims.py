"""A claim code for a new gateway, shown once."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from contract.enrolment import new_code
from server.errors import WrongInput
from server.services import enrolling
from server.web.catalogues import N_
from server.web.fleet import fleet_page
from server.web.visit import Here

router = APIRouter()
_WRONG: Final = N_("Small letters, digits and hyphens, and no name that another box has had.")


@router.post("/claims")
def make(visit: Here) -> Response:
    """Make the code and show it; the store keeps only what proves it."""
    code, gateway = new_code(), visit.form.get("gateway", "").strip()
    who = visit.user
    try:
        with visit.site.store.write() as tx:
            enrolling.make_claim(tx, gateway, who.chc_id, code, by=who.name, now=visit.now)
    except WrongInput:
        return fleet_page(visit, 422, {"gateway": _WRONG})
    visit.site.changes.notify()
    ends_at = visit.now + enrolling.CLAIM_LASTS
    command = f"sudo vicino-gateway enrol {visit.site.url} {code}"
    return visit.page("claim.html", gateway=gateway, code=code, ends_at=ends_at, command=command)
