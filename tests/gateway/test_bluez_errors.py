"""Unmodified bleak and the whole collector on a stand-in for bluetoothd that fails as BlueZ does.

Each test is a row of the table in docs/radio.md: the fault, and that the measurement still arrives.
"""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

import pytest

from contract.messages import element_decoder
from contract.profiles import profiles
from gateway import clock
from gateway.ble import Recovery, link, links, open_radio, radio, recovery, resets
from gateway.ble.resets import REQUEST
from gateway.collector import Collector, listening, turns
from gateway.outbox import OutboxThread
from tests.gateway.fake_bluez import (
    ABORTED,
    FAILED,
    IN_PROGRESS,
    NOT_READY,
    Bluetoothd,
    Cuff,
)

ADDRESS = "C0:00:00:00:00:01"
# NordicSemiconductor/Android-BLE-Common-Library, see tests/vectors/decode.toml.
VALUE = bytes.fromhex("1E8A00580078000000041114293B3C00012700")
REFUSED = "org.bluez.Error.AuthenticationFailed"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(turns, "_FAILED_AGAIN_SECONDS", (0.2, 0.5))
    monkeypatch.setattr(turns, "_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(listening, "_RETRY_SECONDS", (0.2, 0.5))


@asynccontextmanager
async def running(bluetoothd):
    await bluetoothd.start()
    try:
        yield bluetoothd
    finally:
        await bluetoothd.stop()


@asynccontextmanager
async def collecting(folder):
    outbox = OutboxThread(folder / "outbox.db")
    made = Collector(
        gateway="gw-001",
        radio=open_radio("bluez", folder),
        profiles=profiles(),
        devices=(),
        outbox=outbox,
        moment=partial(clock.now, "host"),
        stored=lambda: None,
        recovery=Recovery(folder),
    )
    task = asyncio.create_task(made.run())
    try:
        yield made, outbox
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outbox.close()


async def stored(outbox, count=1, seconds=15):
    async with asyncio.timeout(seconds):
        while True:
            rows = await outbox.waiting(0, 1000, 10**9)
            if len(rows) >= count:
                return [element_decoder.decode(row.body) for row in rows]
            await asyncio.sleep(0.05)


async def arrives_once(folder, bluetoothd):
    """The one measurement that the cuff has is stored, once; return the collector."""
    async with running(bluetoothd), collecting(folder) as (made, outbox):
        (found,) = await stored(outbox)
        assert found.raw == VALUE.hex()
        assert found.device == ADDRESS
        await asyncio.sleep(0.3)
        assert len(await stored(outbox)) == 1
    return made


def cuff():
    return Cuff(ADDRESS, VALUE)


async def test_with_nothing_wrong(system_bus, tmp_path):
    made = await arrives_once(tmp_path, Bluetoothd(system_bus, cuff()))
    assert made.listening.restarts == 0


@pytest.mark.parametrize("error", [IN_PROGRESS, NOT_READY, FAILED])
async def test_a_scan_that_is_refused_is_begun_anew_then_the_adapter_is_power_cycled(
    system_bus, tmp_path, error
):
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.fails["StartDiscovery"].extend([(error, "x")] * 2)
    made = await arrives_once(tmp_path, bluetoothd)
    assert made.recovery.resets == 1
    powered = [call[3].value for call in bluetoothd.calls if call[0] == "Set"]
    assert powered == [False, True]


async def test_a_scan_that_cannot_be_stopped_does_not_hide_why_it_was_stopped(
    system_bus, tmp_path, monkeypatch
):
    """bleak's own cure for InProgress is tried first, and fails here too (bleak #2021)."""
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.5)
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.is_stuck = True
    bluetoothd.fails["StopDiscovery"].extend([(IN_PROGRESS, "x")] * 2)
    made = await arrives_once(tmp_path, bluetoothd)
    assert made.recovery.resets == 1
    assert not bluetoothd.fails["StopDiscovery"]


async def test_a_scan_that_hears_nobody_is_opened_to_all_then_the_adapter_is_power_cycled(
    system_bus, tmp_path, monkeypatch
):
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.5)
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.is_stuck = True
    made = await arrives_once(tmp_path, bluetoothd)
    wanted = [bool(uuids) for uuids in bluetoothd.filters]
    assert wanted[0], "the first scan is for our services"
    assert False in wanted, "the next is for everybody"
    assert made.recovery.resets == 1


