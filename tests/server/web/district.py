"""Two CHCs with staff, patients, alerts and held measurements, and browsers to visit them with."""

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from server.ports.directory import Patient
from server.services import accounts, reaching
from server.services.changes import Changes
from server.services.delivering import Letter
from server.services.following import follow_charts
from server.services.polling import ENGINE, POLLER
from server.settings import Settings
from server.stores.database import Database
from server.web.application import make_application
from tests.server.world import EPOCH, LONG, T0, World, envelope, wire

PASSWORD = "correct horse battery"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}"
# argon2 is slow on purpose: one hash serves every member of staff of every test.
_HASH = accounts.hash_password(PASSWORD)
STAFF = (
    ("anna", "Anna Neri", "nurse", "own"),
    ("bruno", "Bruno Conti", "nurse", "own"),
    ("dora", "Dora Gallo", "doctor", "own"),
    ("ada", "Ada Ferri", "administrator", "own"),
    ("sara", "Sara Bruno", "contact-point", "own"),
    ("tito", "Tito Valle", "technical-service", "own"),
    ("carmen", "Carmen Sala", "coordinator", "own"),
    ("olga", "Olga Bosio", "nurse", "foreign"),
)
ON_DUTY = ("anna", "bruno", "dora", "olga")
WATCHED = {
    "thresholds": [
        {
            "code": "systolic",
            "source": "ESC 2024",
            "low_outer": "80",
            "high_inner": "160",
            "high_outer": "180",
            "hysteresis": "5",
        },
        {"code": "spo2", "source": "GOLD 2025", "low_outer": "88"},
    ],
    "expected": [{"code": "systolic"}],
}


@dataclass
class Posted:
    """A post that keeps its letters; ``error`` is why it sends none."""

    letters: list[Letter] = field(default_factory=list)
    error: str | None = None

    def send(self, letter: Letter) -> str | None:
        self.letters.append(letter)
        return self.error


@dataclass
class Taken:
    """A broker's list that remembers whose access was taken; ``error`` is why it could not be."""

    gateways: list[str] = field(default_factory=list)
    error: Exception | None = None
    admitted: list[str] = field(default_factory=list)

    def admit(self, gateway: str) -> None:
        self.admitted.append(gateway)
        if self.error is not None:
            raise self.error

    def revoke(self, gateway: str) -> None:
        if self.error is not None:
            raise self.error
        self.gateways.append(gateway)


