"""The gateways of a CHC: who is silent, whose clock is wrong, whose certificate ends. No values."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from contract.profiles import model_of
from server.domain.instants import MINUTE
from server.ports.views import FleetRow
from server.services.gateway_state import BATTERY_LOW, DISK_LEAST, GATEWAY_SILENT_AFTER
from server.services.polling import CERTIFICATE_NEAR_END
from server.web.catalogues import N_
from server.web.visit import Here, Visit

router = APIRouter()
# A heartbeat is on its way for a second or two; a clock so far off is wrong.
CLOCK_FAR: Final = MINUTE
_ORDER: Final = ("silent", "offline", "never", "online", "revoked")
STATES: Final = {
    "revoked": N_("revoked"),
    "never": N_("never seen"),
    "silent": N_("silent"),
    "offline": N_("offline"),
    "online": N_("online"),
}


@router.get("/fleet")
def show(visit: Here) -> Response:
    """Show the page."""
    return fleet_page(visit)


def fleet_page(visit: Visit, status: int = 200, wrong: Mapping[str, str] | None = None) -> Response:
    """Make the page; ``wrong`` is what is wrong in its form."""
    with visit.site.store.read() as tx:
        gateways = tx.views.fleet(visit.user.chc_id)
        devices = tx.views.devices(visit.user.chc_id)
    states = {row.id: state_of(row, visit.now) for row in gateways}
    return visit.page(
        "fleet.html",
        status,
        wrong=wrong or {},
        gateways=sorted(gateways, key=lambda row: _ORDER.index(states[row.id])),
        devices=devices,
        model_of=model_of,
        counts={state: list(states.values()).count(state) for state in _ORDER},
        battery_low=BATTERY_LOW,
        clock_far=CLOCK_FAR,
        disk_least=DISK_LEAST,
        states=states,
        state_texts=STATES,
        near_end=visit.now + CERTIFICATE_NEAR_END,
    )


def state_of(row: FleetRow, now: int) -> str:
    """Return the one word that says how a gateway is."""
    if row.revoked_at is not None:
        return "revoked"
    if row.last_seen_at is None:
        return "never"
    if row.offline_since is not None:
        return "offline"
    return "silent" if now - row.last_seen_at > GATEWAY_SILENT_AFTER else "online"
