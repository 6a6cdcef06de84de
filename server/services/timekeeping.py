"""A jump of the server's own clock is a technical matter: every time on the pages hangs on it."""

from server.domain.instants import SECOND
from server.domain.plans import Priority
from server.ports.store import Transaction
from server.services.matters import clear_matter, raise_matter

_RULE = "server-clock-jumped"


def note_clock(tx: Transaction, jumped_ms: int, now: int) -> None:
    """Raise or clear the matter. The first CHC is told: the clock is everybody's."""
    chc_id = tx.directory.first_chc()
    if chc_id is None:  # nobody is set up yet, so nobody could be told
        return
    if jumped_ms == 0:
        clear_matter(tx, subject="server", rule=_RULE, now=now)
        return
    raise_matter(
        tx,
        chc_id=chc_id,
        subject="server",
        rule=_RULE,
        priority=Priority.HIGH,
        detail=f"{jumped_ms / SECOND:+.0f} s",
        now=now,
    )
