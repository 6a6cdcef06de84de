"""A draft as a doctor decides about it: what it changes, and what it would have raised."""

from typing import Any, NamedTuple

from server.domain.chains import chains_by_name
from server.domain.plan_changes import changes
from server.domain.plans import Plan, has_rule
from server.ports.directory import Patient, PlanRow
from server.services import planning
from server.services.backtesting import MINUTES_AN_ALERT
from server.services.chain_gaps import gaps_of
from server.services.shipped import beyond_usual
from server.web.visit import Visit
from server.web.wording import row_at


class Expectation(NamedTuple):
    """One rule's alerts over the preview's days, by the plan in force and by the draft; ``was`` and
    ``will``: it is a rule of the one, and of the other."""

    rule: str
    in_force: int
    tested: int
    was: bool
    will: bool


def decision(visit: Visit, patient: Patient, plans: list[PlanRow], row: PlanRow) -> dict[str, Any]:
    """Return what a template shows of a version; judges the last days anew while it is a draft.

    Opens a transaction of its own.
    """
    current = row_at(plans, visit.now)
    assert visit.chc is not None  # noqa: S101 - whoever is signed in has a CHC
    unusual = beyond_usual(row.plan)
    before = beyond_usual(current.plan) if current else []
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
        "overtakes": [one for one in plans if one.is_draft and one.version < row.version],
        "current": current,
        "shown": shown(current),
        "changes": changes(current.plan if current else Plan(), row.plan),
        "unusual": unusual,
        "unusual_before": [one for one in unusual if one in before],
        "previews": [(one, _expectations(one, current, row)) for one in previews],
        "minutes": MINUTES_AN_ALERT,
        "may_confirm": row.is_draft and not (unusual and row.author == visit.user.name),
    }


def shown(current: PlanRow | None) -> str:
    """Return what a form says of the version in force that its page showed."""
    return str(current.version if current else 0)


def _expectations(
    preview: planning.Preview, current: PlanRow | None, draft: PlanRow
) -> list[Expectation]:
    old, new = current.plan if current else Plan(), draft.plan
    tested = {one.rule: one.alerts for one in preview.tested.rules}
    in_force = {one.rule: one.alerts for one in preview.in_force.rules}
    return [
        Expectation(
            rule,
            in_force.get(rule, 0),
            tested.get(rule, 0),
            has_rule(old, rule),
            has_rule(new, rule),
        )
        for rule in sorted({*tested, *in_force})
    ]
