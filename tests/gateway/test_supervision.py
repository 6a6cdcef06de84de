"""What systemd is told, by a real socket and a real process; and that its unit lets nothing out."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.supervision import Loop, Supervisor
from simulators.gateway_process import GatewayProcess
from simulators.radio import VirtualRadio
from tests.gateway.test_process import SETTINGS
from tests.needs import missing

UNITS = Path(__file__).parents[2] / "deploy/gateway"


class Told:
    """The socket that systemd would listen at."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(20)
        self.environment = {"NOTIFY_SOCKET": str(path)}

    def next(self) -> str:
        return self._socket.recv(4096).decode()

    def rest(self) -> list[str]:
        self._socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self.next())
        except BlockingIOError:
            return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    made = Told(tmp_path / "notify")
    yield made
    made.close()


def test_the_watchdog_is_fed_only_while_every_loop_comes_round(told: Told, caplog) -> None:
    now = [0.0]
    loops = [Loop(name, lambda: now[0]) for name in ("collector", "uplink")]
    supervisor = Supervisor(told.environment)
    for loop in loops:
        loop.goes_on_within(30)
    assert supervisor.feed(*loops)
    now[0] = 31
    loops[0].goes_on_within(30)
    assert not supervisor.feed(*loops)
    assert not supervisor.feed(*loops)
    assert caplog.text.count("stuck: uplink") == 1
    loops[1].goes_on_within(30)
    assert supervisor.feed(*loops)
    assert told.rest() == ["WATCHDOG=1", "WATCHDOG=1"]


def test_without_systemd_nobody_is_told() -> None:
    supervisor = Supervisor({})
    supervisor.ready()
    assert supervisor.feed()


def test_a_socket_that_is_gone_stops_nothing(tmp_path: Path, caplog) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert "systemd cannot be told" in caplog.text


@pytest.mark.processes
@pytest.mark.broker
@pytest.mark.parametrize("broker", ["nats"], indirect=True)
async def test_a_gateway_says_that_it_is_ready_works_and_stops(
    tmp_path: Path, broker, keys, told: Told, monkeypatch
) -> None:
    settings = tmp_path / "gateway.toml"
    settings.write_text(SETTINGS.format(port=broker.settings.broker_port, keys=keys))
    monkeypatch.setitem(os.environ, "NOTIFY_SOCKET", told.environment["NOTIFY_SOCKET"])
    async with (
        VirtualRadio() as radio,
        GatewayProcess(settings, radio.transport, tmp_path / "gateway.log"),
    ):
        assert await asyncio.to_thread(told.next) == "READY=1"
        for _ in range(3):
            assert await asyncio.to_thread(told.next) == "WATCHDOG=1"
    assert told.rest()[-1] == "STOPPING=1"


def analysed(unit: str, *options: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        missing("systemd")
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", *options]
    return subprocess.run([*command, UNITS / unit], capture_output=True, text=True, check=False)


def test_the_gateways_unit_is_closed_to_all_it_does_not_need() -> None:
    answer = analysed("vicino-gateway.service", "--threshold=15")
    assert answer.returncode == 0, answer.stdout
