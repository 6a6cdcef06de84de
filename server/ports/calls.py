"""Calls to homes about alerts, and by when something must follow."""

from typing import NamedTuple, Protocol


class Call(NamedTuple):
    """One call. ``used_up``: nobody answered as often as the plan lets it; somebody must go there.

    ``due_at`` is by when something must follow, ``ended_at`` when it did or was told.
    """

    id: int
    chc_id: int
    alert_id: int
    by: str
    at: int
    result: str
    used_up: bool = False
    due_at: int | None = None
    ended_at: int | None = None


class Calls(Protocol):
    """The calls' part of a transaction."""

    def of(self, alert_id: int) -> list[Call]:
        """Return an alert's calls, the oldest first."""
        ...

    def add(self, call: Call) -> None:
        """Insert a call (its id is ignored); what earlier ones of the alert waited for ends."""
        ...

    def unanswered(self, chc_id: int) -> dict[int, Call]:
        """Return the last call about each open alert of a CHC that nobody answered, by alert:
        what has to follow it has not been done yet."""
        ...

    def due(self, now: int, limit: int) -> list[Call]:
        """Return the calls after which nothing followed in time, of open alerts."""
        ...

    def end(self, call_id: int, now: int) -> None:
        """Note that it was told."""
        ...
