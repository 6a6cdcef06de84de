"""What was sent and has no receipt yet, and when it is sent again. Pure: time is an argument."""

from dataclasses import dataclass, field
from typing import Final

ENVELOPES_MAX: Final = 4  # unanswered at once: a server that comes back is not flooded
BACK_OFF_SECONDS_MAX: Final = 600.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One envelope on its way: its rows, the hash of its bytes, when it left (monotonic s)."""

    first: int
    last: int
    sha256: str
    at: float


@dataclass(slots=True)
class Flight:
    """The envelopes without a receipt, oldest first."""

    receipt_seconds: float
    _sent: list[Sent] = field(default_factory=list)
    _misses: int = 0

    @property
    def last(self) -> int:
        """The highest sequence number on its way; 0 when nothing is."""
        return self._sent[-1].last if self._sent else 0

    @property
    def missing(self) -> bool:
        """Tell whether a receipt is late and has not come since."""
        return self._misses > 0

    def has_room(self) -> bool:
        """Tell whether one more envelope may leave."""
        # While receipts are late one envelope is enough to find out that they are back.
        return len(self._sent) < (1 if self.missing else ENVELOPES_MAX)

    def add(self, sent: Sent) -> None:
        """Note that an envelope left."""
        self._sent.append(sent)

    def receipted(self, seq: int) -> bool:
        """Take a receipt; tell whether receipts had been missing until now."""
        was_missing, before = self.missing, len(self._sent)
        self._sent = [sent for sent in self._sent if sent.last > seq]
        if len(self._sent) < before:
            self._misses = 0
        return was_missing and not self.missing

    def overdue(self, now: float) -> bool:
        """Tell whether the oldest envelope waited too long for its receipt."""
        return bool(self._sent) and now >= self._due()

    def miss(self) -> None:
        """A receipt did not come: everything leaves again, later each time."""
        self._misses += 1
        self._sent.clear()

    def again(self) -> None:
        """Everything leaves again now: the connection is new, or an envelope was refused."""
        self._sent.clear()

    def reconnected(self) -> None:
        """Begin anew on a new connection, without what the old one made us wait."""
        self._sent.clear()
        self._misses = min(self._misses, 1)

    def find(self, sha256: str) -> Sent | None:
        """Return the envelope with these bytes, if it is on its way."""
        return next((sent for sent in self._sent if sent.sha256 == sha256), None)

    def wait_seconds(self, now: float) -> float | None:
        """Return how long until something is overdue; None when nothing is on its way."""
        return max(0.0, self._due() - now) if self._sent else None

    def _due(self) -> float:
        return self._sent[0].at + min(
            self.receipt_seconds * 2.0**self._misses, BACK_OFF_SECONDS_MAX
        )
