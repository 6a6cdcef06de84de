"""Run the whole of Vicino on this machine, with made-up patients and virtual devices."""

import argparse
import asyncio
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from tqdm import tqdm

from simulators import fleet, peripherals, physiology
from simulators.fleet import FleetFailed, FleetGateway
from simulators.gateway_process import GatewayFailed, GatewayProcess
from simulators.ports import free_port
from simulators.radio import VirtualRadio
from simulators.server_process import ServerFailed, ServerProcess, Visitor, password

ZONE: Final = ZoneInfo("Europe/Rome")
CHC: Final = "Casa della Comunità di Susa"
BLE_GATEWAY: Final = "home-ble"
_STAFF: Final = (
    ("nurse", "anna", "Anna Neri"),
    ("nurse", "bruno", "Bruno Serra"),
    ("doctor", "dora", "Dora Gallo"),
    ("coordinator", "carla", "Carla Rinaldi"),
    ("technical-service", "tito", "Tito Moro"),
    ("administrator", "ugo", "Ugo Bianco"),
)
_FAMILY: Final = ("Rossi", "Ferrero", "Bruno", "Gallo", "Costa", "Fontana", "Rey", "Favre", "Blanc")
_GIVEN: Final = ("Maria", "Giuseppe", "Anna", "Luigi", "Rosa", "Franco", "Lucia", "Aldo", "Ines")
_THREADS: Final = 6
_SETTLE_TRIES: Final = 20
_LIVE_SECONDS: Final = 4.0
_BLE_SECONDS: Final = 25.0
_HEARTBEAT_SECONDS: Final = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("--patients", type=_count(1, 2000), default=60, help="how many (60)")
    parser.add_argument("--days", type=_count(1, 400), default=30, help="of history (30)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed, the same people (7)")
    parser.add_argument("--port", type=_count(1, 65535), default=8080, help="of the pages (8080)")
    parser.add_argument(
        "--for", dest="seconds", type=float, help="end by itself after so many seconds"
    )
    parser.add_argument("--folder", type=Path, help="keep everything here (default: thrown away)")


