"""A gateway's card, or the server's database, put back from an older copy: nothing more is lost.

The real outbox and uplink of a gateway, and the real services on a real store; between them a
link without a broker.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from contract.messages import Measurement, encoder
from gateway import clock
from gateway.outbox import OutboxThread
from gateway.uplink import Events, Uplink
from server.services.storing import Arrival
from server.stores.database import Database
from tests.server.world import T0, World, wire

CUFF = "AA:BB:CC:DD:EE:01"
GATEWAY = "gw-1"


class DirectLink:
    """A ``Link`` that hands every message to the server at once, and its answers back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cut = False

    def start(self, events: Events, will: Callable[[str], bytes]) -> None:
        self._loop = asyncio.get_running_loop()
        self._events = events
        events.connected("1" * 32)

    def publish(self, payload: bytes) -> bool:
        if not self.cut:
            for answer in self.world.send(Arrival(GATEWAY, payload)):
                self._loop.call_soon(self._events.received, encoder.encode(answer))
        return not self.cut

    async def stop(self) -> None:
        """Nothing to end."""


@asynccontextmanager
async def running(folder: Path, link: DirectLink) -> AsyncIterator[OutboxThread]:
    outbox = OutboxThread(folder / "outbox.db")
    uplink = Uplink(
        gateway=GATEWAY,
        version="0",
        link=link,
        outbox=outbox,
        receipt_seconds=0.2,
        moment=lambda: clock.now("host"),
        obey=lambda _order: None,
    )
    task = asyncio.create_task(uplink.run())
    try:
        yield outbox
        if not link.cut:
            await everything_receipted(outbox, uplink)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outbox.close()


async def everything_receipted(outbox: OutboxThread, uplink: Uplink) -> None:
    async with asyncio.timeout(20):
        uplink.look()
        while (await outbox.state()).depth:
            await asyncio.sleep(0.02)


async def measure(outbox: OutboxThread, moments: range) -> None:
    for moment in moments:

        def made(_epoch: str, seq: int, moment: int = moment) -> Measurement:
            return wire(seq, 1000 + moment, {"systolic": "120"}, T0 + moment)

        await outbox.store(made)


def received(world: World) -> list[int]:
    """Return the moments of the stored measurements."""
    rows = world.rows("SELECT received_at FROM measurements WHERE fate = 'stored'")
    return sorted(row[0] - T0 for row in rows)


def rules(world: World) -> set[str]:
    return {row[0] for row in world.rows("SELECT rule FROM alerts")}


def a_home(path: Path) -> World:
    world = World(Database(f"sqlite:///{path}"))
    world.now = T0 + 1000
    world.device(CUFF, world.patient())
    return world


async def test_a_card_put_back_loses_none_of_the_measurements_that_follow(tmp_path: Path) -> None:
    """Taken and sent at once: the receipt of numbers not given yet begins a new epoch."""
    world = a_home(tmp_path / "vicino.db")
    async with running(tmp_path, DirectLink(world)) as outbox:
        await measure(outbox, range(1, 4))
    shutil.copy(tmp_path / "outbox.db", tmp_path / "image.db")
    async with running(tmp_path, DirectLink(world)) as outbox:
        await measure(outbox, range(4, 11))
    (tmp_path / "image.db").rename(tmp_path / "outbox.db")
    async with running(tmp_path, DirectLink(world)) as outbox:
        await measure(outbox, range(11, 14))
    assert received(world) == list(range(1, 14))
    world.store.close()


async def test_a_card_put_back_that_catches_up_offline_loses_none_either(tmp_path: Path) -> None:
    """Its numbers are then beyond what the server receipted: only their contents differ."""
    world = a_home(tmp_path / "vicino.db")
    link = DirectLink(world)
    async with running(tmp_path, link) as outbox:
        await measure(outbox, range(1, 4))
    shutil.copy(tmp_path / "outbox.db", tmp_path / "image.db")
    async with running(tmp_path, link) as outbox:
        await measure(outbox, range(4, 7))
    (tmp_path / "image.db").rename(tmp_path / "outbox.db")
    link.cut = True
    async with running(tmp_path, link) as outbox:
        await measure(outbox, range(7, 17))
    link.cut = False
    async with running(tmp_path, link):
        pass
    assert received(world) == list(range(1, 17))
    assert rules(world) == {"gateway-numbers-again"}
    world.store.close()


async def test_a_database_put_back_gets_all_that_the_gateway_still_has(tmp_path: Path) -> None:
    world = a_home(tmp_path / "vicino.db")
    link = DirectLink(world)
    async with running(tmp_path, link) as outbox:
        await measure(outbox, range(1, 4))
    world.store.close()
    shutil.copy(tmp_path / "vicino.db", tmp_path / "backup.db")
    world.store = Database(world.store.url)
    async with running(tmp_path, link) as outbox:
        await measure(outbox, range(4, 8))
    world.store.close()
    (tmp_path / "backup.db").rename(tmp_path / "vicino.db")
    world.store = Database(world.store.url)
    async with running(tmp_path, link) as outbox:  # more than may be on its way at once
        await measure(outbox, range(8, 308))
    assert received(world) == [1, 2, 3, *range(8, 308)]
    ((detail,),) = world.rows("SELECT detail FROM alerts WHERE rule = 'measurements-missing'")
    assert detail.endswith(" 4..7: 4")
    world.store.close()
