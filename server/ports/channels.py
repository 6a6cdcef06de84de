"""The ways to reach members of staff away from the screen, and what was sent by them."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from server.domain.priorities import Priority


class ChannelKind(StrEnum):
    """How a channel reaches a person."""

    EMAIL = "email"
    APPRISE = "apprise"


class Channel(NamedTuple):
    """One way to reach a member of staff. ``address`` is an e-mail address or an Apprise URL.

    ``quiet_from`` and ``quiet_until`` are minutes of the day in the CHC's zone, in which messages
    of low priority wait. ``failing_since`` is the first failure since the last success.
    """

    id: int
    chc_id: int
    user_id: int
    kind: ChannelKind
    address: str
    made_at: int
    verified_at: int | None = None
    tested_at: int | None = None
    quiet_from: int | None = None
    quiet_until: int | None = None
    failures: int = 0
    failing_since: int | None = None
    dead_since: int | None = None

    def __repr__(self) -> str:
        """Leave the address out of logs: it may carry a key."""
        return f"Channel({self.id}, {self.kind})"


class NewDelivery(NamedTuple):
    """A message to be sent over a channel from an instant on, until another."""

    chc_id: int
    message_id: int
    channel_id: int
    next_try_at: int
    ends_at: int


class Waiting(NamedTuple):
    """A delivery whose time has come, with what its text needs of the alert and of the person.

    ``over`` says that the alert is closed, or that the person does not work here any more.
    """

    id: int
    channel_id: int
    tries: int
    ends_at: int
    alert_id: int
    priority: Priority
    over: bool
    chc_name: str
    language: str


class Channels(Protocol):
    """The channels' part of a transaction."""

    def get(self, channel_id: int) -> Channel | None:
        """Return one channel that was not removed, locked against other writers."""
        ...

    def of_user(self, user_id: int) -> list[Channel]:
        """Return a member of staff's channels, oldest first."""
        ...

    def of_people(self, names: Collection[str]) -> list[Channel]:
        """Return the channels of members of staff by their sign-in names."""
        ...

    def add(self, channel: Channel) -> int:
        """Insert a channel (its id is ignored) and return its id."""
        ...

    def save(self, channel: Channel) -> None:
        """Write a changed channel."""
        ...

    def remove(self, channel: Channel, now: int) -> None:
        """Forget a channel's address and send nothing more over it; what was sent stays known."""
        ...

    def owe(self, deliveries: Sequence[NewDelivery]) -> None:
        """Write deliveries; one that is there already stays as it is."""
        ...

    def waiting(self, now: int, limit: int, without: Collection[int]) -> list[Waiting]:
        """Return deliveries whose time has come, of all channels but some: those of channels
        that work first."""
        ...

    def sent(self, delivery_ids: Collection[int], now: int) -> None:
        """Note a success: these are never sent again."""
        ...

    def failed(self, delivery_ids: Collection[int], now: int, next_try_at: int, error: str) -> None:
        """Note a failed try, and when the next one is."""
        ...

    def give_up(self, delivery_ids: Collection[int]) -> None:
        """Try these no more: their time is over, or the alert is closed."""
        ...
