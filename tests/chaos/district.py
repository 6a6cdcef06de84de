"""A server with its embedded broker and three homes, all real processes, and the truth of each."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from simulators import physiology
from simulators.ports import free_port
from simulators.server_process import ServerProcess, password
from tests.chaos.homes import DEVICES, ZONE, Home, truth
from tests.chaos.record import Record
from tests.chaos.wire import Wire
from tests.server.engine import oracle

CHC = "CHC Susa"
SOURCE = "a test, not for care"
LIMITS = {**physiology.LIMITS}
LIMITS["systolic"] = {**LIMITS["systolic"], "inner_n": 2, "inner_m": 3, "hysteresis": "5"}
PLAN = {
    "thresholds": [{"code": code, "source": SOURCE, **said} for code, said in LIMITS.items()],
    "gains": [{"name": "weight-gain-2kg-3d", "days": 3, "more_than": "2", "source": SOURCE}],
}
PROFILES = {kind: f"vicino_virtual_{kind}" for kind in DEVICES}


@dataclass
class District:
    """One server, its homes, and who listens. ``open`` before use, ``close`` always."""

    folder: Path
    homes: list[Home]
    since: datetime
    nurse: str = field(default_factory=password)

    @cached_property
    def server(self) -> ServerProcess:
        return ServerProcess(self.folder, free_port(), free_port())

    @cached_property
    def record(self) -> Record:
        return Record(self.folder / "data" / "vicino.db")

    @cached_property
    def wire(self) -> Wire:
        return Wire(int(self.server.broker.rpartition(":")[2]))

    @property
    def broker_pid(self) -> int:
        return int((self.folder / "data" / "broker" / "nats.pid").read_text())

    async def open(self) -> None:
        await asyncio.to_thread(self._set_up)
        await asyncio.to_thread(self.server.start)
        self.wire.listen_up(self.folder / "data" / "keys")
        for home in self.homes:
            self.wire.listen_down(home.name, home.bundle)
            await home.open()

    async def close(self) -> None:
        for home in self.homes:
            if home.devices:
                await home.close()
        self.wire.close()
        await asyncio.to_thread(self.server.stop)

    def _set_up(self) -> None:
        """Enter people, devices, confirmed plans and gateways by the server's own commands."""
        command, since = self.server.command, self.since.isoformat()
        command("init")
        staff = {"chc": CHC, "language": "it"}
        nurse = {"name": "anna", "full_name": "Anna Neri", "role": "nurse"}
        doctor = {"name": "dora", "full_name": "Dora Gallo", "role": "doctor"}
        command(
            "user", "add",
            records=[{**staff, **nurse, "password": self.nurse},
                     {**staff, **doctor, "password": password()}],
        )  # fmt: skip
        command("patient", "add", records=[_person(home) for home in self.homes])
        devices = [
            {"address": home.address(kind), "profile": PROFILES[kind], "chc": CHC}
            for home in self.homes
            for kind in DEVICES
        ]
        command("device", "add", records=devices)
        assigned = [
            {"address": home.address(kind), "patient": home.reference, "from": since}
            for home in self.homes
            for kind in DEVICES
        ]
        command("device", "assign", records=assigned)
        plans = [{"patient": home.reference, "author": "anna", "plan": PLAN} for home in self.homes]
        command("plan", "add", records=plans)
        confirmed = {"version": 1, "by": "dora", "from": since}
        command(
            "plan",
            "confirm",
            records=[{"patient": home.reference, **confirmed} for home in self.homes],
        )
        listing = self.folder / "gateways.txt"
        listing.write_text("".join(f"{home.name} {CHC}\n" for home in self.homes))
        bundles = str(self.folder / "gateways")
        command("gateway", "add", "--file", str(listing), "--with-key", bundles)


def district(folder: Path, seed: int, each: int, count: int = 3) -> District:
    """Make ``count`` homes with ``each`` measurements; all are of the weeks before today."""
    end = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    homes = [Home(number, folder, truth(number, seed, end, each)) for number in range(1, count + 1)]
    return District(folder, homes, end - timedelta(days=390))


def findings(home: Home, since: datetime) -> set[tuple[str, str, int]]:
    """Return (patient's reference, rule, measured at) of all that the oracle finds in the truth."""
    seen = [
        oracle.Seen(int(taken.at.timestamp() * 1000), "", code, value)
        for taken in home.truth
        for code, value in taken.values.items()
    ]
    version = oracle.Version(1, int(since.timestamp() * 1000), str(ZONE), PLAN)
    return {(home.reference, rule, at) for rule, _, at, _ in oracle.findings(seen, [version])}


def _person(home: Home) -> dict[str, str]:
    return {
        "reference": home.reference,
        "chc": CHC,
        "family_name": "Rossi",
        "given_name": f"Maria {home.number}",
        "born_on": "1941-03-02",
    }
