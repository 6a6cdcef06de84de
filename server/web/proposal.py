"""A draft as a doctor decides about it: what it changes, and what it would have raised."""

from typing import Any, NamedTuple

from server.domain.chains import chains_by_name
from server.domain.plan_changes import changes
from server.domain.plans import Plan
from server.ports.directory import Patient, PlanRow
from server.services import planning
from server.services.backtesting import MINUTES_AN_ALERT
from server.services.chain_gaps import gaps_of
from server.services.shipped import beyond_usual
from server.web.visit import Visit
from server.web.wording import row_at


class Expectation(NamedTuple):
    """One rule's alerts over the preview's days, by the plan in force and by the draft."""

    rule: str
    in_force: int
    tested: int


def decision(visit: Visit, patient: Patient, plans: list[PlanRow], row: PlanRow) -> dict[str, Any]:
    """Return what a template shows of a version; judges the last days anew while it is a draft.

    Opens a transaction of its own.
    """
    current = row_at(plans, visit.now)
    assert visit.chc is not None  # noqa: S101 - whoever is signed in has a CHC
    unusual = beyond_usual(row.plan)
    previews = (
        planning.preview(visit.site.store, visit.chc.name, patient, row.plan, visit.now)
        if row.is_draft
        else []
    )
    with visit.site.store.read() as tx:
        gaps = gaps_of(tx, patient.chc_id, row.plan)
    return {
        "chains": chains_by_name(row.plan),
        "gaps": gaps,
        "row": row,
        "current": current,
        "shown": shown(current),
        "changes": changes(current.plan if current else Plan(), row.plan),
        "unusual": unusual,
        "previews": [(one, _expectations(one)) for one in previews],
        "minutes": MINUTES_AN_ALERT,
        "may_confirm": row.is_draft and not (unusual and row.author == visit.user.name),
    }


def shown(current: PlanRow | None) -> str:
    """Return what a form says of the version in force that its page showed."""
    return str(current.version if current else 0)


def _expectations(preview: planning.Preview) -> list[Expectation]:
    tested = {one.rule: one.alerts for one in preview.tested.rules}
    in_force = {one.rule: one.alerts for one in preview.in_force.rules}
    return [
        Expectation(rule, in_force.get(rule, 0), tested.get(rule, 0))
        for rule in sorted({*tested, *in_force})
    ]
