"""A restart: from a new process to the first judged measurement, on a district's database.

As a module it is that process: FOLDER SEQ; it prints what each step took.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks import district
from benchmarks.panel import compiled, full_state, numbered_from_one
from benchmarks.stream import START
from benchmarks.table import Row, seconds
from contract.messages import Measurement, Measurements, Quantity, encoder
from server.commands.protocols import protocol
from server.domain.instants import DAY, MINUTE
from server.services import storing
from server.services.judging import Judge, restore
from server.stores import snapshot

_SNAPSHOT = "engine.npz"


def rows(reduced: bool) -> Iterator[Row]:
    """Measure it for 100,000 patients, with the heart-failure protocol and a month behind them."""
    patients = 100_000
    with tempfile.TemporaryDirectory(prefix="vicino-bench-") as name:
        folder, plan = Path(name), protocol("heart-failure").plan()
        district.settled(folder, patients, plan, START - 60 * DAY).close()
        state = numbered_from_one(full_state(compiled(plan), patients))
        state.position = patients
        snapshot.save(folder / _SNAPSHOT, state, district.DATABASE_ID)
        del state
        said: list[dict[str, float]] = []

        def restart() -> None:
            command = [sys.executable, "-m", "benchmarks.engine_restart", name, str(len(said) + 1)]
            said.append(json.loads(subprocess.run(command, check=True, stdout=-1).stdout))

        middle, least, most = seconds(restart, 3)
    steps = ", ".join(f"{step} {taken:.2f}" for step, taken in said[-1].items())
    note = f"{patients} patients, {least:.1f} to {most:.1f}; {steps}"
    yield Row("restart to the first judged, s", middle, 10, at_least=False, note=note)


def main() -> None:
    """Open, restore, store one weight far beyond the gain, and judge it."""
    folder, seq = Path(sys.argv[1]), int(sys.argv[2])
    taken, start = {}, perf_counter()

    def note(step: str) -> None:
        nonlocal start
        taken[step], start = perf_counter() - start, perf_counter()

    database = district.opened(folder)
    note("open")
    with database.write() as tx:
        database_id, cursor = tx.inputs.database_id(), tx.inputs.cursor()
    state = snapshot.load(folder / _SNAPSHOT, database_id, cursor)
    assert state.used, "the snapshot was not taken"
    note("load")
    restore(database, state)
    note("restore")
    now = START + 30 * MINUTE
    with database.write() as tx:
        storing.take(tx, [_weighed(seq, now)], now, replicate=False)
    assert Judge(database, state).run_once(now) >= 0
    with database.read() as tx:
        assert tx.inputs.findings_in_force(1, 7), "nothing was found"
    note("judge")
    taken["MB"] = _resident_kb() / 1024
    print(json.dumps(taken))


def _resident_kb() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def _weighed(seq: int, now: int) -> storing.Arrival:
    one = Measurement(
        seq=seq,
        content_id=f"{seq:032x}",
        device=district.DEVICE,
        profile="generic_weight_scale",
        characteristic="2a9d",
        raw="00",
        quantities=[Quantity(code="weight", unit="kg", value=str(90 + seq))],
        received_at=now + seq,
        monotonic_ms=seq,
        boot_id="b",
        clock="synchronised",
        origin="device",
    )
    envelope = Measurements(
        gateway=district.GATEWAY, epoch="e" * 32, seq=seq, kept_from=1, measurements=[one]
    )
    return storing.Arrival(district.GATEWAY, encoder.encode(envelope))


if __name__ == "__main__":
    main()