def run(options: argparse.Namespace) -> int:
    """Run the demonstration; 1 when a promise was broken or a part failed."""
    with tempfile.TemporaryDirectory(prefix="vicino-demo-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return asyncio.run(Demo(options, folder.absolute()).run())
        except (FleetFailed, GatewayFailed, ServerFailed) as error:
            print(f"the demonstration failed: {error}")
            log = folder / "server.log"
            if log.exists():
                print("".join(log.read_text(encoding="utf-8").splitlines(True)[-15:]))
            return 1


@dataclass
class Demo:
    """One demonstration: a server, one gateway with virtual devices, and a fleet."""

    options: argparse.Namespace
    folder: Path
    passwords: dict[str, str] = field(
        default_factory=lambda: {one[1]: password() for one in _STAFF}
    )
    people: list[physiology.Patient] = field(default_factory=list)
    homes: list[FleetGateway] = field(default_factory=list)
    must_alert: set[int] = field(default_factory=set)
    ids: list[int] = field(default_factory=list)

    async def run(self) -> int:
        """Set up, run until told to stop, sum up."""
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        self.server = ServerProcess(self.folder, self.options.port, free_port())
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self._set_up)
            stack.callback(self.server.stop)
            await asyncio.to_thread(self.server.start)
            print(f"Open {self.server.url}/", flush=True)
            for role, name, _ in _STAFF:
                print(f"{role} {name} {self.passwords[name]}", flush=True)
            radio = await stack.enter_async_context(VirtualRadio())
            gateway = await stack.enter_async_context(
                GatewayProcess(
                    self.folder / "gateways" / BLE_GATEWAY / "gateway.toml",
                    radio.transport,
                    self.folder / "gateway.log",
                )
            )
            live = asyncio.create_task(self._by_radio(radio, stopping))
            await self._unless_stopped(stopping, self._send_history)
            fleet_task = asyncio.create_task(self._live_fleet(stopping))
            with suppress(TimeoutError):
                async with asyncio.timeout(self.options.seconds):
                    await stopping.wait()
            stopping.set()
            await fleet_task
            await asyncio.gather(live, return_exceptions=True)
            return await self._sum_up(gateway) if self.options.seconds else 0

    async def _unless_stopped(self, stopping: asyncio.Event, work: Callable[[], None]) -> None:
        """Do the work in a thread of its own; leave it behind when we are told to stop."""
        failed: list[Exception] = []

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
                failed.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        while thread.is_alive() and not stopping.is_set():
            await asyncio.sleep(0.1)
        if failed and not stopping.is_set():
            raise failed[0]

    def _set_up(self) -> None:
        """Make people, devices, plans and gateways through the server's own commands."""
        with tqdm(total=7, desc="setting up", unit="step") as bar:
            server = self.server
            server.command("init")
            bar.update()
            staff = [
                {"name": name, "full_name": full, "role": role, "chc": CHC,
                 "password": self.passwords[name], "language": "it"}
                for role, name, full in _STAFF
            ]  # fmt: skip
            server.command("user", "add", records=staff)
            until = (datetime.now(ZONE) + timedelta(hours=12)).isoformat()
            on_duty = [{"name": "anna", "until": until}, {"name": "dora", "until": until}]
            server.command("user", "duty", records=on_duty)
            bar.update()
            self.people = physiology.patients(self.options.patients, self.options.seed)
            records = [_person(one) for one in self.people]
            self.ids = [int(line) for line in server.command("patient", "add", records=records)]
            bar.update()
            self._set_up_devices()
            bar.update()
            plans = [
                {"patient": _reference(one), "author": "anna", "plan": _plan()}
                for one in self.people
            ]
            server.command("plan", "add", records=plans)
            bar.update()
            since = (datetime.now(ZONE) - timedelta(days=self.options.days + 1)).isoformat()
            confirmed = [
                {"patient": _reference(one), "version": 1, "by": "dora", "from": since}
                for one in self.people
            ]
            server.command("plan", "confirm", records=confirmed)
            bar.update()
            self._set_up_gateways()
            bar.update()

    def _set_up_devices(self) -> None:
        since = (datetime.now(ZONE) - timedelta(days=self.options.days + 1)).isoformat()
        devices, assigned = [], []
        for person in self.people:
            for place, kind in enumerate(fleet.PROFILES):
                address = _address(person, place)
                devices.append({"address": address, "profile": fleet.PROFILES[kind], "chc": CHC})
                assigned.append({"address": address, "patient": _reference(person), "from": since})
        self.server.command("device", "add", records=devices)
        self.server.command("device", "assign", records=assigned)

    def _set_up_gateways(self) -> None:
        names = [BLE_GATEWAY, *(f"home-{person.number:04d}" for person in self.people[1:])]
        listing = self.folder / "gateways.txt"
        lines = "".join(f"{name} {CHC}\n" for name in names)
        listing.write_text(lines, encoding="utf-8")
        bundles = self.folder / "gateways"
        self.server.command("gateway", "add", "--file", str(listing), "--with-key", str(bundles))
        for person, name in zip(self.people[1:], names[1:], strict=True):
            devices = {kind: _address(person, place) for place, kind in enumerate(fleet.PROFILES)}
            epoch = os.urandom(16).hex()
            self.homes.append(FleetGateway(name, bundles / name, devices, epoch))

    def _send_history(self) -> None:
        end = datetime.now(ZONE)
        for person, home in zip(self.people[1:], self.homes, strict=True):
            taken = list(physiology.history(person, self.options.seed, end, self.options.days))
            for one in taken:
                home.take(one, int(one.at.timestamp() * 1000) + 2000)
            if physiology.must_alert(taken):
                self.must_alert.add(self.ids[person.number])
        self._add_doubtful(end)
        total = sum(home.given for home in self.homes)
        with tqdm(total=total, desc="sending history", unit="measurement") as bar:
            fleet.send_all(self.homes, self.server.broker, _THREADS, bar.update)

    def _add_doubtful(self, end: datetime) -> None:
        """A cuff that nobody assigned, and bytes that nobody can read: a person must look."""
        if not self.homes:
            return
        home, at = self.homes[0], int(end.timestamp() * 1000)
        home.devices["cuff"], own = peripherals.address(4_000_000_000), home.devices["cuff"]
        home.take(physiology.now(self.people[1], Random(self.options.seed), end), at)
        home.devices["cuff"] = own
        home.take_unreadable(at)

    async def _live_fleet(self, stopping: asyncio.Event) -> None:
        """Let one home after the other measure now, and every home say that it is there."""
        spoke = time.monotonic()
        random = Random(self.options.seed)
        index = 0
        while not stopping.is_set() and self.homes:
            home = self.homes[index % len(self.homes)]
            index += 1
            person = self.people[1 + self.homes.index(home)]
            now = datetime.now(ZONE)
            taken = physiology.now(person, random, now)
            home.take(taken, int(now.timestamp() * 1000))
            if physiology.must_alert([taken]):
                self.must_alert.add(self.ids[person.number])
            await asyncio.to_thread(fleet.send_all, [home], self.server.broker, 1, lambda _: None)
            if time.monotonic() - spoke > _HEARTBEAT_SECONDS:
                spoke = time.monotonic()
                await asyncio.to_thread(
                    fleet.send_all, self.homes, self.server.broker, _THREADS, lambda _: None
                )
            with suppress(TimeoutError):
                async with asyncio.timeout(_LIVE_SECONDS):
                    await stopping.wait()

    async def _by_radio(self, radio: VirtualRadio, stopping: asyncio.Event) -> None:
        """The first patient measures with virtual devices, over real GATT, and worsens.

        Told to stop, not cancelled: Bumble swallows a cancellation that meets a command of its.
        """
        person = self.people[0]
        cuff = peripherals.Cuff(radio, _address(person, 0))
        scale = peripherals.Scale(radio, _address(person, 1))
        oximeter = peripherals.Oximeter(radio, _address(person, 2))
        for device in (cuff, scale, oximeter):
            await device.start()
        self.must_alert.add(self.ids[0])
        step = 0
        while not stopping.is_set():
            now = datetime.now(ZONE).replace(tzinfo=None, microsecond=0)
            await scale.take(Decimal(round(person.weight)), now)
            await cuff.take(Decimal(162 + 4 * step % 32), Decimal(88), Decimal(84), now)
            await oximeter.take(Decimal(93 - step % 6), Decimal(86), now)
            step += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(_BLE_SECONDS):
                    await stopping.wait()

    async def _sum_up(self, gateway: GatewayProcess) -> int:
        """Compare what was sent with what is stored, and the truth with the worklist."""
        for _ in range(_SETTLE_TRIES):  # a device may still be handing over its last measurement
            status = await gateway.wait_receipted(60)
            health = await asyncio.to_thread(self.server.health) or {}
            stored = health.get("measurements", 0) + health.get("quarantined", 0)
            sent = sum(home.given for home in self.homes) + status["receipted"]
            if stored == sent and not health.get("unjudged"):
                break
            await asyncio.sleep(1)
        receipted = sum(home.receipted for home in self.homes) + status["receipted"]
        visitor = await asyncio.to_thread(Visitor, self.server.url, "anna", self.passwords["anna"])
        alerted = await asyncio.to_thread(visitor.alerted_patients)
        unseen = self.must_alert - alerted
        promises = {
            f"stored = sent: {stored} = {sent}": stored == sent,
            f"receipted = sent: {receipted} = {sent}": receipted == sent,
            f"by radio at least one: {status['receipted']}": status["receipted"] > 0,
            f"everyone who worsened is on the worklist: {len(self.must_alert)} patients, "
            f"{len(unseen)} missing": not unseen,
            f"healthy: {health.get('status')}": health.get("status") == "ok",
        }
        for text, kept in promises.items():
            print(f"{'kept  ' if kept else 'BROKEN'}  {text}")
        return 0 if all(promises.values()) else 1


