"""Intake with durable commit and judging, against paho that only receives, in the same run.

One message is one measurement of three observations. Broker (nats-server) and clients speak TLS
with certificates both ways. Two persistent sessions are preloaded with the same messages while
nobody is connected; then each is drained in turn: by a paho client that counts, and by the real
intake with the real engine behind it, until the last measurement is judged.
"""

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import msgspec

from benchmarks.homes import HOMES, Homes, address, connected
from benchmarks.table import Row
from contract import topics
from server import authority
from server.broker import access
from server.broker.supervisor import Supervisor
from server.clock import now_ms
from server.commands import init
from server.engine.state import State
from server.intake.connection import Connection
from server.intake.loop import Intake
from server.ports.directory import Patient
from server.services import setting_up
from server.services.judging import Judge, restore
from server.settings import Settings
from server.stores.database import Database
from server.stores.opening import open_database

_LIMIT_SECONDS = 180


def run(reduced: bool) -> list[Row]:
    """Measure; ``reduced`` sends fewer messages."""
    count, rounds = (3_000, 3) if reduced else (15_000, 5)
    with tempfile.TemporaryDirectory(prefix="vicino-bench-") as folder:
        bench = _Bench(Path(folder))
        with bench.broker():
            ratios, rates = [], []
            for _ in range(rounds):
                bench.preload(count)
                alone = count / bench.drain_alone(count)
                ours = count / bench.drain_intake()
                ratios.append(ours / alone)
                rates.append((alone, ours))
            delays = bench.delays(rate=median(ours for _, ours in rates) / 2, seconds=8)
        low, high = min(ratios), max(ratios)
        note = ", ".join(f"{alone:.0f}:{ours:.0f}/s" for alone, ours in rates)
        p50, p99 = median(delays), quantiles(delays, n=100)[98]
        return [
            Row("intake / receive only", median(ratios), 0.35, at_least=True,
                note=f"{low:.2f} to {high:.2f}; {note}"),
            Row("publish to alert, p50 ms", p50, 5000, at_least=False,
                note=f"p99 {p99:.0f} ms at half that load, {len(delays)} alerts"),
        ]  # fmt: skip


