"""The web application: health, sign-in, and the pages."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from server.errors import StoreUnavailable
from server.ports.store import Store
from server.services.changes import Changes
from server.services.health import check_health
from server.settings import Settings


def make_application(
    settings: Settings,
    store: Store,
    changes: Changes,
    *,
    broker_ready: Callable[[], bool],
    now: Callable[[], int],
) -> FastAPI:
    """Build the application; it opens no connection of its own."""
    application = FastAPI(title="Vicino", docs_url=None, redoc_url=None, openapi_url=None)

    @application.get("/health")
    def health() -> JSONResponse:
        try:
            state = check_health(store, broker_ready=broker_ready(), now=now())
        except StoreUnavailable:
            return JSONResponse({"status": "failing", "store": "gone"}, 503)
        return JSONResponse(state.as_json(), 200 if state.status == "ok" else 503)

    return application
