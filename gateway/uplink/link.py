"""The MQTT connection: paho-mqtt behind a port of four calls.

paho runs its own thread; what it has to say is handed over to the event loop. MQTT 5 is tried
first; a broker that answers "unsupported protocol version" is spoken to in 3.1.1 from then on.
"""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from contract import topics

_log = logging.getLogger(__name__)
_KEEPALIVE_SECONDS: Final = 30
_RECONNECT_SECONDS_MAX: Final = 60
_CLIENT_ID_BYTES: Final = 16
_UNSUPPORTED: Final = "Unsupported protocol version"


class Events(Protocol):
    """What a link tells, always from the event loop."""

    def connected(self, session: str) -> None:
        """The broker took our subscription: receipts will reach us."""

    def lost(self, reason: str) -> None:
        """There is no connection."""

    def received(self, payload: bytes) -> None:
        """The server said something."""


class Link(Protocol):
    """A connection to the broker that keeps coming back until it is stopped."""

    def start(self, events: Events, will: Callable[[str], bytes]) -> None:
        """Begin to connect; ``will(session)`` makes the testament of each connection."""

    def publish(self, payload: bytes) -> bool:
        """Send on the gateway's topic; False when there is no connection."""

    async def stop(self) -> None:
        """Say goodbye and end."""


def client_id(state_dir: Path, gateway: str) -> str:
    """Return the gateway's client id: its name and 128 random bits kept in its state.

    Brokers disconnect a client when another takes its id; nobody can guess this one.
    """
    path = state_dir / "client-id"
    if not path.exists():
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(_CLIENT_ID_BYTES), encoding="ascii")
    return f"{gateway}-{path.read_text(encoding='ascii').strip()}"


class MqttLink:
    """A ``Link`` over TLS with the gateway's certificate."""

    def __init__(
        self, address: tuple[str, int], tls: ssl.SSLContext, client_id: str, gateway: str
    ) -> None:
        self._address = address
        self._tls = tls
        self._client_id = client_id
        self._gateway = gateway
        self._rebuilding: asyncio.Task[None] | None = None

    def start(self, events: Events, will: Callable[[str], bytes]) -> None:
        """See ``Link.start``."""
        self._loop = asyncio.get_running_loop()
        self._events, self._will = events, will
        self._client = self._begin(MQTTProtocolVersion.MQTTv5)

    def publish(self, payload: bytes) -> bool:
        """See ``Link.publish``."""
        if not self._client.is_connected():
            return False
        sent = self._client.publish(topics.up(self._gateway), payload, qos=1)
        return sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    async def stop(self) -> None:
        """See ``Link.stop``."""
        if self._rebuilding is not None:
            await self._rebuilding
        await asyncio.to_thread(_end, self._client)

    def _begin(self, protocol: MQTTProtocolVersion) -> Client:
        newer = protocol == MQTTProtocolVersion.MQTTv5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=protocol,
            clean_session=None if newer else True,
        )
        client.tls_set_context(self._tls)
        client.reconnect_delay_set(1, _RECONNECT_SECONDS_MAX)
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        host, port = self._address
        clean_start = True if newer else MQTT_CLEAN_START_FIRST_ONLY
        client.connect_async(host, port, _KEEPALIVE_SECONDS, clean_start=clean_start)
        client.loop_start()
        return client

    async def _rebuild(self) -> None:
        _log.info("the broker does not speak MQTT 5: speaking 3.1.1")
        await asyncio.to_thread(_end, self._client)
        self._client = self._begin(MQTTProtocolVersion.MQTTv311)

    def _start_rebuilding(self) -> None:
        if self._rebuilding is None:
            self._rebuilding = self._loop.create_task(self._rebuild())

    # The callbacks below run in paho's thread.

    def _on_pre_connect(self, client: Client, _userdata: object) -> None:
        self._session = secrets.token_hex(16)
        client.will_set(topics.up(self._gateway), self._will(self._session), qos=1)

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: object,
        reason: ReasonCode,
        _properties: object,
    ) -> None:
        if not reason.is_failure:
            client.subscribe(topics.down(self._gateway), qos=1)
        elif reason == _UNSUPPORTED and client.protocol == MQTTProtocolVersion.MQTTv5:
            client.on_disconnect = None  # this is no loss: the next client speaks 3.1.1
            self._tell(self._start_rebuilding)
        else:
            self._tell(self._events.lost, f"the broker refused us: {reason}")

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: object,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._tell(self._events.lost, "the broker refused our subscription")
        else:
            self._tell(self._events.connected, self._session)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._tell(self._events.received, message.payload)

    def _on_connect_fail(self, _client: Client, _userdata: object) -> None:
        self._tell(self._events.lost, "no connection to the broker")

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: object,
        reason: ReasonCode,
        _properties: object,
    ) -> None:
        self._tell(self._events.lost, f"connection to the broker ended: {reason}")

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)


def _end(client: Client) -> None:
    client.on_disconnect = None  # we asked for it
    client.disconnect()
    client.loop_stop()
