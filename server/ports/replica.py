"""The time-series replica for dashboards: fed from an outbox, never in the way of an alert."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Point(NamedTuple):
    """One observation to copy. ``value`` is a scaled integer, ±2**30 a comparator."""

    outbox_id: int
    chc_id: int
    patient_id: int
    code: int
    measured_at: int
    value: int
    epoch_id: int
    seq: int


class Replica(Protocol):
    """The replica outbox's part of a transaction."""

    def waiting(self, limit: int) -> list[Point]:
        """Return the oldest points to be copied."""
        ...

    def forget(self, outbox_ids: Sequence[int]) -> None:
        """Delete outbox rows that the replica has taken."""
        ...


class TimeSeries(Protocol):
    """The database that keeps the replica. Writing a point twice must change nothing."""

    def write(self, points: Sequence[Point]) -> None:
        """Write points. Raises ``ReplicaUnavailable``."""
        ...
