"""What we ask of BlueZ ourselves, on a private D-Bus with a stand-in for bluetoothd."""

import asyncio
import shutil
import subprocess

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from gateway.ble.radio import BluezRadio
from gateway.errors import RadioUnavailable
from tests.needs import missing

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""


@pytest.fixture
def system_bus(tmp_path, monkeypatch):
    if shutil.which("dbus-daemon") is None:
        missing("dbus-daemon")
    config, socket = tmp_path / "bus.conf", tmp_path / "bus"
    config.write_text(CONFIG.format(socket=socket))
    process = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={socket}")
    yield f"unix:path={socket}"
    process.terminate()
    process.wait()
    process.stdout.close()


class Bluetoothd:
    """Answers the agent manager's calls and can ask the agent as the real one does."""

    def __init__(self, address):
        self._bus = MessageBus(bus_address=address)
        self.calls = []
        self.agent = None

    async def start(self):
        await self._bus.connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name("org.bluez")

    def stop(self):
        self._bus.disconnect()

    def _on_message(self, message):
        if message.message_type is not MessageType.METHOD_CALL or message.path != "/org/bluez":
            return None
        self.calls.append((message.member, *message.body))
        self.agent = (message.sender, message.body[0])
        return Message.new_method_return(message)

    async def ask(self, member, signature="o", body=("/org/bluez/hci0/dev_X",)):
        destination, path = self.agent
        return await self._bus.call(
            Message(
                destination=destination,
                path=path,
                interface="org.bluez.Agent1",
                member=member,
                signature=signature,
                body=list(body),
            )
        )


async def test_an_agent_without_display_or_keys_is_registered_and_agrees_to_just_works(
    system_bus,
):
    bluetoothd, radio = Bluetoothd(system_bus), BluezRadio()
    await bluetoothd.start()
    await radio.open()
    path = "/it/vicino/agent"
    assert bluetoothd.calls == [
        ("RegisterAgent", path, "NoInputNoOutput"),
        ("RequestDefaultAgent", path),
    ]
    agreed = await bluetoothd.ask("RequestAuthorization")
    assert agreed.message_type is MessageType.METHOD_RETURN
    refused = await bluetoothd.ask("RequestPasskey")
    assert refused.error_name == "org.bluez.Error.Rejected"
    await radio.close()
    bluetoothd.stop()


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
    replied = await bluetoothd.ask("RequestPasskey")
    assert replied.body == answer
    await radio.close()
    bluetoothd.stop()


async def test_a_bluetoothd_that_dies_is_noticed_at_once(system_bus):
    bluetoothd, radio = Bluetoothd(system_bus), BluezRadio()
    await bluetoothd.start()
    await radio.open()
    lost = asyncio.ensure_future(radio.wait_lost())
    await asyncio.sleep(0.1)
    assert not lost.done()
    bluetoothd.stop()
    async with asyncio.timeout(5):
        await lost
    await radio.close()


async def test_without_bluetoothd_there_is_no_radio_yet(system_bus):
    radio = BluezRadio()
    with pytest.raises(RadioUnavailable, match="BlueZ"):
        await radio.open()
    await radio.close()
