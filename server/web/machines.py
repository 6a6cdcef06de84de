"""What boxes ask for themselves: to become a gateway by a claim code, and a certificate anew.

They have no session and no form; what they say is proved by the code or by their key. Whatever is
wrong, the answer is the same: it tells nobody what to try next.
"""

import logging
from collections.abc import Callable
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from contract.enrolment import ENROL_PATH, RENEW_PATH, EnrolRequest, RenewRequest
from server.errors import BrokerUnavailable, NotPermitted
from server.services import enrolling
from server.web.site import Site

router = APIRouter()
log = logging.getLogger(__name__)
_JSON: Final = "application/json"


@router.post(ENROL_PATH)
async def enrol(request: Request) -> Response:
    """Give a box that knows a claim code its certificate, and let it speak to the broker."""
    return await _answer(request, _enrol)


@router.post(RENEW_PATH)
async def renew(request: Request) -> Response:
    """Give a gateway a certificate anew, or tell it (202) that a person must agree first."""
    return await _answer(request, _renew)


async def _answer(request: Request, act: Callable[[Site, bytes, int], Response]) -> Response:
    site: Site = request.app.state.site
    address = request.client.host if request.client else ""
    body = await request.body()
    return await run_in_threadpool(_tried, site, address, body, act)


def _tried(
    site: Site, address: str, body: bytes, act: Callable[[Site, bytes, int], Response]
) -> Response:
    now = site.now()
    if not site.pace.allows(address, now):
        return _said({"error": "refused"}, 403)
    try:
        return act(site, body, now)
    except (NotPermitted, msgspec.ValidationError, msgspec.DecodeError) as error:
        log.warning("a box was refused: %s", error)
        with site.store.write() as tx:
            tx.audit("nobody", "enrolment-refused", now, detail=f"{address}: {error}")
        return _said({"error": "refused"}, 403)


def _enrol(site: Site, body: bytes, now: int) -> Response:
    asked = msgspec.json.decode(body, type=EnrolRequest)
    with site.store.write() as tx:
        given = enrolling.enrol(tx, asked, site.issuer, now)
    site.changes.notify()
    try:
        site.access.admit(given.gateway)
    except BrokerUnavailable as error:
        log.error("gateway %s has access once the broker is started anew: %s", given.gateway, error)
    return _said(given)


def _renew(site: Site, body: bytes, now: int) -> Response:
    asked = msgspec.json.decode(body, type=RenewRequest)
    with site.store.write() as tx:
        given = enrolling.renew(tx, asked, site.issuer, now)
    site.changes.notify()
    return _said(given, 200 if given.certificate else 202)


def _said(what: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(what), status, media_type=_JSON)
