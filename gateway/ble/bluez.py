"""What bleak leaves to us on BlueZ: answering pairing requests, noticing that the radio is gone.

Without a registered agent BlueZ refuses every pairing, and a read that makes it pair hangs. Ours
has neither display nor keys, so it agrees to "just works" and rejects what would need either; while
somebody pairs a device by hand it has keys, and passes on the six digits.
A bluetoothd that is killed leaves bleak believing in its links, and an adapter that is pulled out
or switched off in its scan; the bus tells of both.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from gateway.ble.translation import radio_errors
from gateway.errors import RadioUnavailable

_BLUEZ: Final = "org.bluez"
_AGENT: Final = "org.bluez.Agent1"
_MANAGER: Final = "org.bluez.AgentManager1"
_AGENT_PATH: Final = "/it/vicino/agent"
_NO_KEYS, _KEYS = "NoInputNoOutput", "KeyboardDisplay"
_REJECTED: Final = "org.bluez.Error.Rejected"
_AGREED: Final = ("RequestAuthorization", "Cancel", "Release")
_ADAPTER: Final = "org.bluez.Adapter1"
_WATCHED: Final = (
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'",
    f"type='signal',sender='org.bluez',member='PropertiesChanged',arg0='{_ADAPTER}'",
    "type='signal',sender='org.bluez',member='InterfacesRemoved'",
)

# Asks whoever pairs a device for its six digits; None: there are none.
Passkey = Callable[[], Awaitable[int | None]]


class BluezWatch:
    """The gateway's own connection to the system bus."""

    def __init__(self, passkey: Passkey | None = None) -> None:
        self._passkey = passkey
        self._asked: set[asyncio.Task[None]] = set()
        self._bus: MessageBus | None = None
        self._lost = asyncio.Event()
        self._is_off = False
        """Whether that is all that was lost: an adapter's power."""

    async def open(self) -> None:
        """Register the agent and begin to watch. Raises ``RadioUnavailable`` without BlueZ."""
        self._lost.clear()
        self._is_off = False
        with radio_errors():
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
            self._bus = bus
            bus.add_message_handler(self._on_message)
            for rule in _WATCHED:
                await bus.call(_watch(rule))
            can = _NO_KEYS if self._passkey is None else _KEYS
            await self.call("/org/bluez", _MANAGER, "RegisterAgent", "os", _AGENT_PATH, can)
            await self.call("/org/bluez", _MANAGER, "RequestDefaultAgent", "o", _AGENT_PATH)

    def close(self) -> None:
        """Leave the bus; BlueZ forgets the agent by itself."""
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def wait_lost(self) -> None:
        """Return when bluetoothd has left the bus, or an adapter was taken away or switched off."""
        await self._lost.wait()

    def excuse_power(self) -> None:
        """Take no notice of an adapter that was switched off: it was our own doing.

        A bluetoothd that left meanwhile, or an adapter that was taken away, was not.
        """
        if self._is_off:
            self._lost.clear()

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: object
    ) -> list[Any]:
        """Call BlueZ and return what it answers. Raises ``RadioUnavailable`` with its error."""
        if self._bus is None:
            raise RadioUnavailable("radio: BlueZ: the bus is closed")
        message = Message(
            destination=_BLUEZ,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        with radio_errors():
            reply = await self._bus.call(message)
        if reply is None or reply.message_type is MessageType.ERROR:
            said = reply.body[0] if reply and reply.body else "no answer"
            raise RadioUnavailable(f"radio: BlueZ: {member}: {said}")
        return list(reply.body)

    def _on_message(self, message: Message) -> Message | bool | None:
        if _says_gone(message):
            self._lose(is_off=False)
            return None
        if _says_off(message):
            self._lose(is_off=True)
            return None
        if message.message_type is not MessageType.METHOD_CALL or message.interface != _AGENT:
            return None
        if message.member == "RequestPasskey" and self._passkey is not None:
            task = asyncio.get_running_loop().create_task(self._pass_on(self._passkey, message))
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
            return True
        if message.member in _AGREED:
            return Message.new_method_return(message)
        return Message.new_error(message, _REJECTED, "no display and no keys")

    def _lose(self, *, is_off: bool) -> None:
        self._is_off = is_off and (self._is_off or not self._lost.is_set())
        self._lost.set()

    async def _pass_on(self, passkey: Passkey, message: Message) -> None:
        digits = await passkey()
        if self._bus is None:
            return
        if digits is None:
            await self._bus.send(Message.new_error(message, _REJECTED, "no digits were given"))
        else:
            await self._bus.send(Message.new_method_return(message, "u", [digits]))


def _says_gone(message: Message) -> bool:
    match message.member, message.body:
        case "NameOwnerChanged", [name, _, owner]:
            return bool(name == _BLUEZ and not owner)
        case "InterfacesRemoved", [_, interfaces]:
            return _ADAPTER in interfaces
        case _:
            return False


def _says_off(message: Message) -> bool:
    match message.member, message.body:
        case "PropertiesChanged", [interface, changed, _]:
            powered = changed.get("Powered")
            return bool(interface == _ADAPTER and powered is not None and not powered.value)
        case _:
            return False


def _watch(rule: str) -> Message:
    return Message(
        destination="org.freedesktop.DBus",
        path="/org/freedesktop/DBus",
        interface="org.freedesktop.DBus",
        member="AddMatch",
        signature="s",
        body=[rule],
    )
