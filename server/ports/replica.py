"""The time-series replica for dashboards: fed from an outbox, never in the way of an alert."""

from collections.abc import Collection, Sequence
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


class Waiting(NamedTuple):
    """The oldest rows of the outbox: points to take out, then points to write; those of what is
    stored no more are neither."""

    outbox_ids: list[int]
    gone: list[Point]
    written: list[Point]


class Replica(Protocol):
    """The replica outbox's part of a transaction. Without a replica nothing is noted."""

    def waiting(self, limit: int) -> Waiting:
        """Return what the oldest rows of the outbox ask for."""
        ...

    def note(
        self, gone: Collection[tuple[int, int, int]], come: Collection[tuple[int, int]]
    ) -> None:
        """Note measurements that are no longer a patient's (epoch, seq, patient), and such as are
        somebody's now."""
        ...

    def forget(self, outbox_ids: Sequence[int]) -> None:
        """Delete outbox rows that the replica has taken."""
        ...


class TimeSeries(Protocol):
    """The database that keeps the replica. Writing a point twice must change nothing."""

    def write(self, points: Sequence[Point]) -> None:
        """Write points. Raises ``ReplicaUnavailable``."""
        ...

    def erase(self, points: Sequence[Point]) -> None:
        """Take points out. Raises ``ReplicaUnavailable``."""
        ...
