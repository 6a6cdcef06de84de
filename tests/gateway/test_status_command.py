"""``vicino-gateway status``: from the file that the running gateway keeps."""

import json
import os

import pytest

from gateway.__main__ import main
from gateway.heartbeat import Status, write_status

SETTINGS = """
gateway = "gw-001"
broker = "mqtts://localhost:8883"
ca_file = "{keys}/ca.crt"
certificate_file = "{keys}/gw-001.crt"
key_file = "{keys}/gw-001.key"
state_dir = "{state}"
"""
GONE_PID = 2**22 + 1  # above the kernel's highest


@pytest.fixture
def settings(tmp_path, keys):
    path = tmp_path / "gateway.toml"
    path.write_text(SETTINGS.format(keys=keys, state=tmp_path))
    return str(path)


def a_status(**changes):
    values = {
        "gateway": "gw-001",
        "epoch": "a" * 32,
        "stored": 7,
        "receipted": 5,
        "outbox_depth": 2,
        "set_aside": 0,
        "damaged_files": 0,
        "last_measurement_at": 1_795_400_000_000,
        "broker": "connected",
        "receipts": "coming",
        "radio": "scanning",
        "clock": "synchronised",
        "pid": os.getpid(),
        "written_at": 1_795_400_001_000,
    }
    return Status(**(values | changes))


def test_it_says_how_the_gateway_is(settings, tmp_path, capsys):
    write_status(tmp_path, a_status())
    assert main(["status", "--settings", settings]) == 0
    told = capsys.readouterr().out
    assert "2 waiting" in told
    assert "5 of 7" in told
    assert "2026-11-23 02:13:20+00:00" in told


def test_json_has_the_same_for_programs(settings, tmp_path, capsys):
    write_status(tmp_path, a_status())
    assert main(["status", "--json", "--settings", settings]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["running"] is True
    assert (told["outbox_depth"], told["receipted"], told["broker"]) == (2, 5, "connected")


def test_a_gateway_that_is_gone_is_not_running(settings, tmp_path, capsys):
    write_status(tmp_path, a_status(pid=GONE_PID))
    assert main(["status", "--settings", settings]) == 1
    assert "NOT running" in capsys.readouterr().out


def test_before_the_first_run_there_is_nothing_to_tell(settings, capsys):
    assert main(["status", "--settings", settings]) == 1
    assert "no gateway has run" in capsys.readouterr().err
