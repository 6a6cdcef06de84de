"""Taking a gateway's access, and replacing a broken one by another.

The database is told first, so that nothing of it is taken any more; then the broker, which
disconnects it at once. What speaks of the box alone is closed with it; what speaks of measurements
stays open for a person.
"""

from typing import Final

from server.domain import alerts as life
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.directory import User
from server.ports.fleet import Box
from server.ports.store import Transaction
from server.services.matters import keep

REASON_MAX: Final = 250
OF_THE_BOX: Final = (
    *("gateway-silent", "gateway-clock", "gateway-disk", "certificate-near-end"),
    *("gateway-deaf", "gateway-full"),
    *("broker-denied", "broker-replaced", "broker-oversized", "broker-refused"),
)


def own_box(tx: Transaction, user: User, gateway: str) -> Box:
    """Return a gateway of the user's CHC. Raises ``NotFound``."""
    box = tx.fleet.box(gateway)
    if box is None or box.chc_id != user.chc_id:
        raise NotFound(f"gateway {gateway}")
    return box


def check(tx: Transaction, user: User, gateway: str, successor: str | None, reason: str) -> Box:
    """Return the gateway where its access may be taken.

    Raises ``IllegalTransition`` where it has none any more, ``WrongInput`` for a successor that
    cannot be or a reason that is missing.
    """
    box = own_box(tx, user, gateway)
    if box.revoked_at is not None:
        raise IllegalTransition(f"gateway {gateway} has no access any more")
    if successor is not None and successor not in tx.fleet.successors(box.chc_id, gateway):
        raise WrongInput("successor: another gateway of this CHC that has access")
    if not 0 < len(reason) <= REASON_MAX:
        raise WrongInput(f"reason: 1 to {REASON_MAX} characters")
    return box


def take_away(
    tx: Transaction, user: User, gateway: str, successor: str | None, reason: str, now: int
) -> None:
    """Take a gateway's access for good; ``successor`` stands in for it. Raises as ``check``."""
    box = check(tx, user, gateway, successor, reason)
    tx.fleet.revoke(gateway, successor, now)
    what = "gateway-revoked" if successor is None else "gateway-replaced"
    detail = f"{gateway}{f' by {successor}' if successor else ''}: {reason}"
    tx.audit(user.name, what, now, chc_id=box.chc_id, detail=detail)
    subject = f"gateway:{gateway}"
    for (_, rule), alert in tx.alerts.open_of([subject]).items():
        if rule in OF_THE_BOX:
            outcome = life.Outcome.TECHNICAL_FIXED
            change = life.closed(alert, by=user.name, outcome=outcome, next_review_at=None, now=now)
            keep(tx, change, now)
