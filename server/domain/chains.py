"""Who is told of an alert, in which order, and how long each has to answer.

Judgements, to be confirmed by a clinician: no programme publishes a chain role by role. Behind
every chain stand the out-of-hours recipient and, at its end, everybody who may see the alert.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from server.domain.kinds import Kind, told_first
from server.domain.plans import Plan, Step
from server.domain.priorities import Priority
from server.domain.roles import Role

_WAIT_MINUTES: Final = {Priority.HIGH: 15, Priority.MEDIUM: 240, Priority.LOW: 1440}
_CARE: Final = (Role.NURSE, Role.DOCTOR)
# A low clinical alert is for the nurse alone. A step whose role has nobody on duty is passed over:
# without a technical service, nurses are told of technical matters at once.
_ROLES: Final[Mapping[Kind, Mapping[Priority, Sequence[Role]]]] = {
    Kind.CLINICAL: {
        Priority.HIGH: _CARE,
        Priority.MEDIUM: _CARE,
        Priority.LOW: (Role.NURSE,),
    },
    Kind.ADHERENCE: dict.fromkeys(Priority, (Role.NURSE, Role.CONTACT_POINT)),
    Kind.TECHNICAL: {
        Priority.HIGH: (Role.TECHNICAL_SERVICE, *_CARE),
        Priority.MEDIUM: (Role.TECHNICAL_SERVICE, *_CARE),
        Priority.LOW: (Role.TECHNICAL_SERVICE, Role.NURSE),
    },
}


def default_chain(kind: Kind, rule: str, priority: Priority) -> list[Step]:
    """Return the steps that hold where no plan says otherwise."""
    roles = _ROLES[told_first(kind, rule)][priority]
    return [Step(role=role, minutes=_WAIT_MINUTES[priority]) for role in roles]


def chain_of(plan: Plan | None, kind: Kind, rule: str, priority: Priority) -> list[Step]:
    """Return the steps for an alert: the plan's own, else the default."""
    desk = told_first(kind, rule)
    if plan is None or desk is Kind.TECHNICAL:
        return default_chain(kind, rule, priority)
    own = plan.chain.get("adherence") if desk is Kind.ADHERENCE else None
    return own or plan.chain.get(priority.value) or default_chain(kind, rule, priority)


def chains_by_name(plan: Plan) -> dict[str, list[Step]]:
    """Return every chain that holds for a patient with this plan, by the plan's name for it."""
    chains = {priority.value: chain_of(plan, Kind.CLINICAL, "", priority) for priority in Priority}
    return {**chains, "adherence": chain_of(plan, Kind.ADHERENCE, "", Priority.LOW)}
