"""One's own account: where one is signed in, and signing out elsewhere."""

from ipaddress import ip_address
from typing import Annotated, Final

from fastapi import APIRouter, Path
from fastapi.responses import Response

from server.services import sessions
from server.services.accounts import token_hash
from server.web.catalogues import N_
from server.web.visit import Here

router = APIRouter()
Mark = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
# What a browser calls itself: the first word found names it (each also names its forebears).
_BROWSERS: Final = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("SamsungBrowser",
    "Samsung Internet"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS: Final = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows",
    "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
OTHER: Final = N_("another browser")


@router.get("/account")
def show(visit: Here) -> Response:
    """Show the page."""
    with visit.site.store.read() as tx:
        found = sessions.living(tx, visit.user, visit.now)
    own = token_hash(visit.token)
    return visit.page(
        "account.html",
        sessions=[(one, sessions.mark_of(one), one.token_hash == own) for one in found],
        place=place,
        browser=browser,
        other=OTHER,
    )


@router.post("/account/sessions/{mark}/end")
def end(visit: Here, mark: Mark) -> Response:
    """End one of one's own sessions; ending this one is signing out."""
    with visit.site.store.write() as tx:
        sessions.end_one(tx, visit.user, mark, visit.now)
    return visit.see("/account?done=session-ended")


@router.post("/account/sessions/end-others")
def end_others(visit: Here) -> Response:
    """End all sessions but this one."""
    with visit.site.store.write() as tx:
        sessions.end_others(tx, visit.user, token_hash(visit.token), visit.now)
    return visit.see("/account?done=session-ended")


def place(address: str) -> str:
    """Return the net that an address is of: enough to tell the CHC from elsewhere."""
    try:
        found = ip_address(address)
    except ValueError:
        return "–"
    kept = found.exploded.split("." if found.version == 4 else ":")
    return ".".join([*kept[:3], "*"]) if found.version == 4 else ":".join([*kept[:4], "*"])


def browser(agent: str) -> str:
    """Name browser and system of what a browser said of itself; nothing where it is none known."""
    names = [
        next((name for word, name in known if word in agent), "") for known in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(name for name in names if name)
