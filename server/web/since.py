"""What a member of staff finds on the worklist first: hand-overs since their last shift, and what
became of the plans that they proposed; and giving away all that is theirs."""

import re
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from server.domain.instants import DAY
from server.domain.kinds import works
from server.domain.roles import Action, Role
from server.errors import NotFound, WrongInput
from server.ports.directory import User
from server.ports.store import Transaction
from server.services import alert_work
from server.web.visit import Here, Id, Visit

router = APIRouter()
# Who was away for longer reads the alerts themselves.
SINCE_LONGEST: Final = 7 * DAY
_SHOWN: Final = re.compile(r"\d{1,9}/\d{1,9}")


@router.post("/duty/hand-over")
def hand_over(visit: Here) -> Response:
    """Give all that is one's own to a colleague, or back to the team, and stay on duty."""
    try:
        with visit.site.store.write() as tx:
            alert_work.hand_over_all(tx, visit.user, visit.form.get("to", ""), visit.now)
    except WrongInput:
        return visit.see("/duty?problem=not-taken")
    visit.site.changes.notify()
    return visit.see("/worklist?done=handed-over")


@router.post("/proposals/{patient_id}/{version}/seen")
def seen(visit: Here, patient_id: Id, version: Id) -> Response:
    """Take note of what became of one's own proposal."""
    with visit.site.store.write() as tx:
        if not tx.since.see_fate(visit.user.name, patient_id, version, visit.now):
            raise NotFound(f"proposal {version} of patient {patient_id}")
    return visit.see("/worklist")


@router.post("/proposals/seen")
def all_seen(visit: Here) -> Response:
    """Take note of all the fates that were shown, named in the form: none that came since."""
    shown = [key.split("/") for key in visit.form if _SHOWN.fullmatch(key)]
    with visit.site.store.write() as tx:
        for patient_id, version in shown:
            tx.since.see_fate(visit.user.name, int(patient_id), int(version), visit.now)
    return visit.see("/worklist")


def since_last_shift(visit: Visit, tx: Transaction) -> dict[str, Any]:
    """Return what the worklist shows of it."""
    ended = tx.since.last_shift(visit.user.name) or 0
    since = max(ended, visit.now - SINCE_LONGEST)
    rows = []
    for one in tx.since.handed_over(visit.user.chc_id, since):
        row = tx.views.alert(visit.user.chc_id, one.alert_id)
        if row is not None and alert_work.may_see(visit.user, row.alert):
            rows.append((one, row))
    proposes = visit.may(Action.PROPOSE_PLAN)
    own = tx.alerts.owned_by(visit.user.name)
    return {
        "since": since,
        "since_shift": ended == since,
        "handed_lately": rows,
        "fates": tx.since.fates(visit.user.name) if proposes else [],
        "own_count": len(own),
        "takers": [one for one in visit.colleagues if _takes(one, own)],
        "team": alert_work.TEAM,
    }


def _takes(colleague: User, own: list[Any]) -> bool:
    role = Role(colleague.role)
    return all(works(role, alert.kind, alert.rule) for alert in own)
