"""The live watch: one stream an open page, which says that something changed and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from server.services.accounts import token_hash
from server.web.access import alive
from server.web.visit import Here, Visit

router = APIRouter()
# A page that hears nothing for its silence (20 s) says so; three beats fit in.
BEAT_SECONDS: Final = 6.0
# A burst of changes is one fetch.
_GATHER_SECONDS: Final = 0.25


@router.get("/events")
async def events(visit: Here) -> Response:
    """Stream ``beat`` and ``changed`` until the browser leaves or the session ends.

    What a browser missed needs no ``Last-Event-ID``: every stream begins with ``changed``.
    """
    return EventSourceResponse(_stream(visit), ping=3600, headers={"Cache-Control": "no-store"})


async def _stream(visit: Visit) -> AsyncIterator[ServerSentEvent]:
    changes = visit.site.changes
    async with changes.listen() as changed:
        yield _event("beat", changes.count)
        yield _event("changed", changes.count)
        while await run_in_threadpool(_lives, visit):
            try:
                await asyncio.wait_for(changed.wait(), BEAT_SECONDS)
            except TimeoutError:
                yield _event("beat", changes.count)
                continue
            changed.clear()
            yield _event("changed", changes.count)
            await asyncio.sleep(_GATHER_SECONDS)
        yield _event("changed", changes.count)  # the page's next fetch leads to the sign-in page


def _event(name: str, count: int) -> ServerSentEvent:
    return ServerSentEvent(data=str(count), event=name, id=str(count))


def _lives(visit: Visit) -> bool:
    with visit.site.store.read() as tx:
        session = tx.directory.session(token_hash(visit.token))
    return session is not None and alive(session, visit.site.now())
