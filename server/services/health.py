"""Is the watcher alive? What ``/health`` says, for an outside monitor to poll (hazard H15)."""

from dataclasses import asdict, dataclass
from typing import Final

from server.domain.instants import SECOND
from server.ports.store import Store
from server.services.polling import ENGINE, POLLER

# Both loops report every few seconds; half a minute without a word is a death or a jam.
AGE_MAX: Final = 30 * SECOND
# Stored input that nobody judged for this long is a jam, even with the loop alive.
UNJUDGED_MAX: Final = 120 * SECOND


@dataclass(frozen=True, slots=True)
class Health:
    """The JSON of ``/health``; ages are None where a loop never ran."""

    status: str
    broker: str
    measurements: int
    observations: int
    held: int
    quarantined: int
    set_aside: int
    open_alerts: int
    gateways_seen: int
    unjudged: int
    engine_age_s: float | None
    poller_age_s: float | None

    def as_json(self) -> dict[str, object]:
        """Return it as a plain dictionary."""
        return asdict(self)


def check_health(store: Store, *, broker_ready: bool, now: int) -> Health:
    """Read counters and ages. Raises ``StoreUnavailable``."""
    with store.read() as tx:
        counts = tx.views.counts()
        ages = [_age(tx.views.heartbeat_at(name), now) for name in (ENGINE, POLLER)]
        oldest = tx.views.oldest_unjudged_at()
    jammed = oldest is not None and now - oldest > UNJUDGED_MAX
    late = any(age is None or abs(age) > AGE_MAX / SECOND for age in ages)
    failing = late or jammed or not broker_ready
    return Health(
        status="failing" if failing else "ok",
        broker="connected" if broker_ready else "gone",
        engine_age_s=ages[0],
        poller_age_s=ages[1],
        **counts._asdict(),
    )


def _age(at: int | None, now: int) -> float | None:
    return None if at is None else round((now - at) / SECOND, 1)
