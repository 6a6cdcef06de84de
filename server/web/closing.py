"""Closing an alert, and with it those of the same patient that the same call has answered."""

import re
from collections.abc import Mapping
from datetime import date

from fastapi import APIRouter
from fastapi.responses import Response

from server.domain.alerts import NOT_REACHED_REVIEW, REVIEW_LONGEST, Alert, Outcome
from server.domain.instants import DAY, EPOCH_DAY, at_local, civil_day
from server.domain.roles import Action
from server.errors import IllegalTransition
from server.ports.store import Transaction
from server.services import alert_work
from server.web import alert as alert_page
from server.web.catalogues import N_
from server.web.close_form import ALSO, closes_with, stamp
from server.web.visit import Here, Id, Visit

router = APIRouter()
_TICKED = re.compile(rf"{ALSO}(\d{{1,9}})", re.ASCII)


@router.post("/alerts/{alert_id}/close")
def close(visit: Here, alert_id: Id) -> Response:
    """Finish the alert with an outcome and the next review; go on to another limit if asked."""
    outcome, said = visit.form.get("outcome", ""), visit.form.get("said", "").strip()
    review = _review_at(visit, outcome)
    wrong = _wrong(outcome, review, visit.now)
    if len(said) > alert_page.TEXT_MAX:
        wrong["said"] = N_("At most 1000 characters.")
    if wrong or review is None:
        return alert_page.page(visit, alert_id, 422, wrong=wrong)

    def change(tx: Transaction) -> Alert:
        alert = alert_work.find_to_work(tx, visit.user, alert_id)
        _check(tx, visit, alert, visit.form.get("shown"))
        for number, seen in _also(visit.form).items():
            other = alert_work.find_to_work(tx, visit.user, number)
            _check(tx, visit, other, seen)
            if not closes_with(other, alert, visit.user.name):
                raise IllegalTransition(f"alert {number} is not closed with {alert_id}")
            alert_work.close(tx, visit.user, number, outcome, review, visit.now)
        if said:
            alert_work.note(tx, visit.user, alert_id, said, visit.now)
        return alert_work.close(tx, visit.user, alert_id, outcome, review, visit.now)

    propose = visit.form.get("then") == "propose" and visit.may(Action.PROPOSE_PLAN)
    return alert_page.do(visit, alert_id, "closed", change, propose=propose)


def _check(tx: Transaction, visit: Visit, alert: Alert, seen: str | None) -> None:
    """Raise ``IllegalTransition`` for an alert that is not as its page showed it."""
    if seen is not None and seen != stamp(alert, tx.views.notes(alert.id), visit.user.name):
        raise IllegalTransition(f"alert {alert.id} is not as it was shown")


def _also(form: Mapping[str, str]) -> dict[int, str]:
    """Return the other alerts that were ticked, with the stamp that was shown of each."""
    ticked = ((_TICKED.fullmatch(key), seen) for key, seen in form.items())
    return {int(found[1]): seen for found, seen in ticked if found}


def _wrong(outcome: str, review: int | None, now: int) -> dict[str, str]:
    wrong = {}
    if outcome not in list(Outcome):
        wrong["outcome"] = N_("Choose what came of it.")
    if review is None or review <= now:
        wrong["review"] = N_("Choose a day from tomorrow on, within a year.")
    elif outcome == Outcome.NOT_REACHED and review > now + NOT_REACHED_REVIEW:
        wrong["review"] = N_("Who was not reached is looked for again tomorrow at the latest.")
    return wrong


def _review_at(visit: Visit, outcome: str) -> int | None:
    """Return when the team begins to read on the chosen day, or None for none within a year.

    Tomorrow is within a day for who was not reached, however early in the morning it is.
    """
    try:
        day = date.fromisoformat(visit.form.get("review", "")).toordinal() - EPOCH_DAY
    except ValueError:
        return None
    ahead = day - civil_day(visit.now, visit.zone_name)
    if not 0 <= ahead < REVIEW_LONGEST // DAY:
        return None
    assert visit.duty is not None  # noqa: S101 - whoever is signed in has a CHC
    begins = visit.duty.hours.next_start(at_local(day, 0, visit.zone_name) - 1)
    if outcome == Outcome.NOT_REACHED and ahead == 1:
        return min(begins, visit.now + NOT_REACHED_REVIEW)
    return begins
