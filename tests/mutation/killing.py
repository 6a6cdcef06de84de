"""A seeded sample of mutants of the engine, each against the engine's tests.

Every worker has a copy of the project of its own. A mutant is killed when a test fails, or when
the tests take far longer than without it. What no test can notice is in ``equivalent.toml``, with
the reason.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import NamedTuple

from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
ENGINE = "server/engine"
FULL_COUNT = 300
SHARE_MIN = 0.9
_WORKERS = 2
_COPIED = ("contract", "device_profiles", "server", "tests", "pyproject.toml")
# The quickest to fail first; a back-test is judged by its own tests.
_TESTS = [
    *(f"tests/server/engine/test_{name}.py" for name in (
        "kernel", "step", "order", "rules", "combined", "news2", "early_warning", "real_series",
    )),
    "tests/server/services/test_judging.py",
]  # fmt: skip
_BACKTESTS = [
    "tests/server/engine/test_backtest.py",
    "tests/server/services/test_backtesting.py",
]
_FEWER = {"VICINO_ORDER_STREAMS": "90", "VICINO_BACKTEST_EXAMPLES": "60"}


class Fate(NamedTuple):
    """What became of a mutant."""

    mutant: Mutant
    killed: bool
    seconds: float


def sample(seed: int, count: int) -> list[Mutant]:
    """Draw mutants of the engine, those known to be equivalent left out."""
    known = equivalent()
    every = [
        one
        for path in sorted((ROOT / ENGINE).glob("*.py"))
        for one in mutants(f"{ENGINE}/{path.name}", path.read_bytes())
    ]
    kept = [one for one in every if one.name not in known]
    print(f"{len(every)} mutants, {len(every) - len(kept)} of them known to be equivalent")
    return random.Random(seed).sample(kept, min(count, len(kept)))


def equivalent() -> dict[str, str]:
    """Return the reason why a mutant is none, by its name."""
    listed = tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text())
    return {one["mutant"]: one["reason"] for one in listed.get("equivalent", [])}


def run(chosen: Iterable[Mutant]) -> list[Fate]:
    """Run each against the tests. Raises where these fail without any mutant."""
    with tempfile.TemporaryDirectory(prefix="vicino-mutation-") as folder:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(_WORKERS):
            free.put(_copied(Path(folder) / str(number)))
        copy = free.get()
        start = monotonic()
        if not _passes(copy, [*_TESTS, *_BACKTESTS], 3600):
            raise RuntimeError("the tests fail without a mutant")
        limit = 30 + 3 * (monotonic() - start)
        free.put(copy)
        print(f"the tests take {monotonic() - start:.0f} s without a mutant", flush=True)

        def fate(mutant: Mutant) -> Fate:
            copy = free.get()
            path, start = copy / mutant.file, monotonic()
            source = path.read_bytes()
            try:
                path.write_bytes(mutant.applied(source))
                tests = _BACKTESTS if path.name.startswith("backtest") else _TESTS
                one = Fate(mutant, not _passes(copy, tests, limit), monotonic() - start)
            finally:
                path.write_bytes(source)
                free.put(copy)
            word = "killed" if one.killed else "SURVIVED"
            print(f"{word:8} {one.seconds:4.0f} s {mutant.line:4} {mutant.name}", flush=True)
            return one

        with ThreadPoolExecutor(_WORKERS) as workers:
            return list(workers.map(fate, chosen))


def write(fates: list[Fate], path: Path) -> None:
    """Write the survivors."""
    path.parent.mkdir(exist_ok=True)
    survivors = [
        {**one.mutant._asdict(), "name": one.mutant.name} for one in fates if not one.killed
    ]
    path.write_text(json.dumps(survivors, indent=1) + "\n")


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z, share = 1.96, hits / count
    middle = share + z * z / (2 * count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def _copied(folder: Path) -> Path:
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "static", "node_modules")
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


def _passes(copy: Path, tests: list[str], limit: float) -> bool:
    options = ["-xq", "-m", "not postgres", "--basetemp=basetemp", "-o", "faulthandler_timeout=0"]
    options += ["-p", "no:cacheprovider", "-p", "tests.mutation.quick"]
    environment = {**os.environ, **_FEWER, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options, *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, timeout=limit, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
