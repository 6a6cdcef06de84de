"""A member of staff's own channels: adding, removing, testing, quiet hours. All on the record."""

import re
from collections.abc import Collection
from typing import Final

from server.domain.instants import SECOND
from server.domain.priorities import Priority
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.channels import Channel, ChannelKind
from server.ports.directory import User
from server.ports.store import Transaction
from server.services.delivering import CHANNEL_DEAD, Letter, subject_of, works
from server.services.matters import clear_matter
from server.settings import EMAIL

CHANNELS_MAX: Final = 5
EMAIL_MAX: Final = 254  # RFC 5321, 4.5.3.1.3, without its brackets
URL_MAX: Final = 500
TEST_EVERY: Final = 30 * SECOND
DAY_MINUTES: Final = 24 * 60
# No query: parameters of some of Apprise's services name files of this machine.
_URL: Final = re.compile(r"([a-z0-9]+)://[!-~]+")


def add(
    tx: Transaction, user: User, kind: str, address: str, schemas: Collection[str], now: int
) -> int:
    """Add a channel of one's own, and return its id. Raises ``WrongInput``."""
    if kind not in list(ChannelKind):
        raise WrongInput("kind: e-mail or a service")
    if not _usable(ChannelKind(kind), address, schemas):
        raise WrongInput("address: cannot be used")
    own = tx.channels.of_user(user.id)
    if len(own) >= CHANNELS_MAX:
        raise WrongInput(f"address: at most {CHANNELS_MAX} channels")
    if any(one.address == address for one in own):
        raise WrongInput("address: it is there already")
    channel_id = tx.channels.add(Channel(0, user.chc_id, user.id, ChannelKind(kind), address, now))
    _record(tx, user, "channel-added", channel_id, now)
    return channel_id


def remove(tx: Transaction, user: User, channel_id: int, now: int) -> None:
    """Remove a channel of one's own; what it owed is given up. Raises ``NotFound``."""
    channel = find(tx, user, channel_id)
    tx.channels.remove(channel, now)
    clear_matter(tx, subject=subject_of(channel.id), rule=CHANNEL_DEAD, now=now)
    _record(tx, user, "channel-removed", channel_id, now)


def be_quiet(
    tx: Transaction, user: User, channel_id: int, span: tuple[int, int] | None, now: int
) -> None:
    """Let low messages wait between two minutes of the day, or never. Raises ``NotFound`` and
    ``WrongInput``."""
    channel = find(tx, user, channel_id)
    if span is not None and not (
        all(0 <= minute < DAY_MINUTES for minute in span) and span[0] != span[1]
    ):
        raise WrongInput("quiet: two different minutes of a day")
    quiet_from, quiet_until = span or (None, None)
    tx.channels.save(channel._replace(quiet_from=quiet_from, quiet_until=quiet_until))
    _record(tx, user, "channel-quiet-hours", channel_id, now)


def begin_test(tx: Transaction, user: User, channel_id: int, chc_name: str, now: int) -> Letter:
    """Return a test letter to send at once. Raises ``NotFound``, and ``IllegalTransition`` so soon
    after the last one."""
    channel = find(tx, user, channel_id)
    if channel.tested_at is not None and now - channel.tested_at < TEST_EVERY:
        raise IllegalTransition("tested a moment ago")
    tx.channels.save(channel._replace(tested_at=now))
    return Letter(
        channel_id=channel.id,
        kind=channel.kind,
        address=channel.address,
        key=f"test-{channel.id}-{now}",
        language=user.language,
        chc_name=chc_name,
        priority=Priority.LOW,
        alert_ids=(),
        delivery_ids=(),
    )


def end_test(tx: Transaction, user: User, channel_id: int, error: str | None, now: int) -> None:
    """Record what came of a test; a success shows that the channel works."""
    channel = tx.channels.get(channel_id)
    if channel is not None and error is None:
        works(tx, channel, now)
    _record(tx, user, "channel-tested", channel_id, now, "failed" if error else "sent")


def find(tx: Transaction, user: User, channel_id: int) -> Channel:
    """Return a channel of one's own. Raises ``NotFound``."""
    channel = tx.channels.get(channel_id)
    if channel is None or channel.user_id != user.id:
        raise NotFound(f"channel {channel_id}")
    return channel


def _usable(kind: ChannelKind, address: str, schemas: Collection[str]) -> bool:
    if kind is ChannelKind.EMAIL:
        return len(address) <= EMAIL_MAX and re.fullmatch(EMAIL, address) is not None
    found = _URL.fullmatch(address)
    return (
        found is not None and len(address) <= URL_MAX and "?" not in address and found[1] in schemas
    )


def _record(
    tx: Transaction, user: User, what: str, channel_id: int, now: int, detail: str = ""
) -> None:
    """Put it on the record; the address is not: audit rows are kept for good."""
    said = f"channel {channel_id} {detail}".strip()
    tx.audit(user.name, what, now, chc_id=user.chc_id, detail=said)
