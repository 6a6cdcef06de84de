"""The long campaigns: ``python -m tests.prove kills [FIRST_SEED [SEEDS]]``, or ``order``.

Prints a line a seed and, at the end, the row for the table of ``docs/proof.md``. Exit status 1
when a promise was broken, or when a full campaign hit a window too seldom to prove anything.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import campaign
from tests.chaos.campaign import EACH, Outcome
from tests.chaos.kills import Window

FULL_SEEDS = 20
HITS_MIN = 5
ORDER_STREAMS = 100_000


def main() -> int:
    """Run the part that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("first", type=int, nargs="?", default=1, metavar="FIRST_SEED")
    parser.add_argument("count", type=int, nargs="?", default=FULL_SEEDS, metavar="SEEDS")
    asked = parser.parse_args()
    return PARTS[asked.part](range(asked.first, asked.first + asked.count))


def kills(seeds: range) -> int:
    """Kill gateways, server and broker; see ``tests.chaos.campaign``."""
    outcomes = []
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="vicino-kills-") as folder:
            outcomes.append(asyncio.run(campaign.run(seed, Path(folder))))
        print(f"seed {seed}: {_summary(outcomes[-1:])}", flush=True)
        for text in outcomes[-1].broken:
            print(f"  BROKEN {text}", flush=True)
    now = datetime.now(UTC).date()
    print(f"| kills | {seeds[0]}-{seeds[-1]} | {now} | {_summary(outcomes)} |")
    missed = list(_too_seldom(outcomes)) if len(outcomes) >= FULL_SEEDS else []
    for text in missed:
        print(f"NOT PROVEN {text}")
    return 1 if missed or any(one.broken for one in outcomes) else 0


def order(_seeds: range) -> int:
    """Shuffle, repeat, re-batch and restart far more streams than ``make test`` does."""
    # No limit for a single test: this one is meant to take long.
    options = ["-q", "-s", "-o", "faulthandler_timeout=0", "-k", "sorted_stream"]
    command = [sys.executable, "-m", "pytest", *options, "tests/server/engine"]
    given = {**os.environ, "VICINO_ORDER_STREAMS": str(ORDER_STREAMS)}
    status = subprocess.run(command, env=given, check=False).returncode
    result = "broken" if status else "held"
    print(f"| order | by date | {datetime.now(UTC).date()} | {ORDER_STREAMS} streams | {result} |")
    return status


def _summary(outcomes: list[Outcome]) -> str:
    done, windows = Counter[str](), Counter[Window]()
    for one in outcomes:
        done += one.kills
        windows += one.windows
    measured = len(outcomes) * EACH * 3
    killed = ", ".join(f"{victim} {count}" for victim, count in sorted(done.items()))
    hit = ", ".join(f"{window.value} {windows[window]}" for window in Window)
    return (
        f"{measured} measurements, {sum(one.alerts for one in outcomes)} alerts"
        f" | {killed} | {hit} | {sum(bool(one.broken) for one in outcomes)} runs broken"
    )


def _too_seldom(outcomes: list[Outcome]) -> Iterator[str]:
    for window in Window:
        hits = sum(one.windows[window] for one in outcomes)
        if hits < HITS_MIN:
            yield f"{window.value}: hit {hits} times, {HITS_MIN} are needed"


PARTS: dict[str, Callable[[range], int]] = {"kills": kills, "order": order}

if __name__ == "__main__":
    sys.exit(main())
