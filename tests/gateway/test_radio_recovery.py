"""The root unit that resets the radio: what it does to the hardware, on a made-up sysfs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.ble.resets import REQUEST
from tests.gateway.test_supervision import UNITS, analysed
from tests.needs import missing

# What the script calls; each notes that it was called, and what the switches said then.
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $* $(cat {sys}/bus/usb/devices/*/authorized {sys}/ports/*/disable \
2>/dev/null | tr '\\n' ' ')" >>{log}
"""


def usb_device(sys: Path, name: str, kind: str, *, has_switch: bool = False) -> Path:
    device = sys / "bus" / "usb" / "devices" / name
    device.mkdir(parents=True)
    of_kind = zip(("Class", "SubClass", "Protocol"), kind.split(), strict=True)
    for part, value in of_kind:
        (device / f"bDevice{part}").write_text(f"{value}\n")
    (device / "authorized").write_text("1\n")
    port = sys / "ports" / name
    port.mkdir(parents=True)
    (device / "port").symlink_to(port)
    if has_switch:
        (port / "disable").write_text("0\n")
    return device


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    made = tmp_path / "sys"
    made.mkdir()
    return made


@pytest.fixture
def recover(sys: Path, tmp_path: Path):
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    for name in ("sleep", "systemctl", "modprobe"):
        (programs / name).write_text(PROGRAM.format(sys=sys, log=log))
        (programs / name).chmod(0o755)

    def run() -> list[str]:
        path = f"{programs}:{os.environ['PATH']}"
        script = UNITS / "radio-recovery"
        subprocess.run([script, sys], env={"PATH": path}, check=True, stderr=subprocess.PIPE)
        return [line.strip() for line in log.read_text().splitlines()]

    return run


def test_a_dongle_is_taken_away_and_given_back_then_bluetoothd_is_restarted(sys, recover):
    usb_device(sys, "1-1", "e0 01 01")
    assert recover() == ["sleep 2 0", "systemctl restart bluetooth.service 1"]


def test_where_a_port_can_be_switched_off_its_power_is_cut(sys, recover):
    usb_device(sys, "1-1", "e0 01 01", has_switch=True)
    assert recover() == ["sleep 2 1 1", "systemctl restart bluetooth.service 1 0"]


def test_a_dongle_whose_class_is_its_makers_own_is_found_by_its_adapter(sys, recover):
    dongle = usb_device(sys, "1-1", "ff 01 01")
    (dongle / "1-1:1.0" / "bluetooth" / "hci0").mkdir(parents=True)
    assert recover() == ["sleep 2 0", "systemctl restart bluetooth.service 1"]


def test_other_devices_on_usb_keep_their_power(sys, recover):
    usb_device(sys, "1-2", "08 06 50", has_switch=True)  # mass storage: the box may run from it
    assert recover() == ["systemctl restart bluetooth.service 1 0"]


def test_a_block_is_lifted_from_bluetooth_alone(sys, recover):
    for name, kind in (("rfkill0", "wlan"), ("rfkill1", "bluetooth")):
        switch = sys / "class" / "rfkill" / name
        switch.mkdir(parents=True)
        (switch / "type").write_text(f"{kind}\n")
        (switch / "soft").write_text("1\n")
    recover()
    soft = [
        (sys / "class" / "rfkill" / name / "soft").read_text() for name in ("rfkill0", "rfkill1")
    ]
    assert soft == ["1\n", "0\n"]


def test_the_driver_of_a_serial_radio_is_begun_anew(sys, recover):
    (sys / "module" / "hci_uart").mkdir(parents=True)
    assert recover() == [
        "modprobe -r hci_uart",
        "modprobe hci_uart",
        "systemctl try-restart hciuart.service",
        "systemctl restart bluetooth.service",
    ]


def test_with_no_hardware_at_all_bluetoothd_is_restarted(recover):
    assert recover() == ["systemctl restart bluetooth.service"]


def test_the_path_unit_hears_what_the_gateway_writes():
    gateway = (UNITS / "vicino-gateway.service").read_text()
    assert "RuntimeDirectory=vicino-gateway\n" in gateway
    path = (UNITS / "vicino-radio-recovery.path").read_text()
    assert f"PathChanged=/run/vicino-gateway/{REQUEST}\n" in path


def test_systemd_understands_both_units(tmp_path):
    if shutil.which("systemd-analyze") is None:
        missing("systemd")
    for name in ("vicino-radio-recovery.path", "vicino-radio-recovery.service"):
        text = (UNITS / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/lib/vicino-gateway", str(UNITS)))
    command = ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("vicino-*"))]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_units_exposure_is_printed(capsys):
    answer = analysed("vicino-radio-recovery.service", "--threshold=30")
    with capsys.disabled():
        print(answer.stdout.strip().splitlines()[-1])
    assert answer.returncode == 0
