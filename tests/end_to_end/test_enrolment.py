"""A box becomes a gateway: the real command, over TLS, from a real server with its broker."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import settings
from gateway.enrolment import Renewal
from simulators.ports import free_port
from tests.end_to_end.processes import Marked, until

pytestmark = pytest.mark.processes
SELF_SIGNED = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
               "-subj", "/CN=whoever", "-days", "1")  # fmt: skip


def vicino(program: str, *arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def self_signed(folder: Path) -> tuple[Path, Path]:
    pair = folder / "web.crt", folder / "web.key"
    command = ("openssl", *SELF_SIGNED, "-out", pair[0], "-keyout", pair[1])
    subprocess.run(command, check=True, capture_output=True)
    return pair


def private(key: Path) -> bytes:
    """Return the private number as base64 has it: after 36 bytes of PKCS #8 that all keys share."""
    return "".join(key.read_text().splitlines()[1:-1])[48:90].encode()


class House:
    """A server whose pages have a certificate that nobody vouches for, and a box."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.broker = folder, free_port(), free_port()
        certificate, key = self_signed(folder)
        self.settings = folder / "server.toml"
        self.settings.write_text(
            f'data_dir = "{folder}/data"\nhttp_port = {self.port}\nbroker_port = {self.broker}\n'
            f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n'
        )
        started = vicino("server", "init", "--settings", self.settings)
        assert started.returncode == 0, started.stderr
        self.url = f"https://127.0.0.1:{self.port}"
        self.box = folder / "box"
        self.process = Marked(
            [sys.executable, "-m", "server", "run", "--settings", str(self.settings)],
            folder / "server.log",
        )
        assert until(self.answers, 60), self.process.output.read_text()

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def code(self, gateway: str) -> str:
        more = ("--chc", "CHC Susa", "--settings", self.settings)
        made = vicino("server", "gateway", "claim", gateway, *more)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def enrol(self, code: str, url: str = "") -> subprocess.CompletedProcess[str]:
        places = ("--settings", self.box / "gateway.toml", "--state-dir", self.box / "state")
        return vicino("gateway", "enrol", *places, url or self.url, code)

    def may_connect(self) -> bool:
        """Tell whether the broker takes the box's certificate: it says so after the handshake."""
        state = self.box / "state"
        context = ssl.create_default_context(cafile=state / "ca.crt")
        context.load_cert_chain(state / "gateway.crt", state / "gateway.key")
        raw = socket.create_connection(("127.0.0.1", self.broker), 10)
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
            # MQTT 3.1.1 CONNECT, client id "x"; CONNACK 0 (MQTT 3.1.1, 3.1 and 3.2).
            tls.sendall(bytes.fromhex("100d00044d5154540402003c000178"))
            return tls.recv(4) == bytes.fromhex("20020000")


def renewal(house: House) -> Renewal:
    loaded = settings.load(house.box / "gateway.toml", {})
    return Renewal(loaded, settings.tls_context(loaded))


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.process.end()


def test_a_box_becomes_a_gateway_and_its_broker_takes_it(house: House):
    code = house.code("gw-box")
    first = house.enrol(code.lower().replace("-", " "))
    assert first.returncode == 0, first.stderr
    assert "This box is gateway gw-box now." in first.stdout
    key = house.box / "state" / "gateway.key"
    assert key.stat().st_mode & 0o777 == 0o600
    kept = key.read_bytes()
    assert house.may_connect()
    (house.box / "gateway.toml").unlink()  # the power was cut before the last step
    again = house.enrol(code)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert key.read_bytes() == kept
    status = vicino("gateway", "status", "--settings", house.box / "gateway.toml")
    assert "no gateway has run on this state yet" in status.stderr, "the settings can be read"
    secret = private(key)
    everything = [path for path in house.folder.rglob("*") if path.is_file() and path != key]
    assert all(secret not in path.read_bytes() for path in everything)
    renewed = renewal(house)
    before = renewed.ends_at
    time.sleep(1.1)  # certificates end at whole seconds, and a newer one ends later
    assert renewed.renew(), "over TLS, by the key alone"
    assert renewed.ends_at > before
    assert house.may_connect()
    other = house.enrol(house.code("gw-other"))
    assert other.returncode == 2, "this box is gw-box: nobody makes it another by the way"
    assert "gateway is 'gw-box'" in other.stderr
    revoked = vicino("server", "gateway", "revoke", "gw-box", "--settings", house.settings)
    assert revoked.returncode == 0, revoked.stderr
    with pytest.raises((OSError, AssertionError)):
        assert house.may_connect()
    assert house.enrol(code).returncode == 1
    assert not renewal(house).renew()


def test_a_wrong_code_is_said_and_leaves_no_settings(house: House, tmp_path: Path):
    house.box = tmp_path
    said = house.enrol("AAAAA-AAAAA-AAAAA-AAAAA").stderr
    assert "refused" in said
    assert "Make a new code" in said
    mistyped = house.enrol("AAAAA-AAAAA-AAAAA-AAAA0")
    assert (mistyped.returncode, "no 0, 1, I or O" in mistyped.stderr) == (2, True)
    plain = house.enrol("AAAAA-AAAAA-AAAAA-AAAAA", "http://vicino.example")
    assert plain.returncode == 2
    assert not (tmp_path / "gateway.toml").exists()


def test_a_server_that_is_not_there_is_said_with_what_to_do(house: House, tmp_path: Path):
    house.box = tmp_path
    away = house.enrol("AAAAA-AAAAA-AAAAA-AAAAA", "https://127.0.0.1:1")
    assert away.returncode == 1
    assert "https://127.0.0.1:1: [Errno 111] Connection refused" in away.stderr
    assert "give the same command again" in away.stderr


def test_a_wrong_server_learns_nothing_and_is_not_believed(house: House, tmp_path: Path):
    house.box, code = tmp_path, house.code("gw-wrong")
    heard: list[bytes] = []
    lies = {"gateway": "gw-wrong", "broker": "mqtts://evil.example:8883", "authority": "x",
            "certificate": "x", "proof": "0" * 64}  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wrong = threading.Thread(target=_answer, args=(listener, tmp_path, lies, heard))
        wrong.start()
        answer = house.enrol(code, f"https://127.0.0.1:{listener.getsockname()[1]}")
        wrong.join()
    assert answer.returncode == 1
    assert "is not the server that gave this code" in answer.stderr
    assert not (tmp_path / "gateway.toml").exists()
    assert code.encode() not in heard[0]
    assert code.replace("-", "").encode() not in heard[0]
    assert b"CERTIFICATE REQUEST" in heard[0]
    assert b"PRIVATE" not in heard[0]
    assert private(tmp_path / "state" / "gateway.key") not in heard[0]
    assert house.enrol(code).returncode == 0, "the right server still takes it"


def _answer(listener: socket.socket, folder: Path, lies: dict[str, str], heard: list[bytes]):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(folder))
    raw, _ = listener.accept()
    with context.wrap_socket(raw, server_side=True) as tls:
        said = b""
        while not said.endswith(b'"}'):
            said += tls.recv(65536)
        heard.append(said)
        body = json.dumps(lies).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        tls.sendall(head.encode() + body)


def test_the_box_asks_for_openssl_where_it_is_missing(tmp_path: Path):
    command = [sys.executable, "-m", "gateway", "enrol", "--state-dir", tmp_path, "--settings",
               tmp_path / "s.toml", "https://127.0.0.1:1", "AAAAA-AAAAA-AAAAA-AAAAA"]  # fmt: skip
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert (done.returncode, done.stderr.strip()) == (2, "the program openssl is not installed")
