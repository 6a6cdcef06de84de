"""Real brokers over mutual TLS, and a small server that answers as the contract says."""

import hashlib
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from contract import topics
from contract.messages import (
    Birth,
    Heartbeat,
    Measurements,
    Receipt,
    Refused,
    Will,
    element_decoder,
    encoder,
    up_decoder,
)
from server.settings import Settings
from tests.brokers import KINDS, Mosquitto, Nats, prepared
from tests.gateway.fake_bluez import private_bus

GATEWAY = "gw-001"


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    """An authority with a certificate for the broker, the server and a gateway."""
    return prepared(tmp_path / "broker", (GATEWAY,))


@pytest.fixture
def keys(place: Settings) -> Path:
    """What the gateway is given: its certificate and key, and the authority's certificate."""
    folder = place.data_dir.parent
    shutil.copy(place.keys_dir / "ca.crt", folder)
    return folder


@pytest.fixture(params=list(KINDS))
def broker(request, place) -> Iterator[Nats | Mosquitto]:
    """A running broker of each kind: NATS speaks MQTT 3.1.1 only, mosquitto also 5."""
    made = KINDS[request.param](place)
    made.start()
    yield made
    made.stop()


@dataclass
class Server:
    """What the contract asks of a server, in memory: stores, receipts, refuses when told to."""

    store: dict[tuple[str, int], object] = field(default_factory=dict)
    births: list[Birth] = field(default_factory=list)
    heartbeats: list[Heartbeat] = field(default_factory=list)
    wills: list[Will] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)
    gives_receipts: bool = True
    refuses: Callable[[Measurements], bool] = lambda _batch: False
    publish: Callable[[bytes], None] = lambda _payload: None

    def take(self, payload: bytes) -> None:
        match up_decoder.decode(payload):
            case Birth() as birth:
                self.births.append(birth)
            case Heartbeat() as heartbeat:
                self.heartbeats.append(heartbeat)
            case Will() as will:
                self.wills.append(will)
            case Measurements() as batch:
                self._take_batch(batch, payload)

    def _take_batch(self, batch: Measurements, payload: bytes) -> None:
        self.batches.append([batch.seq + i for i in range(len(batch.measurements))])
        if self.refuses(batch):
            digest = hashlib.sha256(payload).hexdigest()
            self.say(Refused(gateway=batch.gateway, sha256=digest, reason="test"))
            return
        for i, raw in enumerate(batch.measurements):
            self.store[batch.epoch, batch.seq + i] = element_decoder.decode(raw)
        if self.gives_receipts:
            self.say(Receipt(gateway=batch.gateway, epoch=batch.epoch, seq=self.upto(batch.epoch)))

    def upto(self, epoch: str) -> int:
        seq = 0
        while (epoch, seq + 1) in self.store:
            seq += 1
        return seq

    def say(self, message: msgspec.Struct) -> None:
        self.publish(encoder.encode(message))


@pytest.fixture
def server(broker) -> Iterator[Server]:
    """The server, subscribed at the broker."""
    made, ready = Server(), threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id="server")
    keys = broker.settings.keys_dir
    context = ssl.create_default_context(cafile=keys / "ca.crt")
    context.load_cert_chain(keys / "intake.crt", keys / "intake.key")
    client.tls_set_context(context)
    client.reconnect_delay_set(1, 1)
    client.on_connect = lambda c, *_: c.subscribe(topics.ALL_UP, qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _c, _u, message: made.take(message.payload)
    made.publish = lambda payload: client.publish(topics.down(GATEWAY), payload, qos=1)
    client.connect(*broker.settings.broker_address)
    client.loop_start()
    assert ready.wait(10)
    yield made
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def system_bus(tmp_path, monkeypatch) -> Iterator[str]:
    """The address of a D-Bus that takes the system's place."""
    with private_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address
