"""What is sent to whom over which channel: at least once, never again after a recorded success.

A message of the outbox becomes one *delivery* for each channel of each person it is for, in the
commit that notes it as shown on screen. What is due of one channel leaves together as one
*letter*: a flood of alerts is no flood of messages, and a channel has one letter under way.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from server.domain.priorities import Priority
from server.domain.reaching import TRY_FOR, held_until, is_dead, wait_after
from server.ports.alerts import Message
from server.ports.channels import Channel, ChannelKind, NewDelivery, Waiting
from server.ports.store import Transaction
from server.services.duty import duties
from server.services.matters import clear_matter, raise_matter

DUE_MAX: Final = 500
CHANNEL_DEAD: Final = "channel-dead"


@dataclass(frozen=True, slots=True)
class Letter:
    """What leaves at once over one channel: about one alert, or about several.

    ``key`` names it: a letter that is sent again, because its success was not recorded, has the
    same key. ``failing`` says that the channel's last try failed.
    """

    channel_id: int
    kind: ChannelKind
    address: str = field(repr=False)
    key: str
    language: str
    chc_name: str
    priority: Priority
    alert_ids: tuple[int, ...]
    delivery_ids: tuple[int, ...]
    failing: bool = False


class Text(NamedTuple):
    """What a letter says, in its reader's language."""

    subject: str
    body: str


class Post(Protocol):
    """Sends letters. Texts carry no name and no value."""

    def send(self, letter: Letter) -> str | None:
        """Send, within seconds; return None for a success, else why not, in one line."""
        ...


def address(tx: Transaction, messages: Sequence[Message], now: int) -> None:
    """Owe each message to every channel of whom it is for: the one person, or everybody of the
    role who is on duty in the CHC."""
    if not messages:
        return
    by_chc = duties(tx, now)
    for message in messages:
        duty = by_chc[message.chc_id]
        team = [name for name, role in duty.team.items() if role == message.role]
        names = [message.user] if message.user is not None else team
        tx.channels.owe(
            [
                NewDelivery(
                    message.chc_id,
                    message.id,
                    one.id,
                    leaves_at := held_until(
                        message.priority,
                        one.quiet_from,
                        one.quiet_until,
                        duty.hours.zone_name,
                        now,
                    ),
                    leaves_at + TRY_FOR,
                )
                for one in tx.channels.of_people(names)
            ]
        )


def due_letters(tx: Transaction, now: int, under_way: Collection[int]) -> list[Letter]:
    """Return what is due now, a letter a channel: channels that work come first.

    What is over, or due after its time, is given up here. ``under_way`` names the
    channels that have a letter under way.
    """
    waiting = tx.channels.waiting(now, DUE_MAX, under_way)
    if over := [one.id for one in waiting if one.over or one.ends_at <= now]:
        tx.channels.give_up(over)
    live = [one for one in waiting if not one.over and one.ends_at > now]
    live.sort(key=lambda one: (one.channel_id, one.id))
    letters = []
    for channel_id, due in groupby(live, key=lambda one: one.channel_id):
        channel = tx.channels.get(channel_id)
        if channel is not None:
            letters.append(_letter(channel, list(due)))
    return sorted(letters, key=lambda one: (one.failing, _urgency(one.priority)))


def note_sent(tx: Transaction, letter: Letter, now: int) -> None:
    """Record a success: what the letter held is never sent again, and the channel works."""
    tx.channels.sent(letter.delivery_ids, now)
    channel = tx.channels.get(letter.channel_id)
    if channel is not None:
        works(tx, channel, now)


def works(tx: Transaction, channel: Channel, now: int) -> None:
    """Note that a channel reached its server."""
    if channel.dead_since is not None:
        clear_matter(tx, subject=subject_of(channel.id), rule=CHANNEL_DEAD, now=now)
    if channel.failures or channel.verified_at is None or channel.dead_since is not None:
        tx.channels.save(
            channel._replace(
                verified_at=channel.verified_at or now,
                failures=0,
                failing_since=None,
                dead_since=None,
            )
        )


def note_failed(tx: Transaction, letter: Letter, error: str, now: int, jitter: float) -> None:
    """Record a failed try. A channel that fails for an hour is a technical matter (H15)."""
    channel = tx.channels.get(letter.channel_id)
    if channel is None:
        tx.channels.give_up(letter.delivery_ids)
        return
    failures, since = channel.failures + 1, channel.failing_since or now
    dead = is_dead(failures, since, now)
    if dead and channel.dead_since is None:
        raise_matter(
            tx,
            chc_id=channel.chc_id,
            subject=subject_of(channel.id),
            rule=CHANNEL_DEAD,
            priority=Priority.MEDIUM,
            detail=_name_of(tx, channel),
            now=now,
        )
    tx.channels.save(
        channel._replace(
            failures=failures,
            failing_since=since,
            dead_since=channel.dead_since or (now if dead else None),
        )
    )
    next_try_at = now + wait_after(failures, jitter)
    tx.channels.failed(letter.delivery_ids, now, next_try_at, error)


def subject_of(channel_id: int) -> str:
    """Name a channel as alerts name what they are about."""
    return f"channel:{channel_id}"


def _name_of(tx: Transaction, channel: Channel) -> str:
    return next((one.name for one in tx.directory.users() if one.id == channel.user_id), "")


def _urgency(priority: Priority) -> int:
    return list(Priority).index(priority)


def _letter(channel: Channel, due: Sequence[Waiting]) -> Letter:
    newest = due[-1]
    return Letter(
        channel_id=channel.id,
        kind=channel.kind,
        address=channel.address,
        key=f"{due[0].id}-{newest.id}-{len(due)}-{newest.ends_at}",
        language=newest.language,
        chc_name=newest.chc_name,
        alert_ids=tuple(sorted({one.alert_id for one in due})),
        priority=min((one.priority for one in due), key=_urgency),
        delivery_ids=tuple(one.id for one in due),
        failing=channel.failing_since is not None,
    )
