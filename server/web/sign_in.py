"""Signing in and out, and the reader's language."""

import secrets
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from server.domain.roles import Action, Role, may
from server.services import accounts
from server.web.catalogues import LANGUAGES
from server.web.visit import Here, Visit, own_path

router = APIRouter()
_NAME_MAX: Final = 60
_KEPT: Final = '"cache", "storage"'  # with it the worklist that is kept for offline
_PASSWORD_MAX: Final = 1000


@router.get("/")
def start(visit: Here) -> Response:
    """Lead to the page that the reader works with."""
    return visit.see(_home(visit.may(Action.WORK_ALERTS)))


@router.get("/sign-in")
def show(visit: Here) -> Response:
    """Show the form."""
    return _form(visit, next_path=visit.query.get("next", ""))


@router.post("/sign-in")
def sign_in(visit: Here, request: Request) -> Response:
    """Open a session with a new token, whatever the browser brought (no fixation)."""
    given = accounts.SignIn(
        visit.form.get("name", "")[:_NAME_MAX].strip(),
        visit.form.get("password", "")[:_PASSWORD_MAX],
        request.client.host if request.client else "",
        request.headers.get("user-agent", "")[:200],
    )
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    next_path = visit.form.get("next", "")
    user = accounts.sign_in(visit.site.store, given, token, csrf, visit.now)
    if user is None:
        return _form(visit, 401, next_path=next_path, name=given.name, refused=True)
    _end(visit)
    works = may(Role(user.role), Action.WORK_ALERTS)
    answer = visit.see(next_path if own_path(next_path) else _home(works))
    answer.set_cookie(
        visit.site.cookie,
        token,
        max_age=accounts.SESSION_MAX // 1000,
        path="/",
        secure=visit.site.secure,
        httponly=True,
        samesite="lax",
    )
    answer.headers["Clear-Site-Data"] = _KEPT  # another person's list, perhaps
    return answer


@router.post("/sign-out")
def sign_out(visit: Here) -> Response:
    """End the session on the server: the token opens nothing any more.

    Who is on duty is asked first whether the duty ends too: nobody reads behind a closed session.
    """
    if visit.shift_until is not None and "anyway" not in visit.form:
        return visit.see("/duty?leaving=1")
    _end(visit)
    answer = visit.see("/sign-in")
    answer.headers["Clear-Site-Data"] = _KEPT
    answer.delete_cookie(visit.site.cookie, path="/", secure=visit.site.secure, httponly=True)
    return answer


@router.post("/language")
def choose_language(visit: Here) -> Response:
    """Keep the reader's language, and go back to the page."""
    language, back = visit.form.get("language", ""), visit.form.get("next", "")
    if language in LANGUAGES:
        with visit.site.store.write() as tx:
            tx.directory.set_language(visit.user.id, language)
    return visit.see(back if own_path(back) else "/")


def _form(
    visit: Visit, status: int = 200, *, next_path: str, name: str = "", refused: bool = False
) -> Response:
    ended = "ended" in visit.query
    return visit.page(
        "sign_in.html", status, next_path=next_path, name=name, refused=refused, ended=ended
    )


def _end(visit: Visit) -> None:
    if visit.token:
        with visit.site.store.write() as tx:
            tx.directory.end_session(accounts.token_hash(visit.token))


def _home(works_alerts: bool) -> str:
    return "/worklist" if works_alerts else "/fleet"
