"""A real nats-server under the supervisor, and real MQTT clients with certificates."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from server.authority import Issued, issue_gateway, write_new
from server.broker import access
from server.broker.supervisor import Supervisor
from server.commands.init import prepare
from server.settings import Settings
from simulators.ports import free_port


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Client:
    """An MQTT client that keeps its session and remembers what happened to it."""

    def __init__(self, settings: Settings, keys: Path, name: str, client_id: str) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.connects: list[bool] = []
        self.disconnects = 0
        self.published: set[int] = set()
        self.subscribed: list[bool] = []
        self.mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
        )  # fmt: skip
        self.mqtt.reconnect_delay_set(0.1, 0.5)
        certificate = (keys / f"{name}.crt", keys / f"{name}.key") if name else (None, None)
        self.mqtt.tls_set(settings.keys_dir / "ca.crt", *certificate)
        self.mqtt.on_connect = self._on_connect
        self.mqtt.on_disconnect = self._on_disconnect
        self.mqtt.on_message = lambda _c, _u, m: self.received.append((m.topic, m.payload))
        self.mqtt.on_publish = lambda _c, _u, mid, _r, _p: self.published.add(mid)
        self.mqtt.on_subscribe = lambda _c, _u, _m, codes, _p: self.subscribed.append(
            not codes[0].is_failure
        )
        self._address = settings.broker_address

    def _on_connect(self, _client, _data, _flags, code, _properties) -> None:
        self.connects.append(not code.is_failure)

    def _on_disconnect(self, *_more) -> None:
        self.disconnects += 1

    def connect(self) -> "Client":
        self.mqtt.connect(*self._address)
        self.mqtt.loop_start()
        assert wait_until(lambda: len(self.connects) > 0, seconds=5)
        return self

    def refused(self, seconds: float = 1) -> bool:
        """Tell whether no connection was granted, in TLS or in MQTT, in all this time."""
        with suppress(OSError):
            self.mqtt.connect(*self._address)
        self.mqtt.loop_start()
        return not wait_until(lambda: True in self.connects, seconds)

    def subscribe(self, topic: str) -> "Client":
        before = len(self.subscribed)
        self.mqtt.subscribe(topic, qos=1)
        assert wait_until(lambda: len(self.subscribed) > before)
        return self

    def publish(self, topic: str, payload: bytes, seconds: float = 10) -> bool:
        message = self.mqtt.publish(topic, payload, qos=1)
        return wait_until(lambda: message.mid in self.published, seconds)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


class Broker:
    """The broker under test with everything a test asks of it."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self.settings = settings
        self.home = home
        self.events: list[tuple[str, str | None, str]] = []
        self.supervisor = self.new_supervisor()
        self._clients: list[Client] = []

    def new_supervisor(self) -> Supervisor:
        return Supervisor(self.settings, lambda *event: self.events.append(event))

    def admit(self, *gateways: str) -> None:
        for gateway in gateways:
            self.certify(gateway, issue_gateway(self.settings.keys_dir, gateway, datetime.now(UTC)))
        access.admit(self.settings, gateways)

    def certify(self, name: str, issued: Issued) -> None:
        write_new(self.home / f"{name}.key", issued.key)
        write_new(self.home / f"{name}.crt", issued.certificate)

    def client(self, gateway: str, client_id: str | None = None) -> Client:
        identity = client_id or f"{gateway}-{uuid4().hex}"
        client = Client(self.settings, self.home, gateway, identity)
        self._clients.append(client)
        return client

    def intake(self) -> Client:
        identity = f"vicino-intake-{uuid4().hex}"
        client = Client(self.settings, self.settings.keys_dir, "intake", identity)
        self._clients.append(client)
        client.connect().subscribe("vicino/1/+/up")
        return client

    def kinds(self) -> list[tuple[str, str | None]]:
        return [(kind, gateway) for kind, gateway, _ in self.events]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.supervisor.stop()


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., bool]:
    return wait_until


@pytest.fixture
def prepared(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data", broker_port=free_port())
    prepare(settings, datetime.now(UTC))
    return settings


@pytest.fixture
def broker(prepared: Settings, tmp_path: Path) -> Iterator[Broker]:
    running = Broker(prepared, tmp_path)
    running.admit("gw-001", "gw-002")
    running.supervisor.start()
    yield running
    running.close()
