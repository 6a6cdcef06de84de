"""The MQTT connection of intake: messages in a bounded queue, acknowledged by hand.

The network loop runs in paho's thread and only queues. MQTT 5 is tried first; a broker that
speaks only 3.1.1 says so, and the client is built again (paho itself would repeat 5 for ever).
"""

import logging
import secrets
import ssl
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from time import monotonic
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from contract import topics
from server.services.storing import Arrival

QUEUE_MESSAGES_MAX: Final = 20_000
SESSION_SECONDS: Final = 7 * 24 * 3600
_KEEPALIVE_SECONDS: Final = 30
_NAME: Final = "vicino-intake"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One publish as it came. ``connection`` tells it from one of an earlier connection, whose
    message ids mean nothing any more."""

    arrival: Arrival | None
    mid: int
    qos: int
    connection: int


class Connection:
    """A persistent session on the broker. ``take`` hands out what came; ``done`` acknowledges."""

    def __init__(self, host: str, port: int, keys_dir: Path, client_id: str) -> None:
        self._address = host, port
        self._client_id = client_id
        self._tls = ssl.create_default_context(cafile=str(keys_dir / "ca.crt"))
        self._tls.load_cert_chain(keys_dir / "intake.crt", keys_dir / "intake.key")
        self._queue: deque[Message] = deque()
        self._arrived = Condition()
        self._connection = 0
        self._client: paho.Client | None = None
        self._rebuild = False
        self.connected = False

    def open(self, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=protocol,
            clean_session=None if protocol is MQTTProtocolVersion.MQTTv5 else False,
            manual_ack=True,
        )
        client.tls_set_context(self._tls)
        client.max_inflight_messages_set(10_000)
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        if protocol is MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_SECONDS
            properties.ReceiveMaximum = 20_000
            client.connect_async(
                *self._address, _KEEPALIVE_SECONDS, clean_start=False, properties=properties
            )
        else:
            client.connect_async(*self._address, _KEEPALIVE_SECONDS)
        self._client = client
        client.loop_start()

    def close(self) -> None:
        """Disconnect; what is not acknowledged stays with the broker."""
        if (client := self._client) is not None:
            self._client = None
            client.disconnect()
            client.loop_stop()
        self.connected = False
        with self._arrived:
            self._queue.clear()

    def take(self, limit: int, linger_seconds: float, wait_seconds: float) -> list[Message]:
        """Return what came: after the first message, as much as comes within the linger."""
        with self._arrived:
            if not self._queue:
                self._arrived.wait(wait_seconds)
            end = monotonic() + linger_seconds
            while self._queue and len(self._queue) < limit and (rest := end - monotonic()) > 0:
                self._arrived.wait(rest)
            taken = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        if self._rebuild:
            self._rebuild = False
            self.close()
            log.info("the broker speaks MQTT 3.1.1 only")
            self.open(MQTTProtocolVersion.MQTTv311)
        return taken

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 1. If the connection is lost the sender of the measurement asks again."""
        if (client := self._client) is not None:
            client.publish(topic, payload, qos=1)

    def done(self, messages: list[Message]) -> None:
        """Acknowledge to the broker; messages of an earlier connection come again instead."""
        client = self._client
        for message in messages:
            if client is not None and message.connection == self._connection:
                client.ack(message.mid, message.qos)

    def _on_connect(
        self,
        client: paho.Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refused intake: %s", reason)
            self._rebuild = reason == "Unsupported protocol version"
            return
        with self._arrived:
            self._connection += 1
            self._queue.clear()
        client.subscribe(topics.ALL_UP, qos=1)
        self.connected = True
        log.info("intake is connected to the broker")

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self.connected:
            log.warning("intake lost the broker: %s", reason)
        self.connected = False
        self._rebuild = self._rebuild or reason == "Unsupported protocol version"

    def _on_message(
        self,
        _client: paho.Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        message: paho.MQTTMessage,
    ) -> None:
        gateway = topics.gateway_of(message.topic)
        arrival = Arrival(gateway, bytes(message.payload)) if gateway else None
        with self._arrived:
            while len(self._queue) >= QUEUE_MESSAGES_MAX and self._client is not None:
                self._arrived.wait(0.1)
            self._queue.append(Message(arrival, message.mid, message.qos, self._connection))
            if len(self._queue) == 1 or len(self._queue) % 500 == 0:
                self._arrived.notify()


def client_id(state_file: Path) -> str:
    """Return this installation's client id: a name and 128 random bits, kept in a file.

    The broker does not bind client ids to certificates; a guessable one could be taken over.
    """
    if not state_file.exists():
        state_file.write_text(f"{_NAME}-{secrets.token_hex(16)}", encoding="utf-8")
    return state_file.read_text(encoding="utf-8").strip()
