"""The time-series replica against a real server: Debian's victoria-metrics.

It takes InfluxDB's write calls as they are. It does not prove what only InfluxDB does: that a
point written twice is one point (here both are kept), that a bucket and a token matter (here they
are ignored), that a malformed line is refused, and reading by Flux.
"""

import gzip
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from server.errors import ReplicaUnavailable
from server.services import correcting, holding, storing
from server.services.following import follow_replica
from server.settings import Influx
from server.stores.database import Database
from server.stores.influx import InfluxReplica
from tests.needs import missing
from tests.server.world import EPOCH, World, envelope, wire

pytestmark = pytest.mark.processes
CUFF = "AA:BB:CC:DD:EE:01"
PLAN = {"thresholds": [{"code": "systolic", "source": "a test", "high_outer": "180"}]}


class VictoriaMetrics:
    """One real server on a loopback port, its data in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("victoria-metrics")
        if found is None:
            missing("victoria-metrics")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        listen = f"-httpListenAddr=127.0.0.1:{self.port}"
        self._command = [found, listen, f"-storageDataPath={folder}", "-retentionPeriod=240"]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.get("/health")
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("victoria-metrics did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def points(self) -> Counter[tuple[str, str, str, int, float]]:
        """Return (metric, patient, code, time in ms, value), and how often each is there."""
        self.get("/internal/force_flush")
        match = urllib.parse.quote('{__name__=~"observation.*"}')
        found: Counter[tuple[str, str, str, int, float]] = Counter()
        for line in self.get(f"/api/v1/export?match[]={match}").splitlines():
            series = json.loads(line)
            name = series["metric"]
            for at, value in zip(series["timestamps"], series["values"], strict=True):
                found[name["__name__"], name["patient"], name["code"], at, value] += 1
        return found


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    server = VictoriaMetrics(tmp_path / "metrics")
    yield server
    server.stop()


@pytest.fixture
def replica(metrics: VictoriaMetrics) -> Iterator[InfluxReplica]:
    url = f"http://127.0.0.1:{metrics.port}"
    with closing(InfluxReplica(Influx(url=url, token="t", org="o", bucket="b"))) as made:
        yield made


@pytest.fixture
def world(store: Database) -> World:
    made = World(store)
    patient = made.patient()
    made.device(CUFF, patient)
    made.plan(patient, PLAN)
    return made


def send(world: World, *measurements) -> None:
    arrival = envelope("gw-1", list(measurements), measurements[0].seq)
    with world.store.write() as tx:
        storing.take(tx, [arrival], world.now, replicate=True)


def waiting(world: World) -> int:
    return world.rows("select count(*) from replica_outbox")[0][0]


def test_points_arrive_and_the_outbox_empties(world, metrics, replica):
    metrics.start()
    at = world.now - 5000
    send(world, wire(1, 1, {"systolic": "185", "diastolic": "92.5"}, at))
    send(world, wire(2, 2, {"spo2": "LO"}, at + 1), wire(3, 3, {"weight": "81.4"}, at + 2))
    while follow_replica(world.store, replica):
        pass
    assert waiting(world) == 0
    assert metrics.points() == {
        ("observation_value", "1", "systolic", at, 185.0): 1,
        ("observation_value", "1", "diastolic", at, 92.5): 1,
        ("observation_beyond", "1", "spo2", at + 1, -1): 1,
        ("observation_value", "1", "weight", at + 2, 81.4): 1,
    }


def test_a_replica_that_is_away_delays_no_alert_and_loses_nothing(world, metrics, replica):
    at = world.now - 5000
    send(world, wire(1, 1, {"systolic": "185"}, at))
    with pytest.raises(ReplicaUnavailable):
        follow_replica(world.store, replica)
    world.run()
    assert world.rows("select rule from alerts") == [("systolic-high-outer",)]
    assert waiting(world) == 1
    metrics.start()
    send(world, wire(2, 2, {"systolic": "170"}, at + 1))
    metrics.stop()  # in the middle of its work
    with pytest.raises(ReplicaUnavailable):
        follow_replica(world.store, replica)
    metrics.start()
    while follow_replica(world.store, replica):
        pass
    assert waiting(world) == 0
    found = metrics.points()
    assert {(at_, value) for _, _, _, at_, value in found} == {(at, 185.0), (at + 1, 170.0)}


def test_a_repeat_held_or_unreadable_measurement_is_not_copied(world, metrics, replica):
    one = wire(1, 1, {"systolic": "120"}, world.now)
    send(world, one)
    send(world, one)
    send(world, wire(2, 2, {"systolic": "120"}, world.now, device="AA:BB:CC:DD:EE:99"))
    send(world, wire(3, 3, {"systolic": "9999"}, world.now))
    assert waiting(world) == 1


class Recorder(BaseHTTPRequestHandler):
    """Answers as InfluxDB does when all is well, and keeps what it was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        packed = self.headers.get("content-encoding") == "gzip"
        text = (gzip.decompress(body) if packed else body).decode()
        self.asked.append((self.path.partition("?")[0], text))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def recorded(world: World) -> Iterator[tuple[InfluxReplica, list[tuple[str, str]]]]:
    Recorder.asked.clear()
    world.store.replicates = True
    server = HTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    influx = Influx(url=f"http://127.0.0.1:{server.server_port}", token="t", org="o", bucket="b")
    with closing(InfluxReplica(influx)) as made:
        yield made, Recorder.asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_a_correction_moves_is_taken_out_and_written_anew(world, recorded):
    """By InfluxDB's documented call: one series, one millisecond."""
    replica, asked = recorded
    at = 1_789_999_000_123
    send(world, wire(1, 1, {"systolic": "185"}, at))
    follow_replica(world.store, replica)
    world.patient("P2")
    with world.store.write() as tx:
        anna, device = world_user(tx), tx.assignments.device(1)
        before = tx.assignments.tenures(1)
        after = [before[0]._replace(patient_id=2)]
        correcting.change(
            tx, anna, device, before, after, reason="r", decided_too=False, now=world.now
        )
    follow_replica(world.store, replica)
    assert waiting(world) == 0
    (first, deleted, written) = asked
    assert first == ("/api/v2/write", f"observation,chc=1,code=systolic,patient=1 value=185.0 {at}")
    assert written[1] == first[1].replace("patient=1", "patient=2")
    assert deleted[0] == "/api/v2/delete"
    assert json.loads(deleted[1]) == {
        "predicate": '_measurement="observation" AND patient="1" AND code="systolic"',
        "start": "2026-09-21T13:56:40.123000+00:00",
        "stop": "2026-09-21T13:56:40.123500+00:00",
    }


def world_user(tx):
    found = tx.directory.user("anna")
    assert found is not None
    return found


def test_a_held_one_is_written_when_it_is_given_and_taken_out_when_taken_back(world, recorded):
    replica, asked = recorded
    send(world, wire(1, 1, {"systolic": "120"}, world.now, device="AA:BB:CC:DD:EE:99"))
    for decide in (partial(holding.release, reference="P1"), holding.take_back):
        with world.store.write() as tx:
            epoch = tx.measurements.epochs([("gw-1", EPOCH)])["gw-1", EPOCH].id
            decide(tx, world_user(tx), epoch, 1, now=world.now)
        follow_replica(world.store, replica)
    assert [path for path, _ in asked] == ["/api/v2/write", "/api/v2/delete"]
