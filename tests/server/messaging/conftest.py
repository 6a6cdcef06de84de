"""A world with an alert to tell, a mailbox on a real SMTP server, and the loop that sends."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from server.domain.priorities import Priority
from server.messaging.delivery import WORKERS, Delivery
from server.messaging.post import CourierPost
from server.messaging.screen import Screen
from server.ports.channels import Channel, ChannelKind
from server.services.matters import raise_matter
from server.services.telling import deliver_messages
from server.settings import Smtp
from server.web import letters
from tests.server.messaging.receivers import Mailbox, smtp_server
from tests.server.world import World

PAGES = "https://vicino.example"


def post_to(port: int, schemas: tuple[str, ...] = ()) -> CourierPost:
    """Make a post that sends e-mail to a local port."""
    smtp = Smtp(host="127.0.0.1", port=port, tls="none", sender="vicino@chc.example")
    return CourierPost(smtp, schemas, letters.writer(PAGES))


@dataclass
class Office:
    """A CHC whose messages are sent; ``now`` is everybody's clock."""

    world: World
    mailbox: Mailbox
    port: int
    schemas: tuple[str, ...] = ("json",)
    delivery: Delivery = field(init=False)

    def __post_init__(self) -> None:
        post = post_to(self.port, self.schemas)
        self.delivery = Delivery(self.world.store, post, lambda: self.world.now, lambda: 0.0)
        self.pool = ThreadPoolExecutor(WORKERS)

    def channel(
        self,
        name: str,
        address: str,
        kind: ChannelKind = ChannelKind.EMAIL,
        quiet: tuple[int | None, int | None] = (None, None),
    ) -> int:
        with self.world.store.write() as tx:
            user = tx.directory.user(name)
            assert user is not None
            return tx.channels.add(
                Channel(
                    0, user.chc_id, user.id, kind, address, self.world.now,
                    quiet_from=quiet[0], quiet_until=quiet[1],
                )
            )  # fmt: skip

    def matter(self, rule: str = "gateway-silent", priority: Priority = Priority.HIGH) -> int:
        """Raise an alert that is told at once to the nurses on duty; return its number."""
        with self.world.store.write() as tx:
            alert = raise_matter(
                tx,
                chc_id=self.world.chc,
                subject="gateway:gw-1",
                rule=rule,
                priority=priority,
                detail="",
                now=self.world.now,
            )
        self.tell()
        return alert.id

    def tell(self) -> None:
        deliver_messages(self.world.store, Screen(lambda: None), self.world.now)

    def look(self) -> None:
        """Send what is due, and wait until the fate of all of it is recorded."""
        self.delivery.look(self.pool)
        while self.delivery._under_way:
            for _, future in list(self.delivery._under_way.values()):
                future.exception()
            self.delivery._record()

    def fates(self) -> list[tuple[int, int, bool, bool]]:
        """Return (channel, tries, delivered, still tried) of every delivery."""
        return [
            (row[0], row[1], row[2] is not None, row[3] is not None)
            for row in self.world.rows(
                "select channel_id, tries, delivered_at, next_try_at from deliveries order by id"
            )
        ]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def mail_port(mailbox: Mailbox) -> Iterator[int]:
    with smtp_server(mailbox) as port:
        yield port


@pytest.fixture
def office(world: World, mailbox: Mailbox, mail_port: int) -> Iterator[Office]:
    made = Office(world, mailbox, mail_port)
    yield made
    made.pool.shutdown()
