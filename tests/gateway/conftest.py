"""Real brokers over mutual TLS, and a small server that answers as the contract says."""

import hashlib
import shutil
import socket
import ssl
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
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
from simulators.ports import free_port
from tests.needs import missing

GATEWAY = "gw-001"
_NAMES = ("broker", "server", GATEWAY)
_NATS = """
server_name: test
listen: "127.0.0.1:-1"
jetstream {{ store_dir: "{directory}/store" }}
tls {{ {tls} }}
mqtt {{ host: 127.0.0.1, port: {port}, tls {{ {tls} }} }}
accounts {{ one {{ jetstream: enabled, users: [ {{user: "server"}}, {{user: "gw-001"}} ] }} }}
"""
_NATS_TLS = (
    'cert_file: "{keys}/broker.crt", key_file: "{keys}/broker.key", '
    'ca_file: "{keys}/ca.crt", verify_and_map: true'
)
_MOSQUITTO = """
user root
listener {port} 127.0.0.1
cafile {keys}/ca.crt
certfile {keys}/broker.crt
keyfile {keys}/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous true
"""


@pytest.fixture(scope="session")
def keys(tmp_path_factory) -> Path:
    """A certificate authority with a certificate for the broker, the server and a gateway."""
    directory = tmp_path_factory.mktemp("keys")
    authority_key = ec.generate_private_key(ec.SECP256R1())
    _write(directory, "ca", authority_key, "test authority", authority_key, is_authority=True)
    for name in _NAMES:
        _write(directory, name, ec.generate_private_key(ec.SECP256R1()), name, authority_key)
    return directory


def _write(directory, name, key, common_name, signer, *, is_authority=False):
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(common_name), x509.DNSName("localhost")]),
            critical=False,
        )
    )
    certificate = builder.sign(signer, hashes.SHA256())
    (directory / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    (directory / f"{name}.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


@dataclass
class Broker:
    """A broker process that can be stopped and started again on the same port and store."""

    command: list[str]
    port: int
    _process: subprocess.Popen | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the broker did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _nats(directory: Path, keys: Path) -> Broker:
    port = free_port()
    tls = _NATS_TLS.format(keys=keys)
    path = directory / "nats.conf"
    path.write_text(_NATS.format(directory=directory, tls=tls, port=port))
    executable = Path(sysconfig.get_path("scripts")) / "nats-server"
    return Broker([str(executable), "-c", str(path)], port)


def _mosquitto(directory: Path, keys: Path) -> Broker:
    executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if executable is None:
        missing("mosquitto")
    port = free_port()
    path = directory / "mosquitto.conf"
    path.write_text(_MOSQUITTO.format(keys=keys, port=port))
    return Broker([executable, "-c", str(path)], port)


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request, tmp_path, keys) -> Iterator[Broker]:
    """A running broker of each kind: NATS speaks MQTT 3.1.1 only, mosquitto also 5."""
    directory = tmp_path / "broker"
    directory.mkdir()
    made = {"nats": _nats, "mosquitto": _mosquitto}[request.param](directory, keys)
    made.start()
    yield made
    made.kill()


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
def server(broker, keys) -> Iterator[Server]:
    """The server, subscribed at the broker."""
    made, ready = Server(), threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id="server")
    context = ssl.create_default_context(cafile=keys / "ca.crt")
    context.load_cert_chain(keys / "server.crt", keys / "server.key")
    client.tls_set_context(context)
    client.reconnect_delay_set(1, 1)
    client.on_connect = lambda c, *_: c.subscribe(topics.ALL_UP, qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _c, _u, message: made.take(message.payload)
    made.publish = lambda payload: client.publish(topics.down(GATEWAY), payload, qos=1)
    client.connect("localhost", broker.port)
    client.loop_start()
    assert ready.wait(10)
    yield made
    client.disconnect()
    client.loop_stop()
