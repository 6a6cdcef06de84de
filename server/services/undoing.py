"""Ending what an alert rests on: late data superseded it, or it was entered in error."""

from collections.abc import Sequence

from server.domain.alerts import Alert
from server.domain.plans import Step
from server.domain.undoing import ENTERED_IN_ERROR, partly_withdrawn, unsupported
from server.ports.store import Transaction
from server.services.matters import keep


def end_evidence(tx: Transaction, alert: Alert, why: str, chain: Sequence[Step], now: int) -> None:
    """Bring an open alert up to date, findings of which have just ended.

    Late data that ends a part of them says nothing: the alert holds, and its values were true.
    """
    left = tx.alerts.evidence_left(alert.id)
    if not left:
        keep(tx, unsupported(alert, why, now, chain), now)
    elif why == ENTERED_IN_ERROR:
        keep(tx, partly_withdrawn(alert, left, chain), now)
