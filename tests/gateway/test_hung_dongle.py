"""A dongle that hangs, from the gateway to the root unit and back: a row of docs/radio.md.

Unmodified bleak and the whole collector on a stand-in for bluetoothd; the root unit's own program
on a made-up sysfs. The test takes the place of systemd: it starts the program when that is asked
for, and bluetoothd anew when the program says so.
"""

import asyncio

import pytest

from gateway.ble import link, radio, recovery, resets, scanner
from gateway.ble.resets import REQUEST
from tests.gateway import test_bluez_errors, test_radio_recovery
from tests.gateway.fake_bluez import FAILED, IN_PROGRESS, Bluetoothd
from tests.gateway.test_bluez_errors import ADDRESS, VALUE, collecting, cuff, running, stored
from tests.gateway.test_radio_recovery import usb_device

impatient = test_bluez_errors.impatient
sys, recover = test_radio_recovery.sys, test_radio_recovery.recover

# What bluetoothd cannot answer before its controller did; the kernel may wait for that for ever.
_OF_THE_CONTROLLER = {"StartDiscovery", "StopDiscovery", "Connect", "Disconnect", "Set"}


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(radio, "_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(scanner, "_START_SECONDS", 0.5)
    monkeypatch.setattr(scanner, "_STOP_SECONDS", 0.3)
    monkeypatch.setattr(link, "STEP_SECONDS", 0.3)
    monkeypatch.setattr(link, "_DISCONNECT_SECONDS", 0.3)
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(resets, "_ASK_AFTER_SECONDS", 1.0)


class HangsAtOnce(Bluetoothd):
    def hang(self):
        self.is_stuck = True
        self.deaf_to = _OF_THE_CONTROLLER

    async def start(self):
        self.hang()
        await super().start()


class HangsAndSaysSo(HangsAtOnce):
    def hang(self):
        self.is_stuck = True
        self.fails["StartDiscovery"].extend([(IN_PROGRESS, "Operation already in progress")] * 99)
        self.fails["Set"].extend([(FAILED, "Timeout")] * 99)


class HangsWhileItScans(HangsAtOnce):
    def hang(self):
        self.is_stuck = True
        self.deaf_to = _OF_THE_CONTROLLER - {"StartDiscovery"}


class HangsInASession(HangsAtOnce):
    async def start(self):
        await Bluetoothd.start(self)

    def _on_StartNotify(self, _message):
        self.hang()
        return True


async def cured(folder, recover):
    """Wait until the root unit is asked, and let it do its work; return what it did."""
    async with asyncio.timeout(20):
        while not (folder / REQUEST).exists():
            await asyncio.sleep(0.05)
    return recover()


@pytest.mark.parametrize("hung", [HangsAtOnce, HangsAndSaysSo, HangsWhileItScans, HangsInASession])
async def test_a_dongle_that_hangs_has_its_power_cut_and_the_measurement_arrives(
    system_bus, tmp_path, sys, recover, hung
):
    usb_device(sys, "1-1", "e0 01 01", has_switch=True)
    async with collecting(tmp_path) as (made, outbox):
        async with running(hung(system_bus, cuff())):
            done = await cured(tmp_path, recover)
            assert not await outbox.waiting(0, 1000, 10**9)
        assert done == ["sleep 2 1 1", "systemctl restart bluetooth.service 1 0"]
        bluetoothd = Bluetoothd(system_bus, cuff())
        bluetoothd.has_adapter = False  # the dongle is back a moment after bluetoothd
        async with running(bluetoothd):
            await asyncio.sleep(0.3)
            bluetoothd.plug_in()
            (found,) = await stored(outbox)
            assert (found.device, found.raw) == (ADDRESS, VALUE.hex())
            await asyncio.sleep(0.3)
            assert len(await stored(outbox)) == 1
            assert made.is_well
