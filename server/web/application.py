"""The web application: health, sign-in, and the pages."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from server.errors import IllegalTransition, NotFound, NotPermitted, StoreUnavailable, WrongInput
from server.ports.fleet import Access
from server.ports.store import Store
from server.services.changes import Changes
from server.services.delivering import Post
from server.services.health import check_health
from server.settings import Settings
from server.web import (
    account,
    alert,
    alert_chart,
    assignments,
    away,
    channels,
    claims,
    closing,
    contact,
    coverage,
    duty,
    events,
    fleet,
    fresh,
    gateway,
    held,
    looks,
    machines,
    measurements,
    patient,
    patients,
    plan,
    sign_in,
    since,
    taking,
    worklist,
)
from server.web.access import guard
from server.web.issuing import LocalIssuer
from server.web.protection import Protection, sign_in_first, to_where_the_form_was, with_status
from server.web.site import STATIC, Site
from server.web.visit import Here, SignInNeeded

_health: Final = APIRouter()
_PAGES: Final = (
    *(sign_in, worklist, alert, duty, patients, patient, plan, away, held, fleet, events),
    alert_chart,
    closing,
    taking,
    fresh,
    channels,
    measurements,
    since,
    looks,
    contact,
    coverage,
    assignments,
    account,
    gateway,
    claims,
    machines,
)
# An address that cannot be one of ours is one we do not have.
_STATUSES: Final[dict[Any, int]] = {
    NotFound: 404,
    RequestValidationError: 404,
    NotPermitted: 403,
    IllegalTransition: 409,
    WrongInput: 422,
    StoreUnavailable: 503,
    HTTPException: 500,
}


def make_application(
    settings: Settings,
    store: Store,
    changes: Changes,
    *,
    post: Post,
    broker_ready: Callable[[], bool],
    access: Access,
    now: Callable[[], int],
) -> FastAPI:
    """Build the application; it opens no connection of its own."""
    secure = settings.page_url.startswith("https:")
    site = Site(
        store,
        changes,
        broker_ready,
        now,
        secure,
        post,
        settings.apprise_schemas,
        access,
        LocalIssuer(settings),
        settings.page_url,
    )
    application = FastAPI(
        title="Vicino",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(guard)],
    )
    application.state.site = site
    application.include_router(_health)
    for page in _PAGES:
        application.include_router(page.router)
    application.mount("/static", StaticFiles(directory=STATIC, check_dir=False))
    application.add_exception_handler(SignInNeeded, sign_in_first)
    for error, status in _STATUSES.items():
        application.add_exception_handler(error, with_status(status))
    application.add_exception_handler(405, to_where_the_form_was)
    application.add_middleware(Protection, site=site)
    return application


@_health.get("/health")
def health(visit: Here) -> JSONResponse:
    """Say whether the watcher is alive (hazard H15); needs no sign-in."""
    site = visit.site
    try:
        state = check_health(site.store, broker_ready=site.broker_ready(), now=site.now())
    except StoreUnavailable:
        return JSONResponse({"status": "failing", "store": "gone"}, 503)
    return JSONResponse(state.as_json(), 200 if state.status == "ok" else 503)
