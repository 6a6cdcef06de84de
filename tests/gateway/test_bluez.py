"""What we ask of BlueZ ourselves, on a private D-Bus with a stand-in for bluetoothd."""

import asyncio

import pytest
from dbus_fast import MessageType

from gateway.ble.radio import BluezRadio
from gateway.errors import RadioUnavailable
from tests.gateway.fake_bluez import Bluetoothd


async def test_an_agent_without_display_or_keys_is_registered_and_agrees_to_just_works(
    system_bus,
):
    bluetoothd, radio = Bluetoothd(system_bus), BluezRadio()
    await bluetoothd.start()
    await radio.open()
    path = "/it/vicino/agent"
    assert bluetoothd.calls[:2] == [
        ("RegisterAgent", path, "NoInputNoOutput"),
        ("RequestDefaultAgent", path),
    ]
    agreed = await bluetoothd.ask_agent("RequestAuthorization")
    assert agreed.message_type is MessageType.METHOD_RETURN
    refused = await bluetoothd.ask_agent("RequestPasskey")
    assert refused.error_name == "org.bluez.Error.Rejected"
    await radio.close()
    await bluetoothd.stop()


@pytest.mark.parametrize(
    ("typed", "answer"), [(123456, [123456]), (None, ["no digits were given"])]
)
async def test_while_somebody_pairs_a_device_its_digits_are_passed_on(system_bus, typed, answer):
    async def digits():
        await asyncio.sleep(0.05)
        return typed

    bluetoothd, radio = Bluetoothd(system_bus), BluezRadio(digits)
    await bluetoothd.start()
    await radio.open()
    assert bluetoothd.calls[0] == ("RegisterAgent", "/it/vicino/agent", "KeyboardDisplay")
    replied = await bluetoothd.ask_agent("RequestPasskey")
    assert replied.body == answer
    await radio.close()
    await bluetoothd.stop()


async def test_a_bluetoothd_that_dies_is_noticed_at_once(system_bus):
    bluetoothd, radio = Bluetoothd(system_bus), BluezRadio()
    await bluetoothd.start()
    await radio.open()
    lost = asyncio.ensure_future(radio.wait_lost())
    await asyncio.sleep(0.1)
    assert not lost.done()
    await bluetoothd.stop()
    async with asyncio.timeout(5):
        await lost
    await radio.close()


async def test_a_power_cycle_of_our_own_is_no_loss(system_bus):
    bluetoothd, radio = Bluetoothd(system_bus), BluezRadio()
    await bluetoothd.start()
    await radio.open()
    await radio.power_cycle()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await radio.wait_lost()
    await radio.close()
    await bluetoothd.stop()


@pytest.mark.parametrize("loses", ["bluetoothd", "its adapter"])
@pytest.mark.parametrize("moment", [False, True], ids=["while it is off", "once it is on"])
async def test_what_is_lost_during_a_power_cycle_is_noticed(system_bus, loses, moment):
    bluetoothd, radio = Bluetoothd(system_bus), BluezRadio()
    await bluetoothd.start()
    await radio.open()
    cycling = asyncio.ensure_future(radio.power_cycle())
    async with asyncio.timeout(5):
        while bluetoothd.powered or not bluetoothd.count("Set"):
            await asyncio.sleep(0.02)
        while bluetoothd.powered != moment:
            await asyncio.sleep(0.02)
        if loses == "bluetoothd":
            await bluetoothd.stop()
        else:
            bluetoothd.pull_out()
        await asyncio.gather(cycling, return_exceptions=True)
        await radio.wait_lost()
    await radio.close()
    await bluetoothd.stop()


async def test_without_bluetoothd_there_is_no_radio_yet(system_bus):
    radio = BluezRadio()
    with pytest.raises(RadioUnavailable, match="BlueZ"):
        await radio.open()
    await radio.close()
