"""Intake between a real broker of each kind and a SQLite store, and a gateway's voice."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import topics
from contract.messages import Down, Receipt, Refused, down_decoder
from server.intake.connection import Connection, client_id
from server.intake.loop import Intake
from server.ports.store import Store
from server.settings import Settings
from server.stores.database import Database
from tests.brokers import KINDS, prepared, until
from tests.server.world import World

GATEWAY = "gw-1"


class Voice:
    """A gateway's MQTT client: says envelopes, hears answers."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.heard: list[Down] = []
        subscribed = threading.Event()
        self._mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"{GATEWAY}-voice", protocol=MQTTProtocolVersion.MQTTv311
        )
        self._mqtt.reconnect_delay_set(0.1, 0.5)
        own = (folder / f"{GATEWAY}.crt", folder / f"{GATEWAY}.key")
        self._mqtt.tls_set(settings.keys_dir / "ca.crt", *own)
        self._mqtt.on_connect = lambda client, *_: client.subscribe(topics.down(GATEWAY), qos=1)
        self._mqtt.on_subscribe = lambda *_: subscribed.set()
        self._mqtt.on_message = lambda _c, _u, one: self.heard.append(
            down_decoder.decode(one.payload)
        )
        self._mqtt.connect(*settings.broker_address)
        self._mqtt.loop_start()
        assert subscribed.wait(10)

    def say(self, payload: bytes) -> None:
        self._mqtt.publish(topics.up(GATEWAY), payload, qos=1).wait_for_publish(10)

    def receipts(self) -> list[int]:
        return [one.seq for one in self.heard if isinstance(one, Receipt)]

    def refusals(self) -> list[Refused]:
        return [one for one in self.heard if isinstance(one, Refused)]

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


@pytest.fixture(params=list(KINDS))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator:
    """A running broker of each kind."""
    made = KINDS[request.param](prepared(tmp_path, (GATEWAY,)))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def voice(broker, tmp_path: Path) -> Iterator[Voice]:
    made = Voice(broker.settings, tmp_path)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A CHC with gateway gw-1, on SQLite."""
    store = Database(f"sqlite:///{tmp_path / 'vicino.db'}")
    yield World(store)
    store.close()


def connection_of(settings: Settings) -> Connection:
    name = client_id(settings.data_dir / "intake.client-id")
    embedded = settings.embedded_broker
    return Connection(*settings.broker_address, settings.keys_dir, name, embedded=embedded)


@contextmanager
def running(settings: Settings, store: Store, now: Callable[[], int]) -> Iterator[Intake]:
    """Run intake in a thread until the block ends."""
    connection = connection_of(settings)
    intake = Intake(connection, store, now=now, stored=lambda: None, replicate=False)
    thread = threading.Thread(target=intake.run)
    thread.start()
    try:
        assert until(lambda: intake.connected)
        yield intake
    finally:
        intake.stop()
        thread.join(20)
    assert not thread.is_alive()
