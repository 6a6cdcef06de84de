"""Six devices measure for a while over links that are lost, a broker that is cut, a clock that
jumps and a gateway that is killed; then rest, and what is stored is compared with what was said.

The gateway is killed in the first third only: the rest is one process's life, whose memory and
files are looked at. The seed fixes values and faults; the moments are the machine's.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from simulators.peripherals import Peripheral
from tests.soak.gauge import Gauge
from tests.soak.household import Household

EVERY_SECONDS = 8.0  # a device measures, on average
REST_SECONDS = 180.0
# A leak of one value's size at each measurement, or a file at each fault, is far beyond these.
SLOPE_MAX = 6.0  # MB an hour
FILES_MAX = 3
# What is looked at for less is printed and not judged: one more page would be a slope.
JUDGED_SECONDS = 240.0
_HOUR_MS = 3_600_000


@dataclass
class Outcome:
    """What one run did and what it found broken."""

    said: int = 0
    stored: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    gauges: dict[str, Gauge] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


async def run(seed: int, seconds: float, folder: Path) -> Outcome:
    """Run one campaign in an empty folder; nothing of it is left running."""
    home, outcome = Household(folder, seed), Outcome()
    try:
        await home.open()
        await _live(home, seconds, outcome)
        with suppress(TimeoutError):
            await home.rest(REST_SECONDS)
        outcome.broken += [*_differences(home, outcome), *_grown(outcome)]
    finally:
        await home.close()
    return outcome


async def _live(home: Household, seconds: float, outcome: Outcome) -> None:
    end = time.monotonic() + seconds
    third = seconds / 3
    async with asyncio.TaskGroup() as tasks:
        for device in home.devices:
            tasks.create_task(_measure(home, device, end))
        for name in ("link lost", "broker cut", "clock jump"):
            tasks.create_task(_fail(home, name, seconds, end, outcome))
        early = end - seconds + third
        await _fail(home, "gateway killed", seconds, early, outcome)
        await asyncio.sleep(min(20.0, third / 3))  # it warms up
        await _look(home, end, outcome)


async def _measure(home: Household, device: Peripheral, end: float) -> None:
    while time.monotonic() < end:
        await asyncio.sleep(home.random.uniform(0.2, 1.8) * EVERY_SECONDS)
        await home.measure(device)


async def _fail(
    home: Household,
    name: str,
    seconds: float,
    end: float,
    outcome: Outcome,
) -> None:
    """Do it again and again, at random moments, until the end."""
    fault, times = FAULTS[name]
    while (pause := home.random.uniform(0.5, 1.5) * seconds / times) < end - time.monotonic():
        await asyncio.sleep(pause)
        await fault(home)
        outcome.faults[name] += 1


async def _lose_a_link(home: Household) -> None:
    """Take a device out of reach while it is being read, at any moment of that."""
    while not (linked := [device for device in home.devices if device.is_linked]):
        await asyncio.sleep(0.05)
    await asyncio.sleep(home.random.uniform(0, 0.4))
    home.random.choice(linked).lose_link()


async def _cut_the_broker(home: Household) -> None:
    """Kill it, or let it say nothing for a while; the server starts a killed one anew."""
    pid = home.broker_pid
    if home.random.random() < 0.5:
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(3)
        return
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(home.random.uniform(1, 4))
    os.kill(pid, signal.SIGCONT)


async def _jump(home: Household) -> None:
    """Let the wall clock be wrong by up to thirty hours, unbelieved; then right again."""
    home.set_clock(home.random.randrange(-30 * _HOUR_MS, 30 * _HOUR_MS), "unsynchronised")
    await asyncio.sleep(home.random.uniform(1, 5))
    home.set_clock(0, "synchronised")


async def _kill_the_gateway(home: Household) -> None:
    """Take the power from it, or ask it to stop; then start it."""
    await (home.gateway.kill() if home.random.random() < 0.7 else home.gateway.stop())
    await asyncio.sleep(home.random.uniform(0, 2))
    await home.gateway.start()


# What is done, and how often it would be over the whole time.
FAULTS: dict[str, tuple[Callable[[Household], Awaitable[None]], int]] = {
    "link lost": (_lose_a_link, 40),
    "broker cut": (_cut_the_broker, 10),
    "clock jump": (_jump, 12),
    "gateway killed": (_kill_the_gateway, 9),
}


async def _look(home: Household, end: float, outcome: Outcome) -> None:
    gauges = {"gateway": Gauge(home.gateway.pid), "server": Gauge(home.server.pid)}
    outcome.gauges = gauges
    while time.monotonic() < end:
        for gauge in gauges.values():
            gauge.look(time.monotonic())
        await asyncio.sleep(1)


def _differences(home: Household, outcome: Outcome) -> Iterator[str]:
    """Every measurement that was said is stored once, as it was said; and nothing else is."""
    stored = home.record.measurements()
    outcome.said, outcome.stored = len(home.said), len(stored)
    found = Counter((one.device, one.device_time) for one in stored)
    values = {(one.device, one.device_time): one.values for one in stored}
    for key in sorted(home.said.keys() | found.keys()):
        if key not in home.said or found[key] != 1:
            rows = [(one.fate, one.seq) for one in stored if (one.device, one.device_time) == key]
            yield f"{key}: stored {found[key]} times {rows}, said {int(key in home.said)}"
        elif not home.said[key].items() <= values[key].items():
            yield f"{key}: {home.said[key]} was stored as {values[key]}"


def _grown(outcome: Outcome) -> Iterator[str]:
    for name, gauge in outcome.gauges.items():
        if gauge.seconds[-1] - gauge.seconds[0] < JUDGED_SECONDS:
            continue
        if name == "gateway" and gauge.slope > SLOPE_MAX:
            yield f"the {name}'s memory grows: {gauge}"
        if gauge.more_files > FILES_MAX:
            yield f"the {name} opens files and keeps them: {gauge}"
