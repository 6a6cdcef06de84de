"""Commands leave through intake's connection: once, in time, and never in the way of storing."""

from contextlib import contextmanager

import pytest

from contract.messages import Command
from server.errors import StoreUnavailable
from server.services import commanding
from tests.brokers import until
from tests.server.intake.conftest import running
from tests.server.world import World, envelope, wire

pytestmark = [pytest.mark.broker, pytest.mark.processes]


def order(world: World, code: str, expires_at: int) -> int:
    with world.store.write() as tx:
        return tx.commands.add(
            chc_id=world.chc,
            gateway="gw-1",
            name="measure-again",
            code=code,
            now=world.now,
            expires_at=expires_at,
        )


def heard(voice) -> list[Command]:
    return [one for one in voice.heard if isinstance(one, Command)]


def test_a_command_reaches_its_gateway_once(broker, voice, world):
    with running(broker.settings, world.store, lambda: world.now):
        order(world, "systolic", world.now + 1)
        order(world, "weight", world.now)
        assert until(lambda: heard(voice))
        assert not until(lambda: len(heard(voice)) > 1, 2.5)
    ends = world.now + 1
    more = {"name": "measure-again", "code": "systolic", "expires_at": ends}
    assert heard(voice) == [Command(gateway="gw-1", **more)]
    rows = world.rows("SELECT code, sent_at FROM commands ORDER BY id")
    assert rows == [("systolic", world.now), ("weight", None)]


def test_what_is_taken_by_one_is_not_sent_by_another(world):
    number = order(world, "systolic", world.now + 1)
    with world.store.write() as tx:
        assert len(tx.commands.take([number], world.now)) == 1
        assert tx.commands.take([number], world.now) == []
    assert commanding.send(world.store, lambda *_: None, world.now) == 0


class Unreadable:
    """A real store that cannot be read; what is written is stored."""

    def __init__(self, store):
        self._store = store
        self.asked = False

    def write(self):
        return self._store.write()

    @contextmanager
    def read(self):
        self.asked = True
        raise StoreUnavailable("cannot be read")
        yield


@pytest.mark.parametrize("broker", ["nats"], indirect=True)
def test_commands_that_cannot_be_read_hinder_no_measurement(broker, voice, world):
    world.device("AA:BB:CC:DD:EE:01", world.patient())
    store = Unreadable(world.store)
    with running(broker.settings, store, lambda: world.now):
        assert until(lambda: store.asked)
        voice.say(envelope("gw-1", [wire(1, 1, {"systolic": "120"}, world.now)], 1).payload)
        assert until(voice.receipts)
