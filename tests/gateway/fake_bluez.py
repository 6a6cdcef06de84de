"""A stand-in for bluetoothd on a private D-Bus, that gives the error replies asked of it.

Object paths, interfaces, properties and the order of signals are those of BlueZ's own
documentation (doc/*.rst), the texts of errors those of its src/error.h.
"""

import asyncio
import shutil
import subprocess
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.needs import missing

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
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
ADAPTER = "/org/bluez/hci0"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"
_A, _D = "org.bluez.Adapter1", "org.bluez.Device1"
_S, _C = "org.bluez.GattService1", "org.bluez.GattCharacteristic1"
_SECONDS = 0.05
FAILED, IN_PROGRESS = "org.bluez.Error.Failed", "org.bluez.Error.InProgress"
NOT_READY = "org.bluez.Error.NotReady"
ABORTED = "le-connection-abort-by-local"


def full(uuid16: str) -> str:
    """Write a UUID of the SIG in full."""
    return f"0000{uuid16}-0000-1000-8000-00805f9b34fb"


@contextmanager
def private_bus(folder: Path) -> Iterator[str]:
    """Run a D-Bus daemon of one's own; yield its address."""
    if shutil.which("dbus-daemon") is None:
        missing("dbus-daemon")
    config, socket = folder / "bus.conf", folder / "bus"
    config.write_text(_CONFIG.format(socket=socket))
    process = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield f"unix:path={socket}"
    process.terminate()
    process.wait()
    process.stdout.close()


class Cuff:
    """A device in reach: it indicates ``values`` once subscribed to, then disconnects."""

    service, characteristic = "1810", "2a35"

    def __init__(self, address: str, *values: bytes) -> None:
        self.address, self.values = address, list(values)
        self.name = "cuff"
        self.path = f"{ADAPTER}/dev_{address.replace(':', '_')}"
        self.is_known = self.is_connected = self.is_paired = False
        # Whether BlueZ remembers services that the device has no longer: until it is removed.
        self.is_stale = False
        # Whether no link to it ever comes up, though it is heard.
        self.is_out_of_reach = False
        # Whether bluetoothd ends when it is connected to, as 5.66 does on half a bond.
        self.is_deadly = False
        self.sent: list[bytes] = []


