"""The server as a process: what it refuses to start with, and what it does when told to stop."""

import signal
import socket
import subprocess
import sys

import pytest

from simulators.server_process import ServerProcess
from tests.server.postgres import database_url

pytestmark = pytest.mark.processes
INFLUX = '[influx]\nurl = "{url}"\ntoken = "t"\norg = "o"\nbucket = "b"\n'


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("", "data_dir", "missing"),
        ('data_dir = "d"\nhttp_port = 70000', "http_port", "65535"),
        ('data_dir = "d"\nhttp_prot = 8080', "http_prot", "unknown field"),
        ('data_dir = "d"\nbroker = "mqtt://mq.example"', "broker", "mqtts"),
        ('data_dir = "d"\nhttp_host = "0.0.0.0"', "http_host", "tls_certificate"),
        ('data_dir = "d"\ndatabase = "mysql://h/v"', "database", "sqlite"),
        ('data_dir = "d', "server.toml", "Unterminated"),
        (None, "server.toml", "No such file"),
    ],
)
def test_wrong_settings_stop_it_with_file_key_reason_and_2(tmp_path, text, key, reason):
    file = tmp_path / "server.toml"
    if text is not None:
        file.write_text(text)
    done = _run(file)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for said in (str(file), key, reason):
        assert said in done.stderr
    assert not (tmp_path / "d").exists()


def test_a_database_that_cannot_be_opened_stops_it_in_one_line(tmp_path):
    file = tmp_path / "server.toml"
    file.write_text(f'data_dir = "d"\ndatabase = "sqlite:///{tmp_path}/none/v.db"')
    done = _run(file)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr


def test_it_is_healthy_without_its_replica_and_ends_when_told_to(tmp_path):
    server = ServerProcess(tmp_path, free_port(), free_port())
    away = INFLUX.format(url=f"http://127.0.0.1:{free_port()}")
    server.settings.write_text(server.settings.read_text() + away)
    server.start()
    try:
        health = server.health()
        assert health is not None
        assert (health["status"], health["measurements"]) == ("ok", 0)
        second = _run(server.settings)  # two servers by mistake
        assert second.returncode == 1
        assert "another server runs on this database" in second.stderr
        subprocess.run(["kill", f"-{signal.SIGTERM.value}", str(server.pid)], check=True)
        assert server.wait(20) == 0
    finally:
        server.stop()
    assert "Traceback" not in (tmp_path / "server.log").read_text()
    assert (tmp_path / "data" / "snapshots" / "engine.npz").exists()


@pytest.mark.parametrize("thread", ["_follow", "_deliver", "_poll", "_judge", "_take_in"])
def test_a_thread_that_ends_by_an_error_ends_the_process_within_seconds(tmp_path, thread):
    """H15: its supervisor starts it again; a server without an engine would look alive."""
    settings = ServerProcess(tmp_path, free_port(), free_port()).settings
    command = [sys.executable, "-m", "tests.server.failing", str(settings), thread]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as failing:
        assert failing.stdout is not None
        assert failing.stderr is not None
        try:
            assert b"fails\n" in iter(failing.stdout.readline, b"")
            assert failing.wait(10) == 1
        finally:
            failing.kill()
        assert b"ended by RuntimeError: on purpose" in failing.stderr.read()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_second_server_on_one_database_does_not_start(tmp_path, kind):
    """Another data folder, another broker, another port: only the database is the same."""
    url = database_url() if kind == "postgres" else f"sqlite:///{tmp_path}/vicino.db"
    first, second = (_server_on(url, tmp_path / name) for name in ("first", "second"))
    first.start()
    try:
        refused = _run(second.settings)
        assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
        assert "another server runs on this" in refused.stderr
        first.kill()
        second.start()  # the right ended with the process
    finally:
        first.stop()
        second.stop()


def _server_on(url, folder):
    folder.mkdir()
    server = ServerProcess(folder, free_port(), free_port())
    server.settings.write_text(f'{server.settings.read_text()}database = "{url}"\n')
    return server


def _run(settings):
    command = [sys.executable, "-m", "server", "run", "--settings", str(settings)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
