"""The guest's home: bluetoothd, a controller under it, devices in reach, and a gateway process."""

import asyncio
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from bumble.hci import LeFeatureMask
from bumble.transport import open_transport
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from contract.messages import Measurement
from gateway.errors import OutboxUnavailable
from gateway.heartbeat import Status, read_status
from gateway.outbox import kept
from simulators.peripherals import Peripheral, address
from simulators.radio import VirtualController, VirtualRadio

_RESTART_SECONDS = 6.0
_NOBODY = 65534  # the gateway has no privilege: BlueZ is spoken to over D-Bus
_ADDRESS = "DC:A6:32:00:00:01"
_ADAPTER_PATH = "/org/bluez/hci0"
_DAEMON = "/usr/libexec/bluetooth/bluetoothd"
_SETTINGS = """
gateway = "gw-001"
broker = "mqtts://127.0.0.1:1"
ca_file = "{keys}/ca.crt"
certificate_file = "{keys}/gw-001.crt"
key_file = "{keys}/gw-001.key"
state_dir = "{state}"
radio = "bluez"
clock = "host"
"""


class Home:
    """``async with Home(results)``; ``results`` holds the gateway's keys."""

    def __init__(self, results: Path) -> None:
        self._results = results
        self.radio = VirtualRadio()
        self._devices: list[Peripheral] = []
        self._made = 0
        self._daemon: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.process: Process | None = None
        self.state = self.log = self._settings = Path()

    async def __aenter__(self) -> Self:
        """Start bluetoothd on a virtual controller that is powered."""
        self._keeper = asyncio.create_task(self._keep_bluetoothd())
        self._transport: Any = await open_transport("vhci")
        # With a public address, as a Pi has. Without one this kernel connects under the random
        # address of its scan, and pairs under its static one: every pairing fails its check.
        self._controller = VirtualController(
            "bluez",
            host_source=self._transport.source,
            host_sink=self._transport.sink,
            link=self.radio.link,
            public_address=_ADDRESS,
        )
        self._controller.le_features &= ~(
            LeFeatureMask.LL_PRIVACY | LeFeatureMask.LE_EXTENDED_ADVERTISING
        )
        await self.power()
        return self

    async def __aexit__(self, *_error: object) -> None:
        """End bluetoothd."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._transport.close()

    async def _keep_bluetoothd(self) -> None:
        """Start it anew whenever it ends, as systemd does."""
        while True:
            self._daemon = await asyncio.create_subprocess_exec(_DAEMON, "-n")
            try:
                await self._daemon.wait()
            except asyncio.CancelledError:
                self.kill_bluetoothd()
                raise
            print(f"bluetoothd has ended: {self._daemon.returncode}", flush=True)
            await asyncio.sleep(_RESTART_SECONDS)

    def kill_bluetoothd(self) -> None:
        """Kill it as the kernel would for want of memory; it is started anew a while later."""
        if self._daemon is not None and self._daemon.returncode is None:
            self._daemon.kill()

    async def power(self) -> None:
        """Power the adapter on: it takes BlueZ a while to have it."""
        async with asyncio.timeout(60):
            while not await self._set_powered(on=True):
                await asyncio.sleep(0.3)

    async def switch_off(self) -> None:
        """Switch the adapter off, as a hand on the box might."""
        assert await self._set_powered(on=False)

    async def _set_powered(self, *, on: bool) -> bool:
        body = ["org.bluez.Adapter1", "Powered", Variant("b", on)]
        reply = await self._call("org.freedesktop.DBus.Properties", "Set", "ssv", *body)
        return reply is not None and reply.message_type is not MessageType.ERROR

    async def _call(
        self, interface: str, member: str, signature: str, *body: object
    ) -> Message | None:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        message = Message(
            destination="org.bluez",
            path=_ADAPTER_PATH,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        try:
            return await bus.call(message)
        finally:
            bus.disconnect()

    async def device(self, kind: type[Peripheral]) -> Any:
        """Switch a device on; it stays until the scenario ends."""
        self._made += 1  # never the address of a device that BlueZ may have a bond with
        made = kind(self.radio, address(self._made))
        self._devices.append(made)
        await made.start()
        return made

    @asynccontextmanager
    async def gateway(self, name: str) -> AsyncIterator[None]:
        """Run a gateway with an empty outbox; it cannot reach a broker, so it keeps everything."""
        self.state = Path("/tmp") / name
        self._settings = Path(f"/tmp/{name}.toml")
        self._settings.write_text(_SETTINGS.format(keys=self._given_keys(), state=self.state))
        self.log = self._results / f"{name}.log"
        try:
            await self._start()
            yield
            assert self.process is not None
            assert self.process.returncode is None, "the gateway has ended"
        finally:
            for device in self._devices:
                await device.stop()
            self._devices.clear()
            await self._stop()

    def _given_keys(self) -> Path:
        """Give the gateway its keys where it may read them."""
        keys = Path("/tmp/keys")
        shutil.copytree(self._results / "keys", keys, dirs_exist_ok=True)
        for path in (keys, *keys.iterdir()):
            shutil.chown(path, _NOBODY, _NOBODY)
        return keys

    async def pair(self, address: str, digits: Callable[[], str] | None = None) -> None:
        """Pair a device by hand, while the gateway is stopped; ``digits`` is what is typed."""
        await self._stop()
        pairing = await self._run("pair", address, stdin=PIPE)
        typed = f"{digits()}\n" if digits is not None else ""
        try:
            async with asyncio.timeout(60):
                await pairing.communicate(typed.encode())
        finally:
            with suppress(ProcessLookupError):
                pairing.kill()
        assert pairing.returncode == 0, "it was not paired"
        await self._start()

    async def forget(self, address: str) -> None:
        """Make BlueZ forget a device, with its bond."""
        device = f"{_ADAPTER_PATH}/dev_{address.replace(':', '_')}"
        await self._call("org.bluez.Adapter1", "RemoveDevice", "o", device)

    async def _start(self) -> None:
        self.process = await self._run("run")
        await self.until(lambda: self.radio_state == "scanning", 60)

    async def _stop(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            await self.process.wait()

    async def _run(self, command: str, *arguments: str, stdin: int | None = None) -> Process:
        program = [sys.executable, "-m", "gateway", command, *arguments]
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *program,
                "--settings",
                str(self._settings),
                stdin=stdin,
                stdout=log,
                stderr=log,
                user=_NOBODY,
                group=_NOBODY,
                extra_groups=[],
            )

    @property
    def status(self) -> Status | None:
        """What the gateway says of itself."""
        with suppress(OSError):
            return read_status(self.state)
        return None

    @property
    def radio_state(self) -> str:
        """What it says of its radio."""
        return self.status.radio if self.status else "not started"

    def kept(self) -> list[Measurement]:
        """Return what the gateway holds."""
        try:
            return list(kept(self.state / "outbox.db"))
        except OutboxUnavailable:
            return []

    async def until(self, condition: Any, seconds: float) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.1)
