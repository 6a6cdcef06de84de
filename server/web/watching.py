"""Is anybody watching? A list that looks calm because the watcher is dead must say so (H15)."""

from collections.abc import Iterator

from server.ports.store import Transaction
from server.services.health import AGE_MAX, UNJUDGED_MAX
from server.services.polling import ENGINE, POLLER
from server.web.catalogues import N_
from server.web.visit import Visit


def not_watching(visit: Visit, tx: Transaction) -> list[str]:
    """Return what the server does not do now, as texts; none while all is well."""
    return list(_faults(visit, tx))


def _faults(visit: Visit, tx: Transaction) -> Iterator[str]:
    oldest = tx.views.oldest_unjudged_at()
    jammed = oldest is not None and visit.now - oldest > UNJUDGED_MAX
    if jammed or _silent(visit, tx.views.heartbeat_at(ENGINE)):
        yield N_("Measurements are not being judged: new values raise no alert.")
    if _silent(visit, tx.views.heartbeat_at(POLLER)):
        yield N_("Deadlines are not being minded: nothing escalates.")
    if not visit.site.broker_ready():
        yield N_("The message broker is gone: nothing arrives from the gateways.")


def _silent(visit: Visit, beat_at: int | None) -> bool:
    return beat_at is None or visit.now - beat_at > AGE_MAX
