"""The broker lives and dies with the server, and what only its log says is heard."""

import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import pytest

from server.broker import access
from server.broker.supervisor import Supervisor
from server.errors import BrokerUnavailable, SettingsError

pytestmark = [pytest.mark.broker, pytest.mark.processes]

SERVER = """
import sys, time
from pathlib import Path
from server.broker.supervisor import Supervisor
from server.settings import Settings
Supervisor(Settings(data_dir=Path(sys.argv[1]), broker_port=int(sys.argv[2])), print).start()
print("ready", flush=True)
time.sleep(60)
"""


def _gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def server(prepared):
    """A process of its own with a supervisor in it, as ``vicino-server run`` is."""
    command = [sys.executable, "-c", SERVER, str(prepared.data_dir), str(prepared.broker_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_receipts_wait_for_an_absent_gateway_and_outlive_a_killed_broker(broker, wait_until):
    identity = f"gw-001-{uuid4().hex}"
    broker.client("gw-001", identity).connect().subscribe("vicino/1/gw-001/down").close()
    intake = broker.intake()
    for number in range(50):
        assert intake.publish("vicino/1/gw-001/down", b"%d" % number)
    killed = access.running(broker.settings)
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: access.running(broker.settings) not in (None, killed))
    assert wait_until(lambda: broker.supervisor.ready)
    gateway = broker.client("gw-001", identity).connect()
    assert wait_until(lambda: len(gateway.received) >= 50)
    assert {payload for _, payload in gateway.received} == {b"%d" % n for n in range(50)}
    assert ("died", None) in broker.kinds()
    assert wait_until(lambda: intake.connects[-1] and intake.mqtt.is_connected())


def test_a_gateway_added_while_running_is_served_and_nobody_is_disconnected(broker, wait_until):
    intake = broker.intake()
    others = [broker.client(name).connect() for name in ("gw-001", "gw-002")]
    started = time.monotonic()
    broker.admit(*(f"gw-1{number:02}" for number in range(50)))
    new = broker.client("gw-142").connect()
    assert new.connects == [True]
    assert new.publish("vicino/1/gw-142/up", b"first")
    assert wait_until(lambda: intake.received == [("vicino/1/gw-142/up", b"first")])
    assert time.monotonic() - started < 2
    assert [client.disconnects for client in (intake, *others)] == [0, 0, 0]


def test_another_process_adds_a_gateway_and_hears_that_the_broker_took_it(server, prepared):
    log = prepared.broker_dir / "nats.log"
    assert "Reloaded server configuration" not in log.read_text()
    access.admit(prepared, ["gw-900"])
    assert "Reloaded server configuration" in log.read_text()
    assert server.poll() is None


def test_a_denied_publish_is_heard_once(broker, wait_until):
    thief = broker.client("gw-002").connect()
    for _ in range(5):
        thief.publish("vicino/1/gw-001/up", b"false")
    assert wait_until(lambda: ("denied", "gw-002") in broker.kinds())
    assert broker.kinds().count(("denied", "gw-002")) == 1
    assert "vicino.1.gw-001.up" in broker.events[0][2]


def test_a_replaced_client_is_heard(broker, wait_until):
    identity = f"gw-001-{uuid4().hex}"
    broker.client("gw-001", identity).connect()
    broker.client("gw-002", identity).connect()
    assert wait_until(lambda: ("replaced", "gw-001") in broker.kinds())


def test_a_certificate_without_access_is_heard(broker, wait_until):
    access.revoke(broker.settings, "gw-002")
    assert broker.client("gw-002").connect().connects == [False]
    assert wait_until(lambda: ("refused", "gw-002") in broker.kinds())


def test_a_message_beyond_the_limit_is_heard(broker, wait_until):
    gateway = broker.client("gw-001").connect()
    gateway.publish("vicino/1/gw-001/up", b"x" * (9 * 1024 * 1024), seconds=1)
    assert wait_until(lambda: ("oversized", "gw-001") in broker.kinds())


def test_a_broken_configuration_is_refused_and_the_old_one_stays(broker):
    file = access.configuration(broker.settings)
    before = file.read_text()
    with pytest.raises(SettingsError, match="no_such_key"):
        access.replace_checked(file, before + "no_such_key: 1\n")
    assert file.read_text() == before
    assert list(file.parent.glob("*.new")) == []


def test_a_change_the_running_broker_cannot_take_is_said(broker):
    moved = type(broker.settings)(data_dir=broker.settings.data_dir, broker_port=1)
    with pytest.raises(BrokerUnavailable, match="not supported for MQTT"):
        access.admit(moved, ["gw-009"])


def test_a_lost_certificate_stops_the_start_with_the_reason(prepared):
    (prepared.keys_dir / "broker.crt").unlink()
    with pytest.raises(SettingsError, match=r"broker\.crt"):
        Supervisor(prepared, print).start()


def test_a_port_in_use_is_said(broker, tmp_path):
    taken = type(broker.settings)(
        data_dir=tmp_path / "second", broker_port=broker.settings.broker_port
    )
    taken.keys_dir.parent.mkdir()
    taken.keys_dir.symlink_to(broker.settings.keys_dir)
    with pytest.raises(BrokerUnavailable, match="address already in use"):
        Supervisor(taken, lambda *_: None).start()


def test_two_servers_do_not_share_a_data_folder(broker):
    with pytest.raises(BrokerUnavailable, match="another server"):
        broker.new_supervisor().start()
    assert broker.supervisor.ready


def test_stopping_ends_the_broker(broker):
    pid = access.running(broker.settings)
    broker.supervisor.stop()
    assert _gone(pid)
    assert not broker.supervisor.ready


def test_a_killed_server_leaves_no_broker(server, prepared, wait_until):
    pid = access.running(prepared)
    server.kill()
    assert wait_until(lambda: _gone(pid))


def test_a_stopped_leftover_is_ended_before_the_next_start(server, prepared, wait_until):
    pid = access.running(prepared)
    os.kill(pid, signal.SIGSTOP)  # it cannot follow its server now
    server.kill()
    server.wait()
    supervisor = Supervisor(prepared, lambda *_: None)
    supervisor.start()
    assert supervisor.ready
    assert access.running(prepared) != pid
    supervisor.stop()


def test_ctrl_c_does_not_reach_the_broker(server, prepared):
    pid = access.running(prepared)
    assert os.getpgid(pid) != os.getpgid(server.pid)
