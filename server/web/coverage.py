"""When the team reads, who is told out of hours, who stands in, and who is put on duty (H9)."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from server.domain.duty import hours_text
from server.domain.roles import Action, Role, may
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.directory import Chc, User
from server.ports.store import Transaction
from server.services import shifts
from server.services.agreeing import agree_hours, checked
from server.services.duty import hours_of, recipient_hours_of, recipient_now, uncovered_of
from server.web import coverage_form
from server.web.catalogues import N_
from server.web.visit import Here, Visit, people

router = APIRouter()
_HOURS: Final = N_("Hours like 08:00-20:00, or 08:00-13:00, 15:00-19:00. Empty: not on that day.")
_TOO_LONG: Final = N_("These are too many different hours: write fewer.")
_STAND_IN: Final = N_("Choose who stands in, from when, and until when: within a year; or nothing.")
_WRONG: Final = {
    "hours": _TOO_LONG,
    "recipient_hours": _TOO_LONG,
    "recipient": N_("Choose who is told, and in which hours; or neither."),
    "stand_in": _STAND_IN,
    "stand_in_from": _STAND_IN,
    "stand_in_until": _STAND_IN,
}


@router.get("/coverage")
def show(visit: Here) -> Response:
    """Show the agreement and who is on duty."""
    return _page(visit)


@router.post("/coverage")
def agree(visit: Here) -> Response:
    """Write the agreement; what it leaves to nobody is seen before."""
    try:
        with visit.site.store.write() as tx:
            chc = tx.directory.chc_by_id(visit.user.chc_id)
            new = coverage_form.agreement(visit.form, chc)
            asked = checked(tx, new, chc, visit.now)
            stale = visit.form.get("was", "") != _mark(chc)
            unseen = _left(asked) not in (_left(chc), visit.form.get("left", ""))
            if not stale and not unseen:
                agree_hours(tx, new, visit.now, visit.user.name)
    except WrongInput as error:
        field = str(error).partition(":")[0]
        return _page(visit, 422, wrong={field: _WRONG.get(field, _HOURS)})
    if stale or unseen:
        return _page(visit, 409, stale=stale, asked=asked)
    visit.site.changes.notify()
    return visit.see("/coverage?done=saved")


@router.post("/coverage/on")
def put_on(visit: Here) -> Response:
    """Put a member of staff on duty, until their shift ends by itself."""
    with visit.site.store.write() as tx:
        user = _found(tx, visit)
        shifts.come_on(tx, user, visit.now, visit.user.name)
    visit.site.changes.notify()
    return visit.see("/coverage?done=saved")


@router.post("/coverage/off")
def take_off(visit: Here) -> Response:
    """End somebody's duty; what they own, or that nobody reads then, is seen before."""
    try:
        with visit.site.store.write() as tx:
            user = _found(tx, visit)
            asked = "leave" in visit.form or not (_is_last(visit, user) or _owned(tx, user))
            if asked:
                shifts.go_off(tx, user, visit.now, visit.user.name)
    except IllegalTransition:
        return _page(visit, 409, by_agreement=user)
    if not asked:
        return _page(visit, 409, leaving=user)
    visit.site.changes.notify()
    return visit.see("/coverage?done=saved")


def _page(
    visit: Visit,
    status: int = 200,
    *,
    wrong: dict[str, str] | None = None,
    stale: bool = False,
    asked: Chc | None = None,
    leaving: User | None = None,
    by_agreement: User | None = None,
) -> Response:
    with visit.site.store.read() as tx:
        chc = tx.directory.chc_by_id(visit.user.chc_id)
        staff = _staff(tx, chc.id)
        reached = {one.user_id for one in tx.channels.of_people([one.name for one in staff])}
        owned = {one.name: _owned(tx, one) for one in staff}
        names = people(tx)
    given = visit.path == "/coverage" and visit.form
    agreed_hours = recipient_hours_of(chc)
    return visit.page(
        "coverage.html",
        status,
        chc=chc,
        people=names,
        hours=list(hours_of(chc).spans),
        recipient_hours=list(agreed_hours.spans) if agreed_hours else [],
        nobody_covers=uncovered_of(chc),
        fields=visit.form if given else coverage_form.on_record(chc, visit.words()),
        was=_mark(chc),
        staff=staff,
        answering=[one for one in staff if may(Role(one.role), Action.WORK_CLINICAL)],
        owned=owned,
        unreached=[one for one in staff if one.id not in reached],
        now_told=recipient_now(chc, visit.now),
        wrong=wrong or {},
        stale=stale,
        would_leave=uncovered_of(asked) if asked else [],
        left=_left(asked) if asked else "",
        leaving=leaving,
        is_last=leaving is not None and _is_last(visit, leaving),
        by_agreement=by_agreement,
    )


def _mark(chc: Chc) -> str:
    """Return what tells one agreement from another: two people may have the page open."""
    return "|".join(str(value) for value in chc[3:])


def _left(chc: Chc) -> str:
    return hours_text(uncovered_of(chc))


def _staff(tx: Transaction, chc_id: int) -> list[User]:
    return [
        user
        for user in tx.directory.users()
        if user.chc_id == chc_id
        and user.disabled_at is None
        and may(Role(user.role), Action.WORK_ALERTS)
    ]


def _found(tx: Transaction, visit: Visit) -> User:
    name = visit.form.get("name", "")
    for user in _staff(tx, visit.user.chc_id):
        if user.name == name:
            return user
    raise NotFound("no such member of staff here")


def _owned(tx: Transaction, user: User) -> int:
    return len(tx.alerts.owned_by(user.name))


def _is_last(visit: Visit, user: User) -> bool:
    duty = visit.duty
    return duty is not None and not duty.recipient and duty.carers == [user.name]
