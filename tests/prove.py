"""The long campaigns: ``python -m tests.prove kills [FIRST_SEED [SEEDS]]``, ``order``,
``power [SEED [CUTS]]``, ``bluez``, ``deb``, ``arm64``, ``soak [SEED [SECONDS]]``,
``mutation [SEED [MUTANTS]]``, or ``team [FIRST_SEED [SEEDS]]``.

Prints a line a seed (or mutant) and, at the end, the row for the table of ``docs/proof.md``. Exit
status 1 when a promise was broken, when a full campaign hit a window too seldom to prove anything,
or when too many mutants survive.
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

from tqdm import tqdm

from simulators.care_team import Deed
from tests.bluez.names import EVERY
from tests.chaos import campaign
from tests.chaos.campaign import EACH, Outcome
from tests.chaos.kills import Window
from tests.mutation import killing
from tests.simulation import campaign as living
from tests.soak import campaign as soaking

FULL_SEEDS = 20
HITS_MIN = 5
ORDER_STREAMS = 100_000
TEAM_SEEDS = 200
POWER_CUTS = 10_000
SOAK_SECONDS = 1_200


def main() -> int:
    """Run the part that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("first", type=int, nargs="?", default=1, metavar="FIRST_SEED")
    parser.add_argument("count", type=int, nargs="?", metavar="COUNT")
    asked = parser.parse_args()
    return PARTS[asked.part](asked.first, asked.count)


def kills(first: int, count: int | None) -> int:
    """Kill gateways, server and broker; see ``tests.chaos.campaign``."""
    seeds = range(first, first + (count or FULL_SEEDS))
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


def order(_first: int, _count: int | None) -> int:
    """Shuffle, repeat, re-batch and restart far more streams than ``make test`` does."""
    # No limit for a single test: this one is meant to take long.
    options = ["-q", "-s", "-o", "faulthandler_timeout=0", "-k", "sorted_stream"]
    command = [sys.executable, "-m", "pytest", *options, "tests/server/engine"]
    given = {**os.environ, "VICINO_ORDER_STREAMS": str(ORDER_STREAMS)}
    status = subprocess.run(command, env=given, check=False).returncode
    result = "broken" if status else "held"
    print(f"| order | by date | {datetime.now(UTC).date()} | {ORDER_STREAMS} streams | {result} |")
    return status


def power(seed: int, count: int | None) -> int:
    """Cut the power under an outbox; see ``tests.power``."""
    cuts = count or POWER_CUTS
    options = ["-q", "-s", "-o", "faulthandler_timeout=0", "-k", "a_power_cut_anywhere"]
    command = [sys.executable, "-m", "pytest", *options, "tests/gateway/test_outbox_power.py"]
    given = {**os.environ, "VICINO_POWER_CUTS": str(cuts), "VICINO_POWER_SEED": str(seed)}
    status = subprocess.run(command, env=given, check=False).returncode
    result = "broken" if status else "0 acknowledged rows lost, 0 files damaged"
    print(f"| power | {seed} | {datetime.now(UTC).date()} | {cuts} cuts | {result} |")
    return status


def bluez(_first: int, _count: int | None) -> int:
    """Run every scenario on real BlueZ; see ``tests.bluez``."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "bluez", "tests/bluez"]
    given = {**os.environ, "VICINO_BLUEZ": "all"}
    status = subprocess.run(command, env=given, check=False).returncode
    result = "broken" if status else f"{len(EVERY)} scenarios passed"
    print(f"| bluez | {datetime.now(UTC).date()} | {result} |")
    return status


def soak(seed: int, seconds: int | None) -> int:
    """Let six devices measure through every fault for a while; see ``tests.soak``."""
    with tempfile.TemporaryDirectory(prefix="vicino-soak-") as folder:
        outcome = asyncio.run(soaking.run(seed, seconds or SOAK_SECONDS, Path(folder)))
    for text in outcome.broken:
        print(f"BROKEN {text}")
    faults = ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items()))
    held = " · ".join(f"{name} {gauge}" for name, gauge in outcome.gauges.items())
    told = f"{seconds or SOAK_SECONDS} s | {outcome.said} said, {outcome.stored} stored"
    result = f"{len(outcome.broken)} broken"
    print(f"| soak | {seed} | {datetime.now(UTC).date()} | {told} | {faults} | {held} | {result} |")
    return 1 if outcome.broken else 0


def deb(_first: int, _count: int | None) -> int:
    """Install, upgrade, remove and purge the package in a Debian; see ``tests.deb``."""
    return _package("deb", "tests/deb/test_package.py", "installed, upgraded, removed, purged")


def arm64(_first: int, _count: int | None) -> int:
    """Run the package for a Raspberry Pi on an emulated processor; see ``tests.deb``."""
    return _package("arm64", "tests/deb/test_arm64.py", "status, decode, export under qemu-user")


def _package(part: str, file: str, done: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "emulated or processes", file]
    # CI: what is not installed is a failure.
    status = subprocess.run(command, env={**os.environ, "CI": "1"}, check=False).returncode
    print(f"| {part} | {datetime.now(UTC).date()} | {'broken' if status else done} |")
    return status


def mutation(seed: int, count: int | None) -> int:
    """Run the engine's tests against small wrongs in it; see ``tests.mutation.killing``."""
    fates = killing.run(killing.sample(seed, count or killing.FULL_COUNT))
    killing.write(fates, Path("build/mutation.json"))
    killed = sum(one.killed for one in fates)
    low, high = (f"{100 * share:.0f}" for share in killing.wilson(killed, len(fates)))
    share = f"{killed} of {len(fates)} killed, 95 % interval {low} to {high} %"
    print(f"| mutation | {seed} | {datetime.now(UTC).date()} | {share} |")
    return 0 if killed >= killing.SHARE_MIN * len(fates) else 1


def team(first: int, count: int | None) -> int:
    """Live the months of a care team in virtual time; see ``tests.simulation``."""
    seeds = range(first, first + (count or TEAM_SEEDS))
    months = []
    for seed in tqdm(seeds, unit="month"):
        months.append(living.run(seed))
        for text in months[-1].broken:
            tqdm.write(f"seed {seed} BROKEN {text}")
    seen = sum((one.seen for one in months), Counter[str]())
    for name, times in seen.most_common():
        print(f"{times:9} {name}")
    missed = living.never_seen(months)
    for name in missed:
        print(f"NOT PROVEN {name} was never seen")
    broken = sum(bool(one.broken) for one in months)
    moves = sum(seen[deed] for deed in Deed)
    told = f"{moves} moves, {seen['letter sent']} letters | {broken} months broken"
    print(f"| team | {seeds[0]}-{seeds[-1]} | {datetime.now(UTC).date()} | {told} |")
    return 1 if broken or missed else 0


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


PARTS: dict[str, Callable[[int, int | None], int]] = {
    "kills": kills,
    "order": order,
    "power": power,
    "bluez": bluez,
    "deb": deb,
    "arm64": arm64,
    "soak": soak,
    "mutation": mutation,
    "team": team,
}

if __name__ == "__main__":
    sys.exit(main())
