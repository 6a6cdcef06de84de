"""Channels of members of staff and what was sent over them, as tables."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, insert, select, update

from server.domain.priorities import Priority
from server.ports.channels import Channel, ChannelKind, NewDelivery, Waiting
from server.stores import tables as t
from server.stores.rows import insert_new

_CHANNEL: Final = [t.channels.c[name] for name in Channel._fields]


class ChannelRows:
    """See ``ports.channels.Channels``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, channel_id: int) -> Channel | None:
        query = select(*_CHANNEL).where(
            t.channels.c.id == channel_id, t.channels.c.removed_at.is_(None)
        )
        row = self._connection.execute(query.with_for_update()).first()
        return _channel_of(row) if row else None

    def of_user(self, user_id: int) -> list[Channel]:
        return self._listed(select(*_CHANNEL).where(t.channels.c.user_id == user_id))

    def of_people(self, names: Collection[str]) -> list[Channel]:
        joined = select(*_CHANNEL).join_from(t.channels, t.users)
        return self._listed(
            joined.where(t.users.c.name.in_(sorted(names)), t.users.c.disabled_at.is_(None))
        )

    def _listed(self, query: Select[Any]) -> list[Channel]:
        query = query.where(t.channels.c.removed_at.is_(None)).order_by(t.channels.c.id)
        return [_channel_of(row) for row in self._connection.execute(query)]

    def add(self, channel: Channel) -> int:
        values = channel._asdict()
        del values["id"]
        new = insert(t.channels).values(values).returning(t.channels.c.id)
        return int(self._connection.execute(new).scalar_one())

    def save(self, channel: Channel) -> None:
        self._change(channel, **channel._asdict())

    def remove(self, channel: Channel, now: int) -> None:
        self._change(channel, removed_at=now, address="")
        waiting = update(t.deliveries).where(
            t.deliveries.c.channel_id == channel.id, t.deliveries.c.next_try_at.is_not(None)
        )
        self._connection.execute(waiting.values(next_try_at=None))

    def _change(self, channel: Channel, **values: object) -> None:
        self._connection.execute(
            update(t.channels).where(t.channels.c.id == channel.id).values(**values)
        )

    def owe(self, deliveries: Sequence[NewDelivery]) -> None:
        insert_new(self._connection, t.deliveries, deliveries, NewDelivery._fields)

    def waiting(self, now: int, limit: int, without: Collection[int]) -> list[Waiting]:
        query = (
            select(
                t.deliveries.c.id,
                t.deliveries.c.channel_id,
                t.deliveries.c.tries,
                t.deliveries.c.ends_at,
                t.alerts.c.id,
                t.alerts.c.priority,
                t.alerts.c.closed_at.is_not(None) | t.users.c.disabled_at.is_not(None),
                t.chcs.c.name,
                t.users.c.language,
            )
            .join_from(t.deliveries, t.messages)
            .join(t.alerts, t.alerts.c.id == t.messages.c.alert_id)
            .join(t.channels, t.channels.c.id == t.deliveries.c.channel_id)
            .join(t.users, t.users.c.id == t.channels.c.user_id)
            .join(t.chcs, t.chcs.c.id == t.channels.c.chc_id)
            .where(
                t.deliveries.c.next_try_at <= now,
                t.deliveries.c.next_try_at.is_not(None),
                t.deliveries.c.channel_id.not_in(sorted(without)),
            )
            .order_by(t.channels.c.failing_since.is_not(None), t.deliveries.c.next_try_at)
            .limit(limit)
        )
        return [
            Waiting._make((*row[:5], Priority(row[5]), bool(row[6]), *row[7:]))
            for row in self._connection.execute(query)
        ]

    def sent(self, delivery_ids: Collection[int], now: int) -> None:
        self._settle(delivery_ids, delivered_at=now, tried_at=now, next_try_at=None, error=None)

    def failed(self, delivery_ids: Collection[int], now: int, next_try_at: int, error: str) -> None:
        self._settle(delivery_ids, tried_at=now, next_try_at=next_try_at, error=error[:200])

    def _settle(self, delivery_ids: Collection[int], **values: object) -> None:
        change = update(t.deliveries).where(t.deliveries.c.id.in_(sorted(delivery_ids)))
        self._connection.execute(change.values(tries=t.deliveries.c.tries + 1, **values))

    def give_up(self, delivery_ids: Collection[int]) -> None:
        change = update(t.deliveries).where(t.deliveries.c.id.in_(sorted(delivery_ids)))
        self._connection.execute(change.values(next_try_at=None))


def _channel_of(row: Row[Any]) -> Channel:
    values = dict(zip(Channel._fields, row, strict=True))
    return Channel(**{**values, "kind": ChannelKind(values["kind"])})
