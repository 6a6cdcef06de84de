"""Where a chain leads to nobody, or to somebody whom no message reaches away from the screen."""

from typing import NamedTuple

from server.domain.chains import chains_by_name
from server.domain.plans import Plan
from server.domain.roles import Role
from server.ports.store import Transaction


class Gap(NamedTuple):
    """Members of staff of a role in a chain, by full name, who have no channel; or, without any
    name, that nobody has the role. A role of None is the out-of-hours recipient."""

    role: Role | None
    unreached: tuple[str, ...]


def gaps_of(tx: Transaction, chc_id: int, plan: Plan) -> list[Gap]:
    """Return what to say before a plan's chains are confirmed."""
    staff = [
        user for user in tx.directory.users() if user.chc_id == chc_id and user.disabled_at is None
    ]
    reached = {one.user_id for one in tx.channels.of_people([user.name for user in staff])}
    roles = dict.fromkeys(step.role for steps in chains_by_name(plan).values() for step in steps)
    found = []
    for role in roles:
        people = [user for user in staff if user.role == role]
        without = tuple(user.full_name for user in people if user.id not in reached)
        if without or not people:
            found.append(Gap(role, without))
    agreed = tx.directory.chc_by_id(chc_id).recipient
    return found + [
        Gap(None, (user.full_name,))
        for user in staff
        if user.name == agreed and user.id not in reached
    ]
