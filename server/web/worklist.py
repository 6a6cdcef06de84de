"""The worklist: who needs me now, why, and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import Response

from server.domain.alerts import Alert
from server.domain.instants import DAY
from server.domain.kinds import Kind, sees
from server.domain.plans import Priority
from server.domain.roles import Action, Role
from server.domain.within import outer_by_inner
from server.ports.since import HandedOver
from server.ports.store import Transaction
from server.ports.views import WaitingRow, WorklistRow
from server.services import alert_work
from server.services.holding import WAITS
from server.web.since import since_last_shift
from server.web.visit import Here, Visit, people
from server.web.watching import not_watching

router = APIRouter()
TABS: Final = ("clinical", "technical", "closed")
OWNERS: Final = ("mine", "unclaimed")
# What was given away earlier than this says nothing of who has it now.
HANDED_SHOWN: Final = 7 * DAY
URGENCY: Final = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}


class Sheet(NamedTuple):
    """One patient, or one matter of a machine, on the hand-over sheet: the most urgent first."""

    first: WorklistRow
    rows: list[WorklistRow]


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the worklist is shown; all of it stands in the address."""

    tab: str
    owner: str
    priority: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filters":
        """Read the address; what it does not know filters nothing."""
        tab, owner = query.get("tab", ""), query.get("owner", "")
        priority = query.get("priority", "")
        return cls(
            tab if tab in TABS else TABS[0],
            owner if owner in OWNERS else "",
            priority if priority in list(Priority) else "",
        )

    def address(self, path: str = "/worklist", **changed: str) -> str:
        """Return the address of these filters with some of them changed."""
        own = {"tab": self.tab, "owner": self.owner, "priority": self.priority, **changed}
        query = urlencode({key: value for key, value in own.items() if value})
        return f"{path}?{query}"

    def keep(self, row: WorklistRow, user: str) -> bool:
        """Tell whether a row is shown. An unanswered alert always is."""
        alert = row.alert
        if alert.unanswered and alert.closed_at is None:
            return True
        if self.owner == "mine" and alert.owner != user:
            return False
        if self.owner == "unclaimed" and alert.owner is not None:
            return False
        return not self.priority or alert.priority == self.priority


@router.get("/worklist")
def worklist(visit: Here) -> Response:
    """Show the whole page."""
    content = _content(visit)
    with visit.site.store.read() as tx:
        content |= since_last_shift(visit, tx)
    return visit.page("worklist.html", **content)


@router.get("/worklist/rows")
def rows(visit: Here) -> Response:
    """Show what changes: the tabs with their counts, and the rows."""
    return visit.page("worklist_rows.html", **_content(visit))


@router.get("/worklist/sheet")
def sheet(visit: Here) -> Response:
    """Show every open alert with its notes, to print and hand over."""
    chc_id = visit.user.chc_id
    with visit.site.store.read() as tx:
        clinical = ordered(_seen(visit, tx.views.worklist(chc_id, technical=False)))
        technical = ordered(_seen(visit, tx.views.worklist(chc_id, technical=True)))
        outer = outer_by_inner([row.alert for row in clinical])
        return visit.page(
            "sheet.html",
            clinical=_by_patient([row for row in clinical if row.alert.id not in outer]),
            technical=_by_patient(technical),
            counts=(len(clinical), len(technical)),
            within={outer[row.alert.id].id: row.alert for row in clinical if row.alert.id in outer},
            handed=handed_over(tx, visit, [*clinical, *technical]),
            calls=tx.calls.unanswered(chc_id),
            notes={one.alert.id: tx.views.notes(one.alert.id) for one in (*clinical, *technical)},
            plans=tx.views.plans_of(chc_id, alerted=True),
            people=people(tx),
            faults=not_watching(visit, tx),
        )


def handed_over(
    tx: Transaction, visit: Visit, rows: Sequence[WorklistRow]
) -> dict[int, HandedOver]:
    """Return who gave an alert to the one who has it now, by alert: they did not take it on
    themselves, and may not know of it yet."""
    owned = {row.alert.id: row.alert for row in rows if row.alert.owner is not None}
    since = visit.now - HANDED_SHOWN
    newest = {one.alert_id: one for one in tx.since.handed_over(visit.user.chc_id, since)[::-1]}
    return {
        number: one
        for number, one in newest.items()
        if (alert := owned.get(number)) is not None and _is_by(one, alert)
    }


def _is_by(given: HandedOver, alert: Alert) -> bool:
    """Tell whether its owner has an alert by this: who lost it since took it on themselves."""
    return alert.owner == given.to and (alert.acknowledged_at or 0) <= given.at