async def test_what_a_power_cycle_does_not_cure_the_root_unit_is_asked_for(
    system_bus, tmp_path, monkeypatch
):
    monkeypatch.setattr(resets, "_ASK_AFTER_SECONDS", 0.5)
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.5)
    bluetoothd = Bluetoothd(system_bus)
    async with running(bluetoothd), collecting(tmp_path) as (made, _), asyncio.timeout(15):
        while not (tmp_path / REQUEST).exists():
            await asyncio.sleep(0.05)
        assert made.recovery.resets >= 1


async def test_an_adapter_that_is_off_is_powered_on(system_bus, tmp_path):
    bluetoothd = Bluetoothd(system_bus, cuff(), powered=False)
    made = await arrives_once(tmp_path, bluetoothd)
    assert made.recovery.resets == 0


async def test_an_adapter_that_is_blocked_is_waited_for_and_the_root_unit_is_asked(
    system_bus, tmp_path, monkeypatch
):
    monkeypatch.setattr(resets, "_ASK_AFTER_SECONDS", 0.5)
    bluetoothd = Bluetoothd(system_bus, cuff(), powered=False)
    bluetoothd.fails["Set"].extend([("org.bluez.Error.Blocked", "Blocked through rfkill")] * 4)
    await arrives_once(tmp_path, bluetoothd)
    assert (tmp_path / REQUEST).exists()


async def test_an_adapter_that_comes_late_is_waited_for(system_bus, tmp_path):
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.has_adapter = False
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        while "no adapter" not in made.listening.state:
            await asyncio.sleep(0.05)
        bluetoothd.plug_in()
        assert len(await stored(outbox)) == 1


async def scans(made):
    async with asyncio.timeout(10):
        while not made.listening.scans:
            await asyncio.sleep(0.05)


async def test_an_adapter_that_is_switched_off_is_noticed_and_powered_on(system_bus, tmp_path):
    bluetoothd = Bluetoothd(system_bus)
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        await scans(made)
        bluetoothd.switch_off()
        bluetoothd.cuffs = {one.path: one for one in [cuff()]}
        assert len(await stored(outbox, seconds=8)) == 1
        assert made.recovery.resets == 0


async def test_an_adapter_that_is_pulled_out_is_noticed_and_waited_for(system_bus, tmp_path):
    bluetoothd = Bluetoothd(system_bus)
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        await scans(made)
        bluetoothd.pull_out()
        async with asyncio.timeout(5):
            while "no adapter" not in made.listening.state:
                await asyncio.sleep(0.05)
        bluetoothd.cuffs = {one.path: one for one in [cuff()]}
        bluetoothd.plug_in()
        assert len(await stored(outbox)) == 1


async def test_a_bluetoothd_that_leaves_the_bus_is_noticed_and_used_again(system_bus, tmp_path):
    async with collecting(tmp_path) as (made, outbox):
        async with running(Bluetoothd(system_bus)), asyncio.timeout(10):
            while not made.listening.scans:
                await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            while made.listening.scans:
                await asyncio.sleep(0.05)
        async with running(Bluetoothd(system_bus, cuff())):
            assert len(await stored(outbox)) == 1


