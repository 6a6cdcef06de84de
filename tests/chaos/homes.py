"""One home under test: its patient's truth, virtual devices, and a real gateway process."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from simulators import physiology
from simulators.gateway_process import GatewayProcess
from simulators.peripherals import Cuff, Oximeter, Peripheral, Scale, address
from simulators.physiology import Course, Taken
from simulators.radio import VirtualRadio

ZONE = ZoneInfo("Europe/Rome")
DEVICES = {"cuff": Cuff, "scale": Scale, "oximeter": Oximeter}
COURSES = (Course.HEART_FAILURE, Course.RESPIRATORY, Course.HYPERTENSIVE)


@dataclass(frozen=True)
class Waiting:
    """What a gateway's outbox file holds: its waiting numbers, and the next it would give."""

    seqs: frozenset[int]
    next_seq: int
    receipted: int


@dataclass
class Home:
    """A home by its number; ``truth`` is everything its devices will ever say."""

    number: int
    folder: Path
    truth: list[Taken]
    said: int = 0
    radio: VirtualRadio = field(default_factory=VirtualRadio)
    devices: dict[str, Peripheral] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"home-{self.number}"

    @property
    def reference(self) -> str:
        return f"P-{self.number}"

    @property
    def bundle(self) -> Path:
        return self.folder / "gateways" / self.name

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def address(self, kind: str) -> str:
        return address(self.number * 10 + list(DEVICES).index(kind))

    async def open(self) -> None:
        """Switch devices and gateway on; a lost receipt is asked for again after a second."""
        await self.radio.__aenter__()
        for kind, make in DEVICES.items():
            self.devices[kind] = make(self.radio, self.address(kind))
            await self.devices[kind].start()
        settings = self.bundle / "gateway.toml"
        settings.write_text(settings.read_text() + "receipt_seconds = 1\nheartbeat_seconds = 2\n")
        self.gateway = GatewayProcess(settings, self.radio.transport, self.log)
        await self.gateway.start()

    async def close(self) -> None:
        await self.gateway.stop()
        for device in self.devices.values():
            await device.stop()
        await self.radio.__aexit__(None, None, None)

    async def say(self, count: int) -> None:
        """Let the devices measure the next ``count`` of the truth."""
        for taken in self.truth[self.said : self.said + count]:
            self.said += 1
            await self._say(taken)

    async def _say(self, taken: Taken) -> None:
        at, values = taken.at.replace(tzinfo=None), taken.values
        match self.devices[taken.device]:
            case Cuff() as cuff:
                await cuff.take(values["systolic"], values["diastolic"], values["pulse"], at)
            case Scale() as scale:
                await scale.take(values["weight"], at)
            case Oximeter() as oximeter:
                await oximeter.take(values["spo2"], values["pulse"], at)

    @property
    def unsaid(self) -> int:
        """How many measurements no gateway took yet."""
        unsent = sum(device.unsent for device in self.devices.values())
        return len(self.truth) - self.said + unsent

    def waiting(self) -> Waiting:
        """Read the outbox file as it is now, changing nothing."""
        path = self.bundle / "state" / "outbox.db"
        if not path.exists():
            return Waiting(frozenset(), 1, 0)
        with closing(reader(path)) as rows:
            meta = dict(rows.execute("select key, value from meta"))
            seqs = frozenset(row[0] for row in rows.execute("select seq from waiting"))
        return Waiting(seqs, int(meta["next_seq"]), int(meta["receipted"]))


def reader(path: Path) -> sqlite3.Connection:
    """Open a database of a living or dead process for reading only."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5, isolation_level=None)


def truth(number: int, seed: int, end: datetime, count: int) -> list[Taken]:
    """Return the first ``count`` measurements of one who worsens in the days before ``end``."""
    days = -(-count // len(DEVICES)) + 1
    person = physiology.Patient(number, COURSES[number % 3], 126.0, 70.0, 97.0, 60.0 + 10 * number)
    return list(physiology.history(person, seed, end, days))[-count:]


def expected(home: Home) -> Iterator[tuple[str, str, dict[str, Decimal]]]:
    """Yield address, device time and values of everything the devices were made to say."""
    for taken in home.truth:
        yield home.address(taken.device), taken.at.strftime("%Y-%m-%dT%H:%M:%S"), taken.values


async def quiet(homes: list[Home], seconds: float) -> None:
    """Wait until everything was said, taken and receipted. Raises ``TimeoutError``."""
    async with asyncio.timeout(seconds):
        for home in homes:
            while home.unsaid or home.waiting().seqs or home.waiting().next_seq == 1:
                await asyncio.sleep(0.25)
