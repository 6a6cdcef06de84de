"""A small real world for tests: a database, people and devices, and envelopes by hand."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from contract.codes import DEFINITIONS
from contract.messages import Measurement, Measurements, Quantity, encoder
from server.domain.plans import Plan
from server.engine.state import State
from server.ports.directory import Patient, User
from server.ports.inputs import InputKind, NewInput
from server.services import storing
from server.services.judging import Judge, restore
from server.services.storing import Arrival
from server.stores import snapshot
from server.stores.database import Database
from server.stores.migrate import migrate

T0 = 1_790_000_000_000  # 2026-09-21T14:13:20Z
EPOCH = "0123456789abcdef" * 2
# Who is on duty in every world that is not told otherwise, for as long as any test lasts.
TEAM = (("anna", "Anna Neri", "nurse"), ("dora", "Dora Gallo", "doctor"))
LONG = 4_000_000_000_000
UNITS = {str(code): definition.unit for code, definition in DEFINITIONS.items()}


def wire(seq: int, content: int, values: dict[str, str], at: int, **more: Any) -> Measurement:
    """Make a measurement as it stands on the wire; ``LO`` and ``HI`` are comparators."""
    said = {"LO": {"below": "device-range"}, "HI": {"above": "device-range"}}
    quantities = [
        Quantity(code=code, unit=UNITS[code], **said.get(value, {"value": value}))
        for code, value in values.items()
    ]
    fields: dict[str, Any] = {
        "content_id": f"{content:032x}",
        "device": "AA:BB:CC:DD:EE:01",
        "profile": "generic_blood_pressure",
        "characteristic": "2a35",
        "raw": "00",
        "monotonic_ms": 0,
        "boot_id": "boot",
        "clock": "synchronised",
        "origin": "device",
        "received_at": at,
        **more,
    }
    return Measurement(seq=seq, quantities=quantities, **fields)


def envelope(
    gateway: str, measurements: list[Any], seq: int, epoch: str = EPOCH, kept_from: int = 1
) -> Arrival:
    """Pack elements into one envelope as it comes off the wire."""
    raw = [msgspec.Raw(encoder.encode(one)) for one in measurements]
    batch = Measurements(
        gateway=gateway, epoch=epoch, seq=seq, kept_from=kept_from, measurements=raw
    )
    return Arrival(gateway, encoder.encode(batch))


@dataclass
class World:
    """One CHC with one gateway; patients and devices are added as a test needs them."""

    store: Database
    now: int = T0
    team: tuple[tuple[str, str, str], ...] = TEAM
    chc: int = 0
    judge: Judge = field(init=False)
    snapshot_file: Path = Path("engine.npz")
    answers: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        migrate(self.store, "f" * 32)
        with self.store.write() as tx:
            self.chc = tx.directory.add_chc("CHC Susa", "Europe/Rome")
            tx.directory.add_gateway("gw-1", self.chc, self.now, None)
        for name, full_name, role in self.team:
            self.staff(name, full_name, role)
        self.judge = Judge(self.store, State())
        restore(self.store, self.judge.state)

    def patient(self, reference: str = "P1", zone: str = "Europe/Rome", chc: int = 0) -> int:
        with self.store.write() as tx:
            return tx.directory.add_patient(
                Patient(0, chc or self.chc, reference, "Rossi", "Maria", "1941-03-02", None, None,
                        "it", zone, 0)
            )  # fmt: skip

    def staff(self, name: str, full_name: str, role: str, until: int | None = LONG) -> User:
        """Add a member of staff who is on duty until then."""
        with self.store.write() as tx:
            tx.directory.set_duty(
                tx.directory.add_user(name, full_name, role, self.chc, "-", "it"), until
            )
        return self.user(name)

    def user(self, name: str) -> User:
        with self.store.read() as tx:
            found = tx.directory.user(name)
        assert found is not None
        return found

    def device(self, address: str, patient: int, from_at: int = 0, user: int | None = None) -> int:
        with self.store.write() as tx:
            device = tx.directory.device_id(address) or tx.directory.add_device(
                address, "generic_blood_pressure", self.chc, ""
            )
            person = tx.directory.patient(patient)
            assert person is not None
            tx.directory.assign(device, person, user, from_at)
        return device

    def plan(self, patient: int, plan: dict[str, Any], from_at: int = 0) -> int:
        with self.store.write() as tx:
            person = tx.directory.patient(patient)
            assert person is not None
            version = tx.directory.add_plan(person, msgspec.convert(plan, Plan), "dora", self.now)
            tx.directory.confirm_plan(patient, version, "dora", self.now, from_at)
            kind = InputKind.PLAN
            tx.inputs.append([NewInput(kind, patient, None, None, version, self.now)])
        return version

    def send(self, *arrivals: Arrival) -> list[Any]:
        """Store envelopes (commit 1) and return the answers."""
        with self.store.write() as tx:
            self.answers = storing.take(tx, arrivals, self.now, replicate=False)
        return self.answers

    def run(self) -> None:
        """Judge all that is stored (commit 2)."""
        while self.judge.run_once(self.now) >= 0:
            pass

    def restored(self, snapshot_file: Path | None = None) -> State:
        """Return the state a new process would have: from a snapshot, or from the log alone."""
        with self.store.read() as tx:
            cursor = tx.inputs.cursor()
        state = snapshot.load(snapshot_file, "f" * 32, cursor) if snapshot_file else State()
        restore(self.store, state)
        return state

    def restart(self, snapshot_file: Path | None = None) -> None:
        """Lose the engine's memory, as a crash does, and restore it."""
        self.judge = Judge(self.store, self.restored(snapshot_file))

    def rows(self, sql: str) -> list[Any]:
        with self.store.read() as tx:
            return [tuple(row) for row in tx.connection.exec_driver_sql(sql)]


def decimal(text: str) -> Decimal:
    """Read a value as the oracle does: LO and HI are infinities."""
    return {"LO": Decimal("-Infinity"), "HI": Decimal("Infinity")}.get(text) or Decimal(text)