async def test_a_bluetoothd_that_answers_nothing_is_given_up_and_the_root_unit_is_asked(
    system_bus, tmp_path, monkeypatch
):
    monkeypatch.setattr(radio, "_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(resets, "_ASK_AFTER_SECONDS", 0.5)
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.deaf_to = {"RegisterAgent"}
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        async with asyncio.timeout(10):
            while not (tmp_path / REQUEST).exists():
                await asyncio.sleep(0.05)
        assert made.listening.state == "radio: BlueZ does not answer"
        bluetoothd.deaf_to = set()
        assert len(await stored(outbox)) == 1


async def test_a_name_that_was_learnt_is_known_after_the_radio_was_lost(system_bus, tmp_path):
    """Else the next scan takes the device for any of its kind: another identity (hazard H12)."""
    named, nameless = cuff(), cuff()
    named.name, nameless.name = "A&D_UA-651BLE_1", ""
    nameless.values = [VALUE.replace(b"\x8a", b"\x8b")]
    async with collecting(tmp_path) as (_, outbox):
        for number, device in enumerate([named, nameless], start=1):
            async with running(Bluetoothd(system_bus, device)):
                found = await stored(outbox, number)
    assert [one.profile for one in found] == ["and_ua651ble"] * 2


@pytest.mark.parametrize(
    "error",
    [
        (FAILED, ABORTED),
        (FAILED, "le-connection-timeout"),
        ("org.freedesktop.DBus.Error.UnknownObject", "Method Connect does not exist"),
        ("org.bluez.Error.NotConnected", "Not Connected"),
        (REFUSED, "Authentication Failed"),
        (IN_PROGRESS, "In Progress"),
    ],
)
async def test_a_link_that_does_not_come_up_is_tried_again_when_the_device_is_seen(
    system_bus, tmp_path, error
):
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.fails["Connect"].extend([error] * 2)
    made = await arrives_once(tmp_path, bluetoothd)
    assert bluetoothd.count("Connect") == 3, "no session went by without news"
    assert made.listening.restarts == 0, "one device that fails stops no other"


async def test_a_link_that_waits_for_ever_is_given_up(system_bus, tmp_path, monkeypatch):
    monkeypatch.setattr(radio, "CONNECT_SECONDS", 0.5)
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.deaf_to = {"Connect"}
    async with running(bluetoothd), collecting(tmp_path) as (_, outbox):
        async with asyncio.timeout(10):
            while not bluetoothd.count("Disconnect"):  # which ends what BlueZ is still about
                await asyncio.sleep(0.05)
        bluetoothd.deaf_to = set()
        assert len(await stored(outbox)) == 1


async def test_with_no_slot_left_all_links_are_ended(system_bus, tmp_path):
    """Another device's link fills the last slot: nobody of us holds it any more."""
    forgotten = Cuff("C0:00:00:00:00:02", VALUE)
    bluetoothd = Bluetoothd(system_bus, cuff(), forgotten)
    bluetoothd.fails["Connect"].append((FAILED, "le-connection-concurrent-connection-limit"))
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        found = await stored(outbox, 2)
        assert {one.device for one in found} == {ADDRESS, forgotten.address}
        assert made.listening.restarts == 1


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(links, "_FAILING_SECONDS", 0.3)
    monkeypatch.setattr(links, "_DOWN_SECONDS", 1.0)


async def test_where_no_link_comes_up_at_all_the_adapter_is_power_cycled(
    system_bus, tmp_path, hasty
):
    other = Cuff("C0:00:00:00:00:02", VALUE)
    bluetoothd = Bluetoothd(system_bus, cuff(), other)
    bluetoothd.connects_to_nobody = 1
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        found = await stored(outbox, 2)
        assert {one.device for one in found} == {ADDRESS, other.address}
        assert made.recovery.resets == 1
        assert made.is_well


async def test_where_a_power_cycle_lets_no_link_come_up_it_is_said_and_the_root_unit_asked(
    system_bus, tmp_path, monkeypatch, hasty, caplog
):
    monkeypatch.setattr(resets, "_ASK_AFTER_SECONDS", 0.5)
    caplog.set_level("INFO", "gateway")
    bluetoothd = Bluetoothd(system_bus, cuff(), Cuff("C0:00:00:00:00:02", VALUE))
    bluetoothd.connects_to_nobody = 1000
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        async with asyncio.timeout(15):
            while not (made.listening.is_deaf and (tmp_path / REQUEST).exists()):
                await asyncio.sleep(0.05)
        assert not made.is_well
        bluetoothd.connects_to_nobody = 0
        await stored(outbox, 2)
        assert made.is_well
        assert not made.listening.is_deaf
    assert caplog.text.count("none can be connected to") == 1
    assert caplog.text.count("devices can be connected to again") == 1


async def test_one_device_out_of_reach_costs_the_others_nothing(system_bus, tmp_path, hasty):
    away = Cuff("C0:00:00:00:00:02", VALUE)
    away.is_out_of_reach = True
    bluetoothd = Bluetoothd(system_bus, cuff(), away)
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        await stored(outbox)
        async with asyncio.timeout(15):
            while bluetoothd.count("Connect") < 12:
                await asyncio.sleep(0.05)
        assert made.recovery.resets == made.listening.restarts == 0
        assert made.is_well


async def test_a_link_that_an_earlier_process_left_open_is_ended(system_bus, tmp_path):
    left = cuff()
    left.is_known = left.is_connected = True
    await arrives_once(tmp_path, Bluetoothd(system_bus, left))


@pytest.mark.parametrize(
    "error",
    [
        (FAILED, "Operation failed with ATT error: 0x0e"),
        ("org.bluez.Error.NotConnected", "Not Connected"),
        ("org.bluez.Error.NotPermitted", "Not paired"),
        (IN_PROGRESS, "In Progress"),
    ],
)
async def test_a_subscription_that_fails_leaves_no_link_behind(system_bus, tmp_path, error):
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.fails["StartNotify"].append(error)
    made = await arrives_once(tmp_path, bluetoothd)
    calls = [call[0] for call in bluetoothd.calls]
    assert "Disconnect" in calls[calls.index("StartNotify") :]
    assert made.listening.restarts == 0


async def test_a_link_that_does_not_end_is_ended_by_opening_the_radio_anew(
    system_bus, tmp_path, monkeypatch
):
    monkeypatch.setattr(link, "_DISCONNECT_SECONDS", 0.3)
    bluetoothd = Bluetoothd(system_bus, cuff())
    bluetoothd.fails["StartNotify"].append((FAILED, "x"))
    bluetoothd.deaf_to = {"Disconnect"}
    async with running(bluetoothd), collecting(tmp_path) as (made, outbox):
        async with asyncio.timeout(10):
            while not made.listening.restarts:
                await asyncio.sleep(0.05)
        bluetoothd.deaf_to = set()
        assert len(await stored(outbox)) == 1


async def test_services_remembered_wrong_are_forgotten_and_discovered_anew(system_bus, tmp_path):
    stale = cuff()
    stale.is_stale = True
    bluetoothd = Bluetoothd(system_bus, stale)
    await arrives_once(tmp_path, bluetoothd)
    assert bluetoothd.count("RemoveDevice") == 1


async def test_a_handle_that_is_not_there_any_more_is_forgotten_too(system_bus, tmp_path):
    bluetoothd = Bluetoothd(system_bus, cuff())
    moved = (FAILED, "Operation failed with ATT error: 0x01 (Invalid Handle)")
    bluetoothd.fails["StartNotify"].append(moved)
    await arrives_once(tmp_path, bluetoothd)
    assert bluetoothd.count("RemoveDevice") == 1


async def test_a_bond_is_not_given_up_for_services_remembered_wrong(system_bus, tmp_path):
    stale = cuff()
    stale.is_stale = stale.is_paired = True
    bluetoothd = Bluetoothd(system_bus, stale)
    async with running(bluetoothd), collecting(tmp_path), asyncio.timeout(10):
        while bluetoothd.count("Connect") < 2:
            await asyncio.sleep(0.05)
        assert bluetoothd.count("RemoveDevice") == 0


async def test_a_device_that_ends_bluetoothd_each_time_stops_no_other(
    system_bus, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(turns, "_TOOK_DOWN_AGAIN_SECONDS", (0.1, 3600.0))
    deadly = Cuff("C0:00:00:00:00:02", VALUE)
    deadly.is_deadly = True
    connected = []

    async def supervise():
        while True:
            deadly.is_known = False
            async with running(Bluetoothd(system_bus, deadly, *later)) as bluetoothd:
                await bluetoothd.ended.wait()
                connected.append(deadly.address)
            await asyncio.sleep(0.1)

    later = []
    supervising = asyncio.create_task(supervise())
    try:
        async with collecting(tmp_path) as (_, outbox):
            async with asyncio.timeout(20):
                while len(connected) < 2:
                    await asyncio.sleep(0.05)
            later.append(cuff())
            (found,) = await stored(outbox, seconds=30)
            assert found.device == ADDRESS
            assert len(connected) <= 3
    finally:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)
    assert f"device {deadly.address}: the radio was lost in its session again" in caplog.text
