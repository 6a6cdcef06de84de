"""The MQTT connection of intake, acknowledged by hand.

It has no thread: whoever takes messages reads the network meanwhile. A reading thread beside a
storing one would wait for the interpreter's lock at every packet (measured: a fifth of the rate).
MQTT 5 is tried first; a broker that speaks only 3.1.1 says so, and the client is built again
(paho itself would repeat 5 for ever).
"""

import logging
import secrets
import ssl
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from contract import topics
from contract.tls import ClosingSocket
from server.services.storing import Arrival

SESSION_SECONDS: Final = 7 * 24 * 3600
_KEEPALIVE_SECONDS: Final = 30
_CONNECT_SECONDS: Final = 5.0
_RECONNECT_SECONDS_FIRST: Final = 0.5
_RECONNECT_SECONDS_MAX: Final = 30.0
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

    def __init__(
        self, host: str, port: int, keys_dir: Path, client_id: str, *, embedded: bool
    ) -> None:
        """Prepare only. The embedded broker is known to speak MQTT 3.1.1."""
        self._address = host, port
        self._client_id = client_id
        self._tls = ssl.create_default_context(cafile=str(keys_dir / "ca.crt"))
        self._tls.sslsocket_class = ClosingSocket
        self._tls.load_cert_chain(keys_dir / "intake.crt", keys_dir / "intake.key")
        self._protocol = MQTTProtocolVersion.MQTTv311 if embedded else MQTTProtocolVersion.MQTTv5
        self._arrived: deque[Message] = deque()
        self._connection = 0
        self._client: paho.Client | None = None
        self._again_at = 0.0
        self._wait = _RECONNECT_SECONDS_FIRST
        #: The broker has taken the subscription: what gateways say is heard.
        self.connected = False

    def close(self) -> None:
        """Disconnect; what is not acknowledged stays with the broker."""
        if (client := self._client) is not None:
            client.disconnect()
            client.loop(0.1)
        self._drop()

    def take(self, limit: int, linger_seconds: float, wait_seconds: float) -> list[Message]:
        """Return what comes: after the first message, as much as comes within the linger.

        Connects when there is no connection, after a pause that grows with every failure.
        """
        end = monotonic() + wait_seconds
        while len(self._arrived) < limit and (rest := end - monotonic()) > 0:
            if self._client is None and not self._connect(rest):
                continue
            assert self._client is not None  # noqa: S101 - just connected
            had = bool(self._arrived)
            if self._client.loop(rest) != paho.MQTT_ERR_SUCCESS:
                self._drop()
            if self._arrived and not had:
                end = monotonic() + linger_seconds
        taken, self._arrived = self._arrived, deque()
        return list(taken)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 1. If the connection is lost the sender of the measurement asks again."""
        if self._client is not None:
            self._client.publish(topic, payload, qos=1)

    def done(self, messages: list[Message]) -> None:
        """Acknowledge to the broker; messages of an earlier connection come again instead."""
        for message in messages:
            if self._client is not None and message.connection == self._connection:
                self._client.ack(message.mid, message.qos)

    def _connect(self, rest: float) -> bool:
        """Connect when it is time; else wait a little of the time that is left."""
        if (pause := self._again_at - monotonic()) > 0:
            sleep(min(pause, rest))
            return False
        self._again_at = monotonic() + self._wait
        self._wait = min(self._wait * 2, _RECONNECT_SECONDS_MAX)
        client = self._made()
        try:
            if self._protocol is MQTTProtocolVersion.MQTTv5:
                properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
                properties.SessionExpiryInterval = SESSION_SECONDS
                properties.ReceiveMaximum = 20_000
                client.connect(
                    *self._address, _KEEPALIVE_SECONDS, clean_start=False, properties=properties
                )
            else:
                client.connect(*self._address, _KEEPALIVE_SECONDS)
        except OSError as error:
            log.debug("the broker cannot be reached: %s", error)
            return False
        self._client = client
        return True

    def _made(self) -> paho.Client:
        five = self._protocol is MQTTProtocolVersion.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._protocol,
            clean_session=None if five else False,
            manual_ack=True,
        )
        client.tls_set_context(self._tls)
        client.connect_timeout = _CONNECT_SECONDS
        client.max_inflight_messages_set(10_000)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _drop(self) -> None:
        if self.connected:
            log.warning("intake lost the broker")
        self._client, self.connected = None, False
        self._arrived.clear()

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
            if reason == "Unsupported protocol version":
                self._protocol = MQTTProtocolVersion.MQTTv311
                self._again_at = 0.0
            return
        self._connection += 1
        self._arrived.clear()
        client.subscribe(topics.ALL_UP, qos=1)

    def _on_subscribe(
        self,
        client: paho.Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        """Only now does the broker keep what gateways say: without it nothing is ever heard."""
        if any(reason.is_failure for reason in reasons):
            log.warning("the broker does not let intake listen: %s", reasons[0])
            client.disconnect()
            return
        self._wait = _RECONNECT_SECONDS_FIRST
        self.connected = True
        log.info("intake is connected to the broker")

    def _on_message(
        self,
        _client: paho.Client,
        _userdata: Any,  # noqa: ANN401 - paho's signature
        message: paho.MQTTMessage,
    ) -> None:
        gateway = topics.gateway_of(message.topic)
        arrival = Arrival(gateway, bytes(message.payload)) if gateway else None
        self._arrived.append(Message(arrival, message.mid, message.qos, self._connection))


def client_id(state_file: Path) -> str:
    """Return this installation's client id: a name and 128 random bits, kept in a file.

    The broker does not bind client ids to certificates; a guessable one could be taken over.
    """
    if not state_file.exists():
        state_file.write_text(f"{_NAME}-{secrets.token_hex(16)}", encoding="utf-8")
    return state_file.read_text(encoding="utf-8").strip()
