"""What passes the broker, heard by clients of their own that change nothing."""

import ssl
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import topics
from contract.messages import Measurements, Receipt, down_decoder, up_decoder
from contract.tls import ClosingSocket


class Wire:
    """Listens beside intake and beside each gateway, with their certificates and own ids."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[Client] = []
        self.sent: dict[str, set[int]] = {}
        self.receipts: list[tuple[str, int, float]] = []  # gateway, seq, monotonic s

    def listen_up(self, keys: Path) -> None:
        self._listen(topics.ALL_UP, keys / "ca.crt", keys / "intake.crt", keys / "intake.key")

    def listen_down(self, gateway: str, bundle: Path) -> None:
        own = (bundle / "gateway.crt", bundle / "gateway.key")
        self._listen(topics.down(gateway), bundle / "ca.crt", *own)

    def receipted(self, gateway: str, before: float = float("inf")) -> int:
        """Return the highest number that a receipt heard ``before`` an instant covered."""
        heard = [seq for name, seq, at in self.receipts if name == gateway and at <= before]
        return max(heard, default=0)

    def close(self) -> None:
        for client in self._clients:
            client.disconnect()
            client.loop_stop()

    def _listen(self, topic: str, authority: Path, certificate: Path, key: Path) -> None:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        context = ssl.create_default_context(cafile=authority)
        context.sslsocket_class = ClosingSocket
        context.load_cert_chain(certificate, key)
        client.tls_set_context(context)
        client.reconnect_delay_set(0.1, 0.5)
        client.on_connect = lambda c, *_: c.subscribe(topic, qos=1)
        client.on_message = self._heard
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        self._clients.append(client)

    def _heard(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        now = time.monotonic()
        if (gateway := topics.gateway_of(message.topic)) is not None:
            batch = up_decoder.decode(message.payload)
            if isinstance(batch, Measurements):
                seqs = range(batch.seq, batch.seq + len(batch.measurements))
                self.sent.setdefault(gateway, set()).update(seqs)
            return
        answer = down_decoder.decode(message.payload)
        if isinstance(answer, Receipt):
            self.receipts.append((answer.gateway, answer.seq, now))