def _plan() -> dict[str, Any]:
    source = "Vicino demonstration, not for care"
    thresholds = [
        {"code": code, "source": source, "hysteresis": "2", "step": "5", **limits}
        for code, limits in physiology.LIMITS.items()
    ]
    gain = {"name": "weight-gain-2kg-3d", "days": 3, "more_than": "2"}
    return {
        "thresholds": thresholds,
        "gains": [{**gain, "source": "ESC, Heart Failure Matters"}],
        "expected": [{"code": code} for code in ("systolic", "weight", "spo2")],
    }


def _person(person: physiology.Patient) -> dict[str, Any]:
    number = person.number
    family = _FAMILY[number % len(_FAMILY)]
    given = _GIVEN[number // len(_FAMILY) % len(_GIVEN)]
    return {
        "reference": _reference(person),
        "chc": CHC,
        "family_name": family,
        "given_name": given,
        "born_on": f"{1932 + number % 25}-{1 + number % 12:02d}-{1 + number % 28:02d}",
        "phone": f"+39 0122 555{number:03d}",
    }


def _reference(person: physiology.Patient) -> str:
    return f"SUSA-{person.number:04d}"


def _address(person: physiology.Patient, place: int) -> str:
    return peripherals.address(person.number * 10 + place)


def _count(low: int, high: int) -> Any:  # noqa: ANN401 - argparse takes any callable
    def read(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"a number from {low} to {high}")
        return number

    return read
