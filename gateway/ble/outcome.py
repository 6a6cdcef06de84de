"""What becomes of a delivery, and of a session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from contract.messages import Origin
from gateway.ble.joiner import Arrival
from gateway.ble.records import LastRecord


class Kept(Enum):
    """What became of a delivery."""

    STORED = auto()
    """It is news, and on our disk."""
    KNOWN = auto()
    """It was stored before."""
    WAITS = auto()
    """It waits in memory: the disk takes nothing now."""


Deliver = Callable[[Arrival, Origin], Awaitable[Kept]]


class Ended(Enum):
    """Why a session ended."""

    BY_PEER = auto()
    """The peripheral disconnected: it has nothing more to say, or the link was lost."""
    READ = auto()
    """Its memory was read to the end."""
    IDLE = auto()
    """Nothing came for a while."""
    BY_LIMIT = auto()
    """It was still talking when its time was over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session gave: how much news, why it ended, the battery in % if it said so.

    ``last`` is from where its memory is to be read the next time; None: all of it.
    """

    news: int
    ended: Ended
    battery: int | None
    last: LastRecord | None = None
