"""Real brokers with our certificates: NATS under its supervisor, and mosquitto with an ACL.

Each can be stopped or killed, and started again on the same port and store.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from server.authority import INTAKE, issue_gateway, write_new
from server.broker import access
from server.broker.supervisor import Supervisor
from server.commands.init import prepare
from server.settings import Settings
from simulators.ports import free_port
from tests.needs import missing

# The queues are unbounded: the contract's receipts bound what a gateway sends (brokers' defaults
# would hold back a batch).
MOSQUITTO = """
user root
listener {port} 127.0.0.1
cafile {keys}/ca.crt
certfile {keys}/broker.crt
keyfile {keys}/broker.key
require_certificate true
use_identity_as_username true
acl_file {folder}/acl
persistence true
persistence_location {folder}/
max_queued_messages 0
max_inflight_messages 0
"""
ACL = f"""
user {INTAKE}
topic read vicino/1/+/up
topic write vicino/1/+/down

pattern write vicino/1/%u/up
pattern read vicino/1/%u/down
"""


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until the condition holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def prepared(folder: Path, gateways: tuple[str, ...]) -> Settings:
    """Make settings with an authority, and a certificate for each gateway beside them."""
    settings = Settings(data_dir=folder / "data", broker_port=free_port())
    prepare(settings, datetime.now(UTC))
    for gateway in gateways:
        issued = issue_gateway(settings.keys_dir, gateway, datetime.now(UTC))
        write_new(folder / f"{gateway}.key", issued.key)
        write_new(folder / f"{gateway}.crt", issued.certificate)
    access.admit(settings, gateways)
    return settings


class Nats:
    """The embedded broker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.events: list[tuple[str, str | None, str]] = []

    def start(self) -> None:
        self._supervisor = Supervisor(self.settings, lambda *event: self.events.append(event))
        self._supervisor.start()

    def stop(self) -> None:
        self._supervisor.stop()

    def kill(self) -> None:
        pid = access.running(self.settings)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self._supervisor.stop()  # or it would start it again


class Mosquitto:
    """The Debian package; it keeps its sessions over an orderly restart."""

    def __init__(self, settings: Settings) -> None:
        address = f"mqtts://127.0.0.1:{settings.broker_port}"
        self.settings = msgspec.structs.replace(settings, broker=address)
        found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if found is None:
            missing("mosquitto")
        folder = settings.data_dir / "mosquitto"
        folder.mkdir()
        (folder / "acl").write_text(ACL)
        (folder / "acl").chmod(0o700)
        file = folder / "mosquitto.conf"
        port, keys = settings.broker_port, settings.keys_dir
        file.write_text(MOSQUITTO.format(port=port, keys=keys, folder=folder))
        self._command = [found, "-c", str(file)]

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        assert until(self._listens), "mosquitto did not start"

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(self.settings.broker_address, 0.2).close()
        except OSError:
            return False
        return True


KINDS = {"nats": Nats, "mosquitto": Mosquitto}
