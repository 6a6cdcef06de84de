"""A fleet of gateways without radios: they speak the wire contract through a real broker.

Each keeps what got no receipt and sends it again, as the real gateway does; what it counts as
stored is what the server's receipts say.
"""

import hashlib
import logging
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import topics
from contract.codes import DEFINITIONS, Code
from contract.messages import (
    BATCH_MEASUREMENTS_MAX,
    Birth,
    Heartbeat,
    Measurement,
    Measurements,
    Quantity,
    Receipt,
    down_decoder,
    encoder,
)
from contract.tls import ClosingSocket
from simulators import encoders
from simulators.physiology import Taken

_RECEIPT_SECONDS: Final = 10.0
_CHARACTERISTIC: Final = {"cuff": "2a35", "scale": "2a9d", "oximeter": "2a5e"}
PROFILES: Final = {
    "cuff": "generic_blood_pressure",
    "scale": "generic_weight_scale",
    "oximeter": "generic_pulse_oximeter",
}

log = logging.getLogger(__name__)


class FleetFailed(Exception):
    """A gateway of the fleet got no receipt for what it sent."""


@dataclass
class FleetGateway:
    """One gateway: its bundle's folder, its devices' addresses by kind, and its outbox."""

    name: str
    bundle: Path
    devices: dict[str, str]
    epoch: str
    given: int = 0
    receipted: int = 0
    _outbox: list[Measurement] = field(default_factory=list)
    _client: paho.Client | None = None
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def take(self, taken: Taken, received_at: int) -> None:
        """Put a measurement into the outbox. ``received_at`` is in ms UTC."""
        self.given += 1
        self._outbox.append(_measurement(self, taken, received_at))

    def take_unreadable(self, received_at: int) -> None:
        """Put a measurement into the outbox whose bytes were cut off on the way."""
        taken = Taken("cuff", datetime.now(UTC), {})
        self.given += 1
        cut = _measurement(self, taken, received_at, raw=bytes.fromhex("1e8400"))
        problem = "byte 3: the diastolic pressure is cut off"
        self._outbox.append(msgspec.structs.replace(cut, unreadable=problem, device_time=None))

    def connect(self, broker: str) -> None:
        """Connect and tell who is there. Raises ``FleetFailed`` when nobody answers in time."""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{self.name}-{self.epoch}",
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        tls = ssl.create_default_context(cafile=str(self.bundle / "ca.crt"))
        tls.sslsocket_class = ClosingSocket
        tls.load_cert_chain(self.bundle / "gateway.crt", self.bundle / "gateway.key")
        client.tls_set_context(tls)
        ready = threading.Event()

        def connected(*_: Any) -> None:  # noqa: ANN401 - paho's arguments
            client.subscribe(topics.down(self.name), qos=1)

        def answered(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
            self._answered(bytes(message.payload))

        client.on_connect = connected
        client.on_message = answered
        client.on_subscribe = lambda *_: ready.set()
        parts = urlsplit(broker)
        client.connect(parts.hostname or "", parts.port or 8883)
        client.loop_start()
        if not ready.wait(_RECEIPT_SECONDS):
            client.loop_stop()
            raise FleetFailed(f"{self.name}: the broker does not answer")
        self._client = client
        now = _now()
        self._publish(
            Birth(
                gateway=self.name,
                epoch=self.epoch,
                seq=self.given + 1,
                session=self.epoch,
                sent_at=now,
                boot_id=self.epoch,
                clock="synchronised",
                version="simulated",
            )
        )

    def send(self) -> None:
        """Send the outbox, oldest first, until everything has its receipt."""
        for _ in range(5):
            pending = list(self._outbox)
            for start in range(0, len(pending), BATCH_MEASUREMENTS_MAX):
                batch = pending[start : start + BATCH_MEASUREMENTS_MAX]
                self._publish(
                    Measurements(
                        gateway=self.name,
                        epoch=self.epoch,
                        seq=batch[0].seq,
                        measurements=[msgspec.Raw(encoder.encode(one)) for one in batch],
                    )
                )
            with self._arrived:
                if self._arrived.wait_for(lambda: self.receipted >= self.given, _RECEIPT_SECONDS):
                    return
        raise FleetFailed(f"{self.name}: {self.given - self.receipted} without a receipt")

    def heartbeat(self) -> None:
        """Say how the gateway is."""
        depth = self.given - self.receipted
        self._publish(
            Heartbeat(
                gateway=self.name,
                epoch=self.epoch,
                seq=self.given + 1,
                sent_at=_now(),
                clock="synchronised",
                outbox_depth=depth,
                last_measurement_at=_now() if self.given else None,
                certificate_ends_at=_ends_at(self.bundle / "gateway.crt"),
            )
        )

    def disconnect(self) -> None:
        """Say goodbye."""
        if (client := self._client) is not None:
            self._client = None
            client.disconnect()
            client.loop_stop()

    def _publish(self, message: Any) -> None:  # noqa: ANN401 - any message of the contract
        if self._client is not None:
            sent = self._client.publish(topics.up(self.name), encoder.encode(message), qos=1)
            if not isinstance(message, Measurements):
                sent.wait_for_publish(_RECEIPT_SECONDS)

    def _answered(self, payload: bytes) -> None:
        answer = down_decoder.decode(payload)
        if not isinstance(answer, Receipt) or answer.epoch != self.epoch:
            log.warning("%s was answered %s", self.name, type(answer).__name__)
            return
        with self._arrived:
            self.receipted = max(self.receipted, answer.seq)
            self._outbox = [one for one in self._outbox if one.seq > self.receipted]
            self._arrived.notify_all()


def send_all(
    gateways: Sequence[FleetGateway], broker: str, threads: int, done: Callable[[int], object]
) -> None:
    """Connect, send and disconnect every gateway, a few at a time; ``done`` hears of each."""
    waiting = list(reversed(gateways))
    failures: list[Exception] = []
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting or failures:
                    return
                gateway = waiting.pop()
            try:
                gateway.connect(broker)
                gateway.send()
                gateway.heartbeat()
                gateway.disconnect()
            except (FleetFailed, OSError) as error:
                failures.append(error)
                return
            with lock:
                done(gateway.given)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise FleetFailed(str(failures[0])) from failures[0]


def _measurement(
    gateway: FleetGateway, taken: Taken, received_at: int, raw: bytes | None = None
) -> Measurement:
    local = taken.at.strftime("%Y-%m-%dT%H:%M:%S")
    device = gateway.devices[taken.device]
    content = hashlib.blake2b(f"{device} {local} {taken.values}".encode(), digest_size=16)
    return Measurement(
        seq=gateway.given,
        content_id=content.hexdigest(),
        device=device,
        profile=PROFILES[taken.device],
        characteristic=_CHARACTERISTIC[taken.device],
        raw=(_bytes(taken) if raw is None else raw).hex(),
        quantities=[
            Quantity(code=code, unit=DEFINITIONS[Code(code)].unit, value=str(value))
            for code, value in taken.values.items()
        ],
        received_at=received_at,
        monotonic_ms=time.monotonic_ns() // 1_000_000,
        boot_id=gateway.epoch,
        clock="synchronised",
        origin="device",
        device_time=local,
    )


def _bytes(taken: Taken) -> bytes:
    """Return what the device would have sent over the air."""
    values, at = taken.values, taken.at.replace(tzinfo=None)
    if taken.device == "cuff":
        return encoders.blood_pressure(
            values["systolic"], values["diastolic"], pulse=values["pulse"], at=at
        )
    if taken.device == "scale":
        return encoders.weight(values["weight"], at=at)
    return encoders.oximetry_spot(values["spo2"], values["pulse"], at=at)


def _ends_at(certificate: Path) -> int:
    ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return int(ends.timestamp() * 1000)


def _now() -> int:
    return time.time_ns() // 1_000_000