class _Bench:
    """A broker, a database, and homes whose gateways publish."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(data_dir=folder / "data", broker_port=_free_port())
        init.prepare(self.settings, datetime.now(UTC))
        self.seqs = [0] * HOMES
        self.database: Database = open_database(self.settings)
        self._set_up()
        self.judge = Judge(self.database, State())
        restore(self.database, self.judge.state)
        while self.judge.run_once(now_ms()) >= 0:
            pass

    def _set_up(self) -> None:
        plan = {"thresholds": [{"code": "systolic", "source": "benchmark", "high_outer": "180"}]}
        with self.database.write() as tx:
            chc = tx.directory.add_chc("Benchmark", "Europe/Rome")
            tx.directory.add_user("dora", "Dora", "doctor", chc, "-", "it")
            for home in range(HOMES):
                tx.directory.add_gateway(f"bench-{home}", chc, now_ms(), None)
                name = f"P{home}"
                tx.directory.add_patient(
                    Patient(
                        0, chc, name, "A", "B", "1940-01-01", None, None, "it", "Europe/Rome", 0
                    )
                )
                device = tx.directory.add_device(address(home), "generic_blood_pressure", chc, "")
                person = tx.directory.patient_by_reference(name)
                assert person is not None
                tx.directory.assign(device, person, None, 0)
                draft = {"patient": name, "author": "dora", "plan": plan}
                setting_up.add_plan(tx, msgspec.convert(draft, setting_up.NewPlan), now_ms())
                confirmation = setting_up.Confirmation(
                    patient=name, version=1, by="dora", from_="2026-01-01T00:00:00+01:00"
                )
                setting_up.confirm_plan(tx, confirmation, now_ms())

    @contextmanager
    def broker(self) -> Iterator[None]:
        supervisor = Supervisor(self.settings, lambda *_: None)
        supervisor.start()
        try:
            access.admit(self.settings, [f"bench-{home}" for home in range(HOMES)])
            self._make_keys()
            for name in ("alone", "intake"):
                self._session(name)
            yield
        finally:
            supervisor.stop()

    def _session(self, name: str) -> None:
        """Make a persistent session that collects what comes while nobody is connected."""
        client, ready = (
            connected(f"bench-{name}", self.settings.keys_dir, self.settings.broker_address),
            threading.Event(),
        )
        client.on_connect = lambda *_: client.subscribe(topics.ALL_UP, qos=1)
        client.on_subscribe = lambda *_: ready.set()
        client.connect(*self.settings.broker_address)
        client.loop_start()
        assert ready.wait(20)
        client.disconnect()
        client.loop_stop()

    def _make_keys(self) -> None:
        for home in range(HOMES):
            key = self.settings.keys_dir / f"bench-{home}.key"
            issued = authority.issue_gateway(
                self.settings.keys_dir, f"bench-{home}", datetime.now(UTC)
            )
            authority.write_new(key, issued.key)
            authority.write_new(key.with_suffix(".crt"), issued.certificate)

    def preload(self, count: int) -> None:
        """Publish ``count`` messages while both sessions are away."""
        homes = Homes(self.settings.keys_dir, self.settings.broker_address, self.seqs)
        homes.publish(count)
        homes.close()

    def drain_alone(self, count: int) -> float:
        """Receive everything and do nothing with it; return the seconds."""
        client, done, seen = (
            connected("bench-alone", self.settings.keys_dir, self.settings.broker_address),
            threading.Event(),
            [0],
        )

        def received(*_: object) -> None:
            seen[0] += 1
            if seen[0] >= count:
                done.set()

        client.on_message = received
        start = time.perf_counter()
        client.connect(*self.settings.broker_address)
        client.loop_start()
        assert done.wait(_LIMIT_SECONDS), f"received {seen[0]} of {count}"
        took = time.perf_counter() - start
        client.disconnect()
        client.loop_stop()
        return took

    @contextmanager
    def _working(self) -> Iterator[list[tuple[float, int]]]:
        """Run the real intake and engine as the server does; yield (clock, position) after each
        judged run."""
        judged: list[tuple[float, int]] = []
        host, port = self.settings.broker_address
        keys = self.settings.keys_dir
        connection = Connection(host, port, keys, "bench-intake", embedded=True)

        def judge() -> None:
            if self.judge.run_once(now_ms()) >= 0:
                judged.append((time.time() * 1000, self.judge.state.position))

        intake = Intake(connection, self.database, now=now_ms, stored=judge, replicate=False)
        thread = threading.Thread(target=intake.run)
        thread.start()
        try:
            yield judged
        finally:
            intake.stop()
            thread.join()

    def drain_intake(self) -> float:
        """Store, receipt and judge everything; return the seconds to the last judgement."""
        target = sum(self.seqs) + HOMES  # every plan is a row of the log too
        start = time.perf_counter()
        with self._working():
            while self.judge.state.position < target:
                assert time.perf_counter() - start < _LIMIT_SECONDS, self.judge.state.position
                time.sleep(0.002)
            return time.perf_counter() - start

    def delays(self, rate: float, seconds: float) -> list[float]:
        """Let homes publish at a steady rate from a process of their own; return ms from publish
        to committed alert for each breach."""
        with self.database.write() as tx:
            tx.connection.exec_driver_sql("UPDATE alerts SET closed_at = 1")
        with self._working() as judged:
            host, port = self.settings.broker_address
            command = [sys.executable, "-m", "benchmarks.homes", str(self.settings.keys_dir)]
            command += [host, str(port), str(rate), str(seconds), json.dumps(self.seqs)]
            homes = subprocess.run(command, check=True, capture_output=True, text=True)
            self.seqs = json.loads(homes.stdout)
            target = sum(self.seqs) + HOMES
            while self.judge.state.position < target:
                time.sleep(0.01)
        return self._delays(judged)

    def _delays(self, judged: list[tuple[float, int]]) -> list[float]:
        """Pair each breach's received-at (its publish) with the commit that told of it."""
        with self.database.read() as tx:
            rows = tx.connection.exec_driver_sql(
                "SELECT m.received_at, i.position FROM findings f"
                " JOIN measurements m ON m.epoch_id = f.epoch_id AND m.seq = f.seq"
                " JOIN inputs i ON i.epoch_id = f.epoch_id AND i.seq = f.seq"
            ).all()
        found = []
        for received_at, position in rows:
            committed = next(clock for clock, reached in judged if reached >= position)
            found.append(committed - received_at)
        return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
