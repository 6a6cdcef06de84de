"""The pages on a year of a district: bytes on the wire, from a real server over a real socket.

A patient's year of six vitals is asked for as the page's script asks. Beside it, in the same run,
the same points are read from the chart store and as rows out of the tables.
"""

import gzip
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx
import numpy as np
import uvicorn

from benchmarks.filled import CODES, PASSWORD, fill
from benchmarks.table import Row, interleaved, quiet
from server.clock import now_ms
from server.domain.instants import DAY
from server.services.changes import Changes
from server.services.delivering import Letter
from server.settings import Settings
from server.stores.database import Database
from server.web.application import make_application
from server.web.site import STATIC

_ROWS = """
    SELECT m.measured_at, o.code, o.value FROM measurements m
    JOIN observations o ON o.epoch_id = m.epoch_id AND o.seq = m.seq
    WHERE m.patient_id = ? AND m.measured_at >= ? AND m.fate = 'stored'
    AND o.code < 8 ORDER BY o.code, m.measured_at
"""


class _Nobody:
    """Sends no letters, and takes nobody's access."""

    def send(self, letter: Letter) -> str | None:
        return None

    def admit(self, gateway: str) -> None:
        raise AssertionError(gateway)

    def revoke(self, gateway: str) -> None:
        raise AssertionError(gateway)


def run(reduced: bool) -> list[Row]:
    """Measure; ``reduced`` stores a tenth of the observations."""
    observed, rounds = (1_000_000, 15) if reduced else (10_000_000, 40)
    now = now_ms()
    with tempfile.TemporaryDirectory(prefix="vicino-bench-") as folder:
        path = Path(folder)
        store = fill(path, 2_000, observed, 500, now)
        with _served(path, store) as client, quiet():
            rows = [*_year(client, store, now, rounds), *_first_bytes(client, rounds)]
        store.close()
    return [*rows, _assets()]


def _year(client: httpx.Client, store: Database, now: int, rounds: int) -> Iterator[Row]:
    patients = iter(range(1, 2_000, 7))
    taken, length = [], 0
    for _ in range(2 + rounds):
        start = perf_counter()
        answer = client.get(f"/patients/{next(patients)}/charts?days=365")
        taken.append(perf_counter() - start)
        assert answer.status_code == 200
        length = len(answer.content)
    note = f"{min(taken) * 1000:.0f} to {max(taken[2:]) * 1000:.0f}; {length // 1000} kB"
    yield Row(
        "patient-year of six vitals on the wire, ms", median(taken[2:]) * 1000, 30, False, note
    )
    yield _beside_rows(store, now, rounds)


def _beside_rows(store: Database, now: int, rounds: int) -> Row:
    """Read the same points from the charts and as rows, each from a patient nobody asked for."""
    ours, theirs = iter(range(2, 2_000, 7)), iter(range(5, 2_000, 7))
    since = now - 365 * DAY
    with store.read() as tx:

        def charts() -> None:
            series = tx.charts.read_codes(next(ours), CODES, since, now)
            assert sum(map(len, series.values())) > 1000

        def rows() -> None:
            given = (next(theirs), since)
            found = tx.connection.exec_driver_sql(_ROWS, given).fetchall()
            assert len(np.array([tuple(row) for row in found])) > 1000

        ratio, low, high, seconds = interleaved(charts, rows, rounds)
    note = f"{low:.0f} to {high:.0f}; charts {seconds * 1000:.1f} ms"
    return Row("the year's points: SQLite rows / charts", ratio, 5, True, note)


def _first_bytes(client: httpx.Client, rounds: int) -> Iterator[Row]:
    for name, address in (
        ("worklist, 500 alerts, first byte, ms", "/worklist"),
        ("case load, 2,000 patients, first byte, ms", "/patients"),
        ("patient's page, first byte, ms", "/patients/77"),
    ):
        taken = [_first_byte(client, address) for _ in range(2 + rounds // 2)][2:]
        note = f"{min(taken) * 1000:.0f} to {max(taken) * 1000:.0f}"
        yield Row(name, median(taken) * 1000, 150, False, note)


def _first_byte(client: httpx.Client, address: str) -> float:
    start = perf_counter()
    with client.stream("GET", address) as answer:
        assert answer.status_code == 200
        parts = answer.iter_raw()
        next(parts)
        taken = perf_counter() - start
        for _ in parts:
            pass
    return taken


def _assets() -> Row:
    files = [STATIC / "dist" / name for name in ("app.js", "app.css")]
    size = sum(len(gzip.compress(file.read_bytes())) for file in files) / 1000
    return Row("JS + CSS gzipped, kB", size, 150, False)


@contextmanager
def _served(path: Path, store: Database) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    application = make_application(
        Settings(data_dir=path), store, Changes(), post=_Nobody(), broker_ready=lambda: True,
        access=_Nobody(), now=now_ms,
    )  # fmt: skip
    config = uvicorn.Config(application, host="127.0.0.1", port=port, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            form = {"name": "dora", "password": PASSWORD}
            answer = client.post("/sign-in", data=form, headers={"sec-fetch-site": "same-origin"})
            assert answer.status_code == 303, answer.status_code
            yield client
    finally:
        server.should_exit = True
        thread.join()