class Bluetoothd:
    """bluetoothd with one adapter.

    ``fails[member]`` holds the errors (name, text) that the next calls get; ``deaf_to`` the members
    that are never answered. ``is_stuck``: a scan succeeds and hears nobody, until a power-cycle.
    ``connects_to_nobody``: who is heard gets no link, until as many power-cycles.
    """

    def __init__(self, address: str, *cuffs: Cuff, powered: bool = True) -> None:
        self._bus = MessageBus(bus_address=address)
        self.cuffs = {cuff.path: cuff for cuff in cuffs}
        self.powered, self.discovering, self.is_stuck = powered, False, False
        self.connects_to_nobody = 0
        self.has_adapter = True
        self.calls: list[tuple[object, ...]] = []
        self.fails: dict[str, deque[tuple[str, str]]] = defaultdict(deque)
        self.deaf_to: set[str] = set()
        self.filters: list[list[str]] = []
        self.agent: tuple[str, str] = ("", "")
        self.ended = asyncio.Event()
        self._advertising: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the name, and let devices advertise."""
        await self._bus.connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.request_name("org.bluez")
        self._advertising = asyncio.create_task(self._advertise())

    async def stop(self) -> None:
        """Leave the bus as a killed process does."""
        if self._advertising is not None:
            self._advertising.cancel()
            with suppress(asyncio.CancelledError):
                await self._advertising
        self._bus.disconnect()

    def plug_in(self) -> None:
        """An adapter that was missing is there now."""
        self.has_adapter = True
        self._added(ADAPTER, _A, self._of_adapter())

    def pull_out(self) -> None:
        """The adapter is taken away."""
        self.has_adapter = self.discovering = False
        self._signal("/", _OBJECTS, "InterfacesRemoved", "oas", [ADAPTER, [_A]])

    def switch_off(self) -> None:
        """Somebody else switches the adapter off."""
        self.powered = self.discovering = False
        no = Variant("b", False)
        self._changed(ADAPTER, _A, Powered=no, Discovering=no)

    def count(self, member: str) -> int:
        """How often a member was called."""
        return sum(call[0] == member for call in self.calls)

    async def ask_agent(
        self, member: str, signature: str = "o", body: tuple[object, ...] = (f"{ADAPTER}/dev_X",)
    ) -> Message:
        """Ask whom it knows as its agent, as the real one does."""
        destination, path = self.agent
        message = Message(
            destination=destination,
            path=path,
            interface="org.bluez.Agent1",
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = await self._bus.call(message)
        assert reply is not None
        return reply

    async def _advertise(self) -> None:
        rssi = -60
        while True:
            await asyncio.sleep(_SECONDS)
            rssi = -120 - rssi - (rssi % 2)
            if not self.discovering or self.is_stuck or not self.powered:
                continue
            for cuff in self.cuffs.values():
                if cuff.values and not cuff.is_connected and self._is_wanted(cuff):
                    self._say_seen(cuff, rssi)

    def _is_wanted(self, cuff: Cuff) -> bool:
        wanted = self.filters[-1] if self.filters else []
        return not wanted or full(cuff.service) in wanted

    def _say_seen(self, cuff: Cuff, rssi: int) -> None:
        if cuff.is_known:
            self._changed(cuff.path, _D, RSSI=Variant("n", rssi))
        else:
            cuff.is_known = True
            self._added(cuff.path, _D, self._of_device(cuff))

    def _of_device(self, cuff: Cuff) -> dict[str, Variant]:
        named = {"Name": Variant("s", cuff.name)} if cuff.name else {}
        return named | {
            "Address": Variant("s", cuff.address),
            "Alias": Variant("s", cuff.name or cuff.address.replace(":", "-")),
            "Adapter": Variant("o", ADAPTER),
            "UUIDs": Variant("as", [full(cuff.service)]),
            "Paired": Variant("b", cuff.is_paired),
            "Connected": Variant("b", cuff.is_connected),
            "ServicesResolved": Variant("b", False),
            "RSSI": Variant("n", -60),
        }

    def _of_adapter(self) -> dict[str, Variant]:
        return {
            "Powered": Variant("b", self.powered),
            "Discovering": Variant("b", self.discovering),
            "Roles": Variant("as", ["central", "peripheral"]),
        }

    def _objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        if not self.has_adapter:
            return {}
        known = [cuff for cuff in self.cuffs.values() if cuff.is_known]
        return {ADAPTER: {_A: self._of_adapter()}} | {
            cuff.path: {_D: self._of_device(cuff)} for cuff in known
        }

    def _on_message(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        member = message.member or ""
        self.calls.append((member, *message.body))
        if member in self.deaf_to:
            return True
        if self.fails[member]:
            name, text = self.fails[member].popleft()
            if text == ABORTED:
                self._connect_and_abort(self.cuffs[message.path or ""])
            return Message.new_error(message, name, text)
        answer = getattr(self, f"_on_{member}", None)
        if answer is None:
            return Message.new_method_return(message)
        reply = answer(message)
        return Message.new_method_return(message) if reply is None else reply

    def _on_RegisterAgent(self, message: Message) -> None:
        self.agent = (message.sender or "", message.body[0])

    def _on_GetManagedObjects(self, message: Message) -> Message:
        return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects()])

    def _on_SetDiscoveryFilter(self, message: Message) -> None:
        uuids = message.body[0].get("UUIDs")
        self.filters.append(uuids.value if uuids else [])

    def _on_StartDiscovery(self, message: Message) -> Message | None:
        if not self.powered:
            return Message.new_error(message, NOT_READY, "Resource Not Ready")
        self.discovering = True
        return None

    def _on_StopDiscovery(self, _message: Message) -> None:
        self.discovering = False

    def _on_Set(self, message: Message) -> None:
        _, name, value = message.body
        if name == "Powered":
            self.powered = value.value
            if not self.powered:
                self.is_stuck = self.discovering = False
                self.connects_to_nobody = max(self.connects_to_nobody - 1, 0)
                for cuff in self.cuffs.values():
                    self._hang_up(cuff)
            self._changed(ADAPTER, _A, Powered=value)

    def _on_RemoveDevice(self, message: Message) -> None:
        cuff = self.cuffs[message.body[0]]
        cuff.is_known = cuff.is_stale = cuff.is_paired = False
        self._hang_up(cuff)
        body = [cuff.path, [_D]]
        self._signal("/", _OBJECTS, "InterfacesRemoved", "oas", body)

    def _on_Connect(self, message: Message) -> Message | bool | None:
        cuff = self.cuffs[message.path or ""]
        if self.connects_to_nobody or cuff.is_out_of_reach:
            return Message.new_error(message, FAILED, "le-connection-timeout")
        if cuff.is_deadly:
            self.ended.set()
            return True
        cuff.is_connected = True
        self._changed(cuff.path, _D, Connected=Variant("b", True))
        uuid = "180a" if cuff.is_stale else cuff.service
        service = f"{cuff.path}/service0010"
        of_service = {"UUID": Variant("s", full(uuid)), "Device": Variant("o", cuff.path)}
        self._added(service, _S, of_service)
        if not cuff.is_stale:
            of_characteristic = {
                "UUID": Variant("s", full(cuff.characteristic)),
                "Service": Variant("o", service),
                "Flags": Variant("as", ["indicate"]),
            }
            self._added(f"{service}/char0011", _C, of_characteristic)
        self._changed(cuff.path, _D, ServicesResolved=Variant("b", True))
        return None

    def _connect_and_abort(self, cuff: Cuff) -> None:
        """BlueZ had connected: it says so, and that the link is gone, around its error."""
        cuff.is_connected = True
        self._changed(cuff.path, _D, Connected=Variant("b", True))
        asyncio.get_running_loop().call_later(_SECONDS, self._hang_up, cuff)

    def _on_Pair(self, message: Message) -> None:
        self.cuffs[message.path or ""].is_paired = True
        self._changed(message.path or "", _D, Paired=Variant("b", True))

    def _on_Disconnect(self, message: Message) -> None:
        self._hang_up(self.cuffs[message.path or ""])

    def _on_StartNotify(self, message: Message) -> None:
        path = message.path or ""
        cuff = self.cuffs[path[: path.index("/service")]]
        asyncio.get_running_loop().call_later(_SECONDS, self._speak, cuff, path)

    def _speak(self, cuff: Cuff, path: str) -> None:
        while cuff.values and cuff.is_connected:
            value = cuff.values.pop(0)
            cuff.sent.append(value)
            self._changed(path, _C, Value=Variant("ay", value))
        self._hang_up(cuff)

    def _hang_up(self, cuff: Cuff) -> None:
        if cuff.is_connected:
            cuff.is_connected = False
            no = Variant("b", False)
            self._changed(cuff.path, _D, Connected=no, ServicesResolved=no)

    def _added(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        body = [path, {interface: properties}]
        self._signal("/", _OBJECTS, "InterfacesAdded", "oa{sa{sv}}", body)

    def _changed(self, path: str, interface: str, **properties: Variant) -> None:
        body = [interface, properties, []]
        self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: list[object]
    ) -> None:
        signal = Message.new_signal(path, interface, member, signature, body)
        task = asyncio.ensure_future(self._bus.send(signal))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