@dataclass
class District:
    """A world behind a real application; ``now`` is the clock of both."""

    path: Path
    now: int = T0
    public_url: str | None = None
    changes: Changes = field(default_factory=Changes)
    seq: int = 0
    broker_ready: bool = True
    post: Posted = field(default_factory=Posted)
    access: Taken = field(default_factory=Taken)
    schemas: tuple[str, ...] = ()
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def __post_init__(self) -> None:
        self.store = Database(f"sqlite:///{self.path / 'vicino.db'}")
        self.world = World(self.store, self.now, team=())
        with self.store.write() as tx:
            self.foreign = tx.directory.add_chc("CHC Aosta", "Europe/Rome")
            tx.directory.add_gateway("gw-2", self.foreign, self.now, None)
            for name, full_name, role, chc in STAFF:
                chc_id = self.world.chc if chc == "own" else self.foreign
                user = tx.directory.add_user(name, full_name, role, chc_id, _HASH, "en")
                tx.directory.set_duty(user, LONG if name in ON_DUTY else None)
        self.beat(self.now + DAY)
        self.maria = self.person("P1", "Rossi", "Maria")
        self.world.device("AA:BB:CC:DD:EE:01", self.maria)
        self.world.plan(self.maria, WATCHED, self.now - 30 * DAY)
        settings = Settings(
            data_dir=self.path, public_url=self.public_url, apprise_schemas=list(self.schemas)
        )
        self.application: FastAPI = make_application(
            settings,
            self.store,
            self.changes,
            post=self.post,
            broker_ready=lambda: self.broker_ready,
            access=self.access,
            now=lambda: self.now,
        )

    def person(self, reference: str, family: str, given: str, chc: int = 0) -> int:
        with self.store.write() as tx:
            return tx.directory.add_patient(
                Patient(0, chc or self.world.chc, reference, family, given, "1941-03-02", None,
                        "0122 1", "it", "Europe/Rome", 0)
            )  # fmt: skip

    def measure(self, values: dict[str, str], ago: int = 5 * MINUTE, **more: Any) -> None:
        """A device of gw-1 measured; it is stored, judged and charted."""
        self.seq += 1
        one = wire(self.seq, self.seq, values, self.now - ago, **{"raw": "1e8200", **more})
        self.world.now = self.now
        self.world.send(envelope("gw-1", [one], self.seq))
        self.judge()

    def beat(self, at: int) -> None:
        """Have engine and poller last been heard at an instant."""
        with self.store.write() as tx:
            for name in (ENGINE, POLLER):
                tx.heartbeat(name, at)

    def judge(self) -> None:
        self.world.now = self.now
        self.world.run()
        while follow_charts(self.store, self.now):
            pass
        self.changes.notify()

    def elsewhere(self) -> dict[str, Any]:
        """Make an alert and a held measurement of the foreign CHC, and return their numbers."""
        patient = self.person("F1", "Altrove", "Aldo", self.foreign)
        with self.store.write() as tx:
            device = tx.directory.add_device(
                "AA:BB:CC:DD:EE:F1", "generic_blood_pressure", self.foreign, ""
            )
            person = tx.directory.patient(patient)
            assert person is not None
            tx.directory.assign(device, person, None, 0)
        self.world.plan(patient, WATCHED, 0)
        ill = wire(1, 9001, {"systolic": "200"}, self.now, device="AA:BB:CC:DD:EE:F1")
        strange = wire(2, 9002, {"systolic": "150"}, self.now, device="AA:BB:CC:DD:EE:F9")
        self.world.send(envelope("gw-2", [ill, strange], 1))
        self.judge()
        with self.store.write() as tx:
            olga = tx.directory.user("olga")
            assert olga is not None
            channel = reaching.add(tx, olga, "email", "olga@example.org", (), self.now)
        (alert,) = self.world.rows(f"select min(id) from alerts where patient_id = {patient}")[0]
        (epoch,) = self.world.rows("select epoch_id from measurements where fate='held'")[0]
        return {
            "patient_id": patient,
            "alert_id": alert,
            "epoch_id": epoch,
            "seq": 2,
            "channel_id": channel,
            "device_id": device,
            "gateway": "gw-2",
        }

    def browser(self, name: str | None = None) -> "Browser":
        """Open a browser, signed in as somebody."""
        browser = Browser(self)
        if name is not None:
            answer = browser.post("/sign-in", {"name": name, "password": PASSWORD}, csrf="")
            assert answer.status_code == 303, answer.text
        return browser

    def alert(self, rule: str) -> int:
        """Return the newest alert of a rule."""
        found = self.world.rows(f"select max(id) from alerts where rule = '{rule}'")
        return int(found[0][0])

    def close(self) -> None:
        self.runner.close()
        self.store.close()


class Browser:
    """A client that keeps cookies and says where its forms come from, as browsers do."""

    def __init__(self, district: District) -> None:
        self._runner = district.runner
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(district.application, raise_app_exceptions=False),
            base_url=district.public_url or "http://127.0.0.1:8080",
        )

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._runner.run(self.client.get(path, headers=headers))

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/account/channels").text)
        return found[1] if found else ""

    def post(
        self,
        path: str,
        form: dict[str, str] | None = None,
        *,
        csrf: str | None = None,
        **headers: str,
    ) -> httpx.Response:
        token = self.csrf() if csrf is None else csrf
        said = {"sec-fetch-site": "same-origin", **headers}
        data = {"csrf": token, **(form or {})}
        return self._runner.run(self.client.post(path, data=data, headers=said))


__all__ = ["DAY", "EPOCH", "HOSTILE", "HOUR", "MINUTE", "PASSWORD", "Browser", "District"]