def _by_patient(rows: Sequence[WorklistRow]) -> list[Sheet]:
    """Put all of a patient's together, where the most urgent of them stands."""
    found: dict[str, Sheet] = {}
    for row in rows:
        alert = row.alert
        key = alert.subject if alert.patient_id is None else str(alert.patient_id)
        found.setdefault(key, Sheet(row, [])).rows.append(row)
    return list(found.values())


def next_of(tx: Transaction, visit: Visit) -> WorklistRow | None:
    """Return the first of the reader's list that is theirs, or nobody's and they may take on."""
    chc_id, name = visit.user.chc_id, visit.user.name
    found = [
        row
        for is_technical in (False, True)
        for row in tx.views.worklist(chc_id, technical=is_technical)
    ]
    mine = [
        row
        for row in ordered(found)
        if row.alert.owner in (None, name) and alert_work.may_work(visit.user, row.alert)
    ]
    return mine[0] if mine else None


def ordered(rows: Sequence[WorklistRow]) -> list[WorklistRow]:
    """Unanswered first, then by priority, unclaimed before claimed, the oldest first.

    An unanswered low alert stands first among the low ones only: what nobody measured over night
    must not stand above a high alert of now.
    """
    return sorted(rows, key=lambda row: urgency(row.alert))


def urgency(alert: Alert) -> tuple[bool, int, bool, bool, int]:
    """Return what open alerts are sorted by."""
    claimed = alert.owner is not None
    on_top = alert.unanswered and alert.priority is not Priority.LOW
    order = URGENCY[alert.priority]
    return not on_top, order, not alert.unanswered, claimed, alert.raised_at


def _seen(visit: Visit, rows: Sequence[WorklistRow]) -> list[WorklistRow]:
    """Return the rows that the reader's role may see."""
    return [row for row in rows if alert_work.may_see(visit.user, row.alert)]


def _held(visit: Visit, rows: Sequence[WorklistRow]) -> dict[str, list[WaitingRow]]:
    """Return what waits under the rows that say so, by their subject, for who may decide on it."""
    subjects = {row.alert.subject for row in rows if row.alert.rule == WAITS}
    found: dict[str, list[WaitingRow]] = {}
    if subjects and visit.may(Action.RELEASE_HELD):
        with visit.site.store.read() as tx:
            for one in tx.views.waiting(visit.user.chc_id):
                if one.fate == "held" and (subject := f"device:{one.device}") in subjects:
                    found.setdefault(subject, []).append(one)
    return found


def _first_tab(visit: Visit) -> str:
    """Return the tab that the worklist opens with: the technical service has no patients."""
    patients = sees(Role(visit.user.role), Kind.ADHERENCE, "")
    return "clinical" if patients else "technical"


def _content(visit: Visit) -> dict[str, Any]:
    filters = Filters.of({"tab": _first_tab(visit), **visit.query})
    chc_id = visit.user.chc_id
    with visit.site.store.read() as tx:
        clinical = _seen(visit, tx.views.worklist(chc_id, technical=False))
        technical = _seen(visit, tx.views.worklist(chc_id, technical=True))
        closed = _seen(visit, tx.views.closed_since(chc_id, visit.today()))
        plans = tx.views.plans_of(chc_id, alerted=filters.tab != "closed")
        staff = people(tx)
        faults = not_watching(visit, tx)
        pauses = tx.views.pauses(chc_id, visit.now)
        handed = handed_over(tx, visit, [*clinical, *technical])
        calls = tx.calls.unanswered(chc_id)
    counts = {"clinical": len(clinical), "technical": len(technical), "closed": len(closed)}
    if _first_tab(visit) != "clinical":
        del counts["clinical"]  # a tab that is always empty
    shown = {"clinical": clinical, "technical": technical, "closed": closed}[filters.tab]
    kept = [row for row in shown if filters.keep(row, visit.user.name)]
    held = _held(visit, kept)
    outer = {} if filters.tab == "closed" else outer_by_inner([row.alert for row in kept])
    within = {outer[row.alert.id].id: row.alert for row in kept if row.alert.id in outer}
    alone = [row for row in kept if row.alert.id not in outer]
    urgent = {row.alert.patient_id for row in clinical if row.alert.priority is Priority.HIGH}
    return {
        "filters": filters,
        "urgent": urgent - {None} if filters.tab != "closed" else set(),
        "counts": counts,
        "rows": alone if filters.tab == "closed" else ordered(alone),
        "within": within,
        "held": held,
        "handed": handed,
        "calls": calls,
        "works": {row.alert.id for row in kept if alert_work.may_work(visit.user, row.alert)},
        "hidden": len(shown) - len(kept),
        "plans": plans,
        "people": staff,
        "pauses": pauses,
        "faults": faults,
    }
