"""What bleak leaves to us on BlueZ: answering pairing requests, and noticing that bluetoothd died.

Without a registered agent BlueZ refuses every pairing, and a read that makes it pair hangs. Ours
has neither display nor keys, so it agrees to "just works" and rejects what would need either.
A bluetoothd that is killed leaves bleak believing in its links; the bus tells when its name goes.
"""

import asyncio
from typing import Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from gateway.ble.translation import radio_errors
from gateway.errors import RadioUnavailable

_BLUEZ: Final = "org.bluez"
_AGENT: Final = "org.bluez.Agent1"
_AGENT_PATH: Final = "/it/vicino/agent"
_CAPABILITY: Final = "NoInputNoOutput"
_AGREED: Final = ("RequestAuthorization", "Cancel", "Release")
_WATCH: Final = (
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'"
)


class BluezWatch:
    """The gateway's own connection to the system bus."""

    def __init__(self) -> None:
        self._bus: MessageBus | None = None
        self._lost = asyncio.Event()

    async def open(self) -> None:
        """Register the agent and begin to watch. Raises ``RadioUnavailable`` without BlueZ."""
        self._lost.clear()
        with radio_errors():
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
            self._bus = bus
            bus.add_message_handler(self._on_message)
            await self._call(bus, "org.freedesktop.DBus", "AddMatch", "s", [_WATCH])
            manager = "org.bluez.AgentManager1"
            await self._call(bus, manager, "RegisterAgent", "os", [_AGENT_PATH, _CAPABILITY])
            await self._call(bus, manager, "RequestDefaultAgent", "o", [_AGENT_PATH])

    def close(self) -> None:
        """Leave the bus; BlueZ forgets the agent by itself."""
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def wait_lost(self) -> None:
        """Return when bluetoothd has left the bus."""
        await self._lost.wait()

    async def _call(
        self, bus: MessageBus, interface: str, member: str, signature: str, body: list[object]
    ) -> None:
        of_bluez = interface.startswith(_BLUEZ)
        message = Message(
            destination=_BLUEZ if of_bluez else interface,
            path="/org/bluez" if of_bluez else "/org/freedesktop/DBus",
            interface=interface,
            member=member,
            signature=signature,
            body=body,
        )
        reply = await bus.call(message)
        if reply is None or reply.message_type is MessageType.ERROR:
            said = reply.body[0] if reply and reply.body else "no answer"
            raise RadioUnavailable(f"radio: BlueZ: {member}: {said}")

    def _on_message(self, message: Message) -> Message | None:
        if message.member == "NameOwnerChanged" and message.body[0] == _BLUEZ:
            if not message.body[2]:
                self._lost.set()
            return None
        if message.message_type is not MessageType.METHOD_CALL or message.interface != _AGENT:
            return None
        if message.member in _AGREED:
            return Message.new_method_return(message)
        return Message.new_error(message, "org.bluez.Error.Rejected", "no display and no keys")
