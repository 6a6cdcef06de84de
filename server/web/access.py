"""Who may open what: one table of every route, and the guard that reads it before any handler.

The guard finds the session, checks the role against the table and, where something is to be
changed, that the request comes from one of our own pages: same origin, and the session's token in
the form. Handlers then look only at objects of the reader's CHC; any other is not found.
"""

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from server.domain.roles import Action, Role, may
from server.errors import NotPermitted, StaleForm
from server.ports.directory import Session
from server.services.accounts import IDLE_MAX, SESSION_MAX, session_of, token_hash
from server.web.site import Site
from server.web.visit import SignInNeeded, Visit

ANYBODY: Final = "anybody"
SIGNED_IN: Final = "signed-in"
# No person and no browser: what it says is proved by what it says, whatever cookies come with it.
MACHINE: Final = "machine"
FORM_FIELDS_MAX: Final = 120

ROUTES: Final[Mapping[tuple[str, str], Action | str]] = {
    ("GET", "/health"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("POST", "/sign-in"): ANYBODY,
    ("GET", "/"): SIGNED_IN,
    ("POST", "/sign-out"): SIGNED_IN,
    ("POST", "/language"): SIGNED_IN,
    # One's own alone: whoever is signed in has an account.
    # It says that something changed, and nothing else.
    ("GET", "/events"): SIGNED_IN,
    ("GET", "/account"): SIGNED_IN,
    ("POST", "/account/sessions/{mark}/end"): SIGNED_IN,
    ("POST", "/account/sessions/end-others"): SIGNED_IN,
    ("GET", "/account/channels"): SIGNED_IN,
    ("POST", "/account/channels"): SIGNED_IN,
    ("POST", "/account/channels/{channel_id}/remove"): SIGNED_IN,
    ("POST", "/account/channels/{channel_id}/quiet"): SIGNED_IN,
    ("POST", "/account/channels/{channel_id}/test"): SIGNED_IN,
    ("GET", "/worklist"): Action.WORK_ALERTS,
    ("GET", "/worklist/rows"): Action.WORK_ALERTS,
    ("GET", "/worklist/sheet"): Action.WORK_ALERTS,
    ("GET", "/alerts/{alert_id}"): Action.WORK_ALERTS,
    ("GET", "/alerts/{alert_id}/fresh"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/acknowledge"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/note"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/pause"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/close"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/resume"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/hand-over"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/call"): Action.WORK_ALERTS,
    ("POST", "/alerts/{alert_id}/measure-again"): Action.WORK_ALERTS,
    ("GET", "/duty"): Action.WORK_ALERTS,
    ("POST", "/duty/on"): Action.WORK_ALERTS,
    ("POST", "/duty/off"): Action.WORK_ALERTS,
    ("POST", "/duty/hand-over"): Action.WORK_ALERTS,
    ("GET", "/coverage"): Action.SET_COVERAGE,
    ("POST", "/coverage"): Action.SET_COVERAGE,
    ("POST", "/coverage/on"): Action.SET_COVERAGE,
    ("POST", "/coverage/off"): Action.SET_COVERAGE,
    ("POST", "/proposals/{patient_id}/{version}/seen"): Action.PROPOSE_PLAN,
    ("POST", "/proposals/seen"): Action.PROPOSE_PLAN,
    ("GET", "/patients"): Action.SEE_PATIENTS,
    ("POST", "/patients"): Action.SEE_PATIENTS,
    ("GET", "/patients/{patient_id}"): Action.SEE_PATIENTS,
    ("GET", "/patients/{patient_id}/fresh"): Action.SEE_PATIENTS,
    ("POST", "/patients/{patient_id}/away"): Action.DECLARE_AWAY,
    ("POST", "/patients/{patient_id}/back"): Action.DECLARE_AWAY,
    ("GET", "/patients/{patient_id}/contact"): Action.EDIT_CONTACT,
    ("POST", "/patients/{patient_id}/contact"): Action.EDIT_CONTACT,
    ("POST", "/patients/{patient_id}/team"): Action.EDIT_CONTACT,
    ("GET", "/patients/{patient_id}/looks"): Action.SEE_LOOKS,
    ("GET", "/patients/{patient_id}/plan"): Action.SEE_PATIENTS,
    ("POST", "/patients/{patient_id}/plan"): Action.PROPOSE_PLAN,
    ("GET", "/patients/{patient_id}/plan/{version}"): Action.SEE_PATIENTS,
    ("POST", "/patients/{patient_id}/plan/{version}/confirm"): Action.CONFIRM_PLAN,
    ("POST", "/patients/{patient_id}/plan/{version}/decline"): Action.CONFIRM_PLAN,
    ("POST", "/patients/{patient_id}/plan/{version}/withdraw"): Action.PROPOSE_PLAN,
    ("GET", "/patients/{patient_id}/charts"): Action.SEE_PATIENTS,
    ("GET", "/alerts/{alert_id}/charts"): Action.SEE_PATIENTS,
    ("GET", "/patients/{patient_id}/measurements.csv"): Action.SEE_PATIENTS,
    ("GET", "/held"): Action.RELEASE_HELD,
    ("POST", "/held/{epoch_id}/{seq}/choose"): Action.RELEASE_HELD,
    ("POST", "/held/{epoch_id}/{seq}/release"): Action.RELEASE_HELD,
    ("POST", "/held/{epoch_id}/{seq}/reject"): Action.RELEASE_HELD,
    ("POST", "/held/{epoch_id}/{seq}/add-device"): Action.ASSIGN_DEVICES,
    ("POST", "/held/{epoch_id}/{seq}/seen"): Action.RELEASE_HELD,
    ("POST", "/held/{epoch_id}/{seq}/take-back"): Action.RELEASE_HELD,
    ("GET", "/assignments"): Action.ASSIGN_DEVICES,
    ("POST", "/assignments"): Action.ASSIGN_DEVICES,
    ("GET", "/assignments/{device_id}"): Action.ASSIGN_DEVICES,
    ("POST", "/assignments/{device_id}/look"): Action.ASSIGN_DEVICES,
    ("POST", "/assignments/{device_id}/change"): Action.ASSIGN_DEVICES,
    ("GET", "/fleet"): Action.SEE_FLEET,
    ("GET", "/fleet/{gateway}"): Action.SEE_FLEET,
    ("POST", "/fleet/{gateway}/revoke"): Action.MANAGE_FLEET,
    ("POST", "/fleet/{gateway}/let-in"): Action.LET_IN_AGAIN,
    ("POST", "/claims"): Action.MANAGE_FLEET,
    ("POST", "/gateways/enrol"): MACHINE,
    ("POST", "/gateways/renew"): MACHINE,
}
# Fetched by the page itself: they do not show that anybody is there, so they keep nobody signed in.
_UNATTENDED: Final = (
    "/events",
    "/worklist/rows",
    "/patients/{patient_id}/charts",
    "/alerts/{alert_id}/fresh",
    "/patients/{patient_id}/fresh",
)


async def guard(request: Request) -> None:
    """Let a request through to its handler with a ``Visit``, or raise what its answer is.

    Raises ``SignInNeeded`` or ``NotPermitted``.
    """
    site: Site = request.app.state.site
    path: str = request.scope["route"].path
    method = "GET" if request.method == "HEAD" else request.method
    door = ROUTES[method, path]
    if door == MACHINE:
        return
    token = request.cookies.get(site.cookie, "")
    session = await run_in_threadpool(_session, site, token, path) if token else None
    request.state.visit = visit = await run_in_threadpool(Visit.of, site, request, session, token)
    if door != ANYBODY and session is None:
        raise SignInNeeded(_came_from(request))
    if isinstance(door, Action) and session and not may(Role(session.user.role), door):
        raise NotPermitted(f"{session.user.role} may not {door}")
    if method != "GET":
        _check_origin(request)
        await _read_form(request, visit)
        if session is not None and door != ANYBODY:
            _check_token(visit.form.get("csrf", ""), session)


def _session(site: Site, token: str, path: str) -> Session | None:
    now = site.now()
    if path not in _UNATTENDED:
        return session_of(site.store, token, now)
    with site.store.read() as tx:
        session = tx.directory.session(token_hash(token))
    return session if session is not None and alive(session, now) else None


def alive(session: Session, now: int) -> bool:
    """Tell whether a session is neither idle nor old too long."""
    return (
        session.user.disabled_at is None
        and now - session.seen_at <= IDLE_MAX
        and now - session.made_at <= SESSION_MAX
    )


def _came_from(request: Request) -> str:
    """Return where to go on after signing in: only what a person opens by its address."""
    if request.method != "GET" or request.scope["route"].path in (*_UNATTENDED, "/"):
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path + query, safe="")


def _check_origin(request: Request) -> None:
    """Refuse a form that another site sent. Every browser says one of the two."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise NotPermitted(f"a form from another site: {site}")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise NotPermitted("a form from another origin")


async def _read_form(request: Request, visit: Visit) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/x-www-form-urlencoded"):
        raise NotPermitted("only plain forms are taken")
    form = await request.form(max_fields=FORM_FIELDS_MAX, max_files=0)
    visit.form.update({key: value for key, value in form.items() if isinstance(value, str)})


def _check_token(given: str, session: Session) -> None:
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise StaleForm("the form does not belong to this session")
