"""Around every page: headers, a limit on bodies, and an answer to whatever goes wrong."""

import logging
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import StaleForm
from server.web.catalogues import preferred
from server.web.site import Site
from server.web.visit import SEE_OTHER, SignInNeeded, Visit

BODY_BYTES_MAX: Final = 64 * 1024
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# The script that keeps the last worklist may answer for its page.
_WORKER: Final = "/static/dist/worker.js"
_TRANSPORT: Final = "max-age=31536000"

log = logging.getLogger(__name__)


class Protection:
    """The outermost layer. What no handler foresaw becomes a page with an id, and a log line."""

    def __init__(self, application: ASGIApp, site: Site) -> None:
        self._application, self._site = application, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(scope["path"], MutableHeaders(scope=message))
            await send(message)

        if _too_large(Headers(scope=scope)):
            await Response(status_code=413)(scope, receive, sending)
            return
        try:
            await self._application(scope, _bounded(receive), sending)
        except _BodyTooLarge:
            await Response(status_code=413)(scope, receive, sending)
        except Exception:
            incident = secrets.token_hex(4)
            log.exception("a page failed, incident %s", incident)
            if started:
                raise
            answer = problem(Request(scope), 500, incident)
            await answer(scope, receive, sending)

    def _add_headers(self, path: str, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if self._site.secure:
            headers["Strict-Transport-Security"] = _TRANSPORT
        kept = path.startswith("/static/")
        if path == _WORKER:
            headers["Service-Worker-Allowed"] = "/"
        headers["Cache-Control"] = "public, max-age=86400" if kept else "no-store"


class _BodyTooLarge(Exception):
    """More bytes came than any form of ours has."""


def _too_large(headers: Headers) -> bool:
    length = headers.get("content-length", "0")
    return not length.isdecimal() or int(length) > BODY_BYTES_MAX


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_BYTES_MAX:
            raise _BodyTooLarge
        return message

    return receiving


def problem(request: Request, status: int, incident: str = "", *, stale: bool = False) -> Response:
    """Say what to do, and nothing internal. ``stale``: the form was of an earlier session."""
    site: Site = request.app.state.site
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is None:
        language = preferred(request.headers.get("accept-language", ""))
        visit = Visit(site, site.now(), language, request.url.path, {}, None, "", None, None, [])
    return visit.page("error.html", status, status=status, incident=incident, stale=stale)


def sign_in_first(request: Request, error: Exception) -> Response:
    """Lead to the sign-in page and back; a page that fetches parts of itself goes there too."""
    assert isinstance(error, SignInNeeded)  # noqa: S101 - registered for this class alone
    path = f"/sign-in?next={error.came_from}" if error.came_from else "/sign-in"
    if "hx-request" in request.headers:
        back = quote(_page_of(request.headers.get("hx-current-url", "")), safe="")
        return Response(status_code=401, headers={"HX-Redirect": f"/sign-in?ended=1&next={back}"})
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"error": "sign in first"}, 401)
    return RedirectResponse(path, SEE_OTHER)


def _page_of(address: str) -> str:
    """Return the path and query of an address; nothing of one that is none."""
    try:
        shown = urlsplit(address)
    except ValueError:
        return ""
    return shown.path + (f"?{shown.query}" if shown.query else "")


def to_where_the_form_was(request: Request, error: Exception) -> Response:
    """Lead a page that answered a form, asked for again by its address, to the page of the form.

    A person who reloads it there, or changes the language, reads a page and not an error.
    """
    path = request.url.path
    while request.method == "GET" and path.strip("/"):
        path = path.rpartition("/")[0]
        scope = {**request.scope, "path": path or "/"}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return RedirectResponse(path or "/", SEE_OTHER)
    return problem(request, getattr(error, "status_code", 405))


def with_status(status: int) -> Callable[[Request, Exception], Response]:
    """Make a handler that answers an error with the page of a status."""

    def handle(request: Request, error: Exception) -> Response:
        log.info("%s %s: %s", request.method, status, type(error).__name__)
        stale = isinstance(error, StaleForm)
        return problem(request, getattr(error, "status_code", status), stale=stale)

    return handle
