"""What follows behind the record and may lag: the chart store and the time-series replica."""

from typing import Final

from server.ports.replica import TimeSeries
from server.ports.store import Store

CHART_ROWS_MAX: Final = 5000
REPLICA_ROWS_MAX: Final = 1000


def follow_charts(store: Store, now: int) -> bool:
    """Write the charts of the next judged inputs; return whether there may be more."""
    with store.write() as tx:
        until, after = tx.inputs.cursor(), tx.charts.cursor()
        if after >= until:
            return False
        reached, keys = tx.charts.changed(after, until, CHART_ROWS_MAX)
        tx.charts.rebuild(sorted(keys), until)
        tx.charts.move_cursor(reached, now)
        return reached < until


def follow_replica(store: Store, replica: TimeSeries) -> bool:
    """Take out and copy the oldest waiting points; return whether there may be more.

    Raises ``ReplicaUnavailable``; what was not taken stays in the outbox.
    """
    with store.read() as tx:
        waiting = tx.replica.waiting(REPLICA_ROWS_MAX)
    if not waiting.outbox_ids:
        return False
    if waiting.gone:
        replica.erase(waiting.gone)
    if waiting.written:
        replica.write(waiting.written)
    with store.write() as tx:
        tx.replica.forget(sorted(set(waiting.outbox_ids)))
    return True
