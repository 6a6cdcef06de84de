"""What the heartbeat reports: the certificate's end, the clocks."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from gateway import clock
from gateway.heartbeat import board_celsius, certificate_ends_at


@pytest.mark.parametrize("name", ["gw-001", "ca"])
def test_the_certificate_s_end_is_what_a_cryptography_library_reads(keys, name):
    path = keys / f"{name}.crt"
    read = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    assert datetime.fromtimestamp(certificate_ends_at(path) / 1000, UTC) == read


def test_a_chain_is_read_by_its_first_certificate(keys, tmp_path):
    chain = tmp_path / "chain.crt"
    chain.write_bytes((keys / "gw-001.crt").read_bytes() + (keys / "ca.crt").read_bytes())
    assert certificate_ends_at(chain) == certificate_ends_at(keys / "gw-001.crt")


def test_a_moment_has_both_clocks_and_the_boot():
    first, second = clock.now("kernel"), clock.now("kernel")
    assert second.monotonic_ms >= first.monotonic_ms
    assert first.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_host_that_keeps_the_clock_is_believed():
    assert clock.now("host").clock == "synchronised"


_BLOCKED = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"bumble", "cryptography", "sqlalchemy", "numpy", "fastapi",
                                  "server", "simulators", "tqdm", "pytest"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import gateway.app, gateway.__main__
"""


def test_the_plain_gateway_needs_no_bumble_and_nothing_of_the_server():
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run([sys.executable, "-c", _BLOCKED], check=False, env=environment)
    assert done.returncode == 0


def test_a_board_without_a_sensor_says_nothing_of_its_temperature(tmp_path):
    sensor = tmp_path / "temp"
    assert board_celsius(sensor) is None
    sensor.write_text("48312\n")
    assert board_celsius(sensor) == 48
    sensor.write_text("warm")
    assert board_celsius(sensor) is None
