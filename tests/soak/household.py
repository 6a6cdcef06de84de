"""One home with six devices, a real gateway and a real server; what the devices said is kept."""

import asyncio
import os
import sys
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

from simulators.gateway_process import GatewayProcess
from simulators.peripherals import Cuff, Oximeter, Peripheral, Scale, Thermometer, address
from simulators.ports import free_port
from simulators.radio import VirtualRadio
from simulators.server_process import ServerProcess
from tests.chaos.homes import ZONE, reader
from tests.chaos.record import Record
from tests.soak import wandering_clock

KINDS: Final = (Cuff, Oximeter, Scale, Thermometer, Cuff, Oximeter)
CHC: Final = "CHC Susa"
NAME: Final = "home-1"
_DECI: Final = Decimal("0.1")
_SECOND: Final = timedelta(seconds=1)


class WanderingGateway(GatewayProcess):
    """A gateway process whose wall clock follows a file."""

    def __init__(self, settings: Path, radio: str, log: Path, clock: Path) -> None:
        super().__init__(settings, radio, log)
        self._environment[wandering_clock.VARIABLE] = str(clock)

    def _command(self, *arguments: str) -> list[str]:
        program = [sys.executable, "-m", "tests.soak.wandering_clock"]
        return [*program, *arguments, "--settings", str(self._settings)]


class Household:
    """``open`` before use, ``close`` always. ``said`` is (device, its time) and the values."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, Random(seed)
        self.said: dict[tuple[str, str], dict[str, Decimal]] = {}
        self.radio = VirtualRadio()
        self.devices: list[Peripheral] = []
        self.server = ServerProcess(folder, free_port(), free_port())
        self.record = Record(folder / "data" / "vicino.db")
        self._clock = folder / "clock"
        self._last = datetime.min.replace(tzinfo=ZONE)

    @property
    def broker_pid(self) -> int:
        return int((self.folder / "data/broker/nats.pid").read_text())

    async def open(self) -> None:
        self.set_clock(0, "synchronised")
        await asyncio.to_thread(self._set_up)
        await asyncio.to_thread(self.server.start)
        await self.radio.__aenter__()
        for number, make in enumerate(KINDS):
            self.devices.append(make(self.radio, address(number)))
            await self.devices[-1].start()
        bundle = self.folder / "gateways" / NAME
        settings = bundle / "gateway.toml"
        settings.write_text(settings.read_text() + "receipt_seconds = 2\nheartbeat_seconds = 5\n")
        self._outbox = bundle / "state/outbox.db"
        log = self.folder / "gateway.log"
        self.gateway = WanderingGateway(settings, self.radio.transport, log, self._clock)
        await self.gateway.start()

    async def close(self) -> None:
        if self.devices:
            await self.gateway.stop()
        for device in self.devices:
            await device.stop()
        await self.radio.__aexit__(None, None, None)
        await asyncio.to_thread(self.server.stop)

    def set_clock(self, offset_ms: int, state: str) -> None:
        """Move the gateway's wall clock from the true one, and say whether it is believed."""
        new = self._clock.with_suffix(".new")
        new.write_text(f"{offset_ms} {state}")
        os.replace(new, self._clock)

    async def measure(self, device: Peripheral) -> None:
        """Let a device take and say one measurement, by its own right clock."""
        self._last = at = max(datetime.now(ZONE).replace(microsecond=0), self._last + _SECOND)
        first = Decimal(self.random.randrange(1100, 1500))
        pulse = Decimal(self.random.randrange(55, 95))
        local = at.replace(tzinfo=None)
        match device:
            case Cuff():
                low = Decimal(self.random.randrange(60, 90))
                values = {"systolic": first // 10, "diastolic": low, "pulse": pulse}
                taking = device.take(values["systolic"], low, pulse, local)
            case Oximeter():
                values = {"spo2": Decimal(self.random.randrange(93, 100)), "pulse": pulse}
                taking = device.take(values["spo2"], pulse, local)
            case Scale():
                values = {"weight": (first - 400) * _DECI}
                taking = device.take(values["weight"], local)
            case Thermometer():
                values = {"temperature": Decimal(self.random.randrange(360, 375)) * _DECI}
                taking = device.take(values["temperature"], local)
        self.said[device.address, local.isoformat()] = values
        await taking

    async def rest(self, seconds: float) -> None:
        """Wait until everything was taken and receipted. Raises ``TimeoutError``."""
        async with asyncio.timeout(seconds):
            while any(device.unsent for device in self.devices) or self._waiting():
                await asyncio.sleep(0.5)

    def _waiting(self) -> int:
        with closing(reader(self._outbox)) as rows:
            return int(rows.execute("select count(*) from waiting").fetchone()[0])

    def _set_up(self) -> None:
        """Enter one patient with six devices, and the gateway."""
        command = self.server.command
        command("init")
        staff = {"name": "anna", "full_name": "Anna Neri", "role": "nurse", "chc": CHC}
        command("user", "add", records=[{**staff, "language": "it", "password": "a-long-one-here"}])
        person = {"reference": "P-1", "chc": CHC, "family_name": "Rossi", "given_name": "Maria"}
        command("patient", "add", records=[{**person, "born_on": "1941-03-02"}])
        addresses = [address(number) for number in range(len(KINDS))]
        profiles = [f"vicino_virtual_{kind.kind}" for kind in KINDS]
        pairs = zip(addresses, profiles, strict=True)
        command(
            "device", "add", records=[{"address": a, "profile": p, "chc": CHC} for a, p in pairs]
        )
        since = (datetime.now(ZONE) - timedelta(days=1)).isoformat()
        given = [{"address": a, "patient": "P-1", "from": since} for a in addresses]
        command("device", "assign", records=given)
        listing = self.folder / "gateways.txt"
        listing.write_text(f"{NAME} {CHC}\n")
        bundles = str(self.folder / "gateways")
        command("gateway", "add", "--file", str(listing), "--with-key", bundles)
