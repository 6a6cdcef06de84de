"""One run: three homes measure 300 times while everything is killed and started again; then rest.

The seed fixes people, values, kills and their order; the moments are the machine's.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.district import District, district, findings
from tests.chaos.homes import Home, expected, quiet
from tests.chaos.kills import Kill, Window, strike

EACH = 100
KILLS = (
    *(Kill.GATEWAY, Kill.SERVER, Kill.BROKER),
    *(Kill.GATEWAY_TAKEN, Kill.GATEWAY_STALLED, Kill.SERVER_STORED, Kill.BROKER_STALLED) * 2,
)
REST_SECONDS = 90.0


@dataclass
class Outcome:
    """What one run did and what it found broken."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    windows: Counter[Window] = field(default_factory=Counter)
    alerts: int = 0
    broken: list[str] = field(default_factory=list)


async def run(seed: int, folder: Path) -> Outcome:
    """Run one campaign in an empty folder; nothing of it is left running."""
    random, outcome = Random(seed), Outcome(seed)
    whole = district(folder, seed, EACH)
    try:
        await whole.open()
        kills = list(KILLS)
        random.shuffle(kills)
        share = -(-EACH // (len(kills) + 1))
        for kill in kills:
            await _one(kill, whole, random, share, outcome)
        for home in whole.homes:
            await home.say(EACH)
        await _rest(whole, outcome)
        outcome.broken += broken(whole)
        outcome.alerts = len(whole.record.clinical_alerts())
    finally:
        await whole.close()
    return outcome


async def _one(kill: Kill, whole: District, random: Random, share: int, outcome: Outcome) -> None:
    """Let everybody measure, kill meanwhile, count, and start the victim again."""
    home = random.choice(whole.homes)
    talk = [asyncio.create_task(_talk(one, share, random.random() / 4)) for one in whole.homes]
    await asyncio.sleep(random.random() * 1.5)
    windows = await asyncio.to_thread(strike, kill, whole, home)
    outcome.kills[kill.victim] += 1
    outcome.windows.update(windows)
    await asyncio.sleep(random.random())
    if kill.victim == "gateway":
        await home.gateway.kill()
        await home.gateway.start()
    elif kill.victim == "server":
        await asyncio.to_thread(whole.server.kill)
        await asyncio.to_thread(whole.server.start)
    await asyncio.gather(*talk)


async def _talk(home: Home, count: int, pause: float) -> None:
    for _ in range(count):
        await home.say(1)
        await asyncio.sleep(pause)


async def _rest(whole: District, outcome: Outcome) -> None:
    try:
        await quiet(whole.homes, REST_SECONDS)
        async with asyncio.timeout(REST_SECONDS):
            while whole.record.unjudged():
                await asyncio.sleep(0.25)
    except TimeoutError:
        outcome.broken.append(f"no rest within {REST_SECONDS:.0f} s")


def broken(whole: District) -> list[str]:
    """Compare the store with the truth; return what differs, nothing when every promise held."""
    return [*_not_once(whole), *_still_waiting(whole), *_wrong_alerts(whole)]


def _not_once(whole: District) -> Iterator[str]:
    """Every measurement that was said is stored once, for its patient, as it was said."""
    stored = whole.record.measurements()
    for one in stored:
        if one.fate != "stored":
            yield f"{one.gateway} seq {one.seq} is {one.fate}"
    found = Counter((one.patient, one.device, one.device_time) for one in stored)
    values = {(one.patient, one.device, one.device_time): one.values for one in stored}
    said = {
        (home.reference, device, at): taken
        for home in whole.homes
        for device, at, taken in expected(home)
    }
    for key in sorted(said.keys() | found.keys()):
        if key not in said or found[key] != 1:
            yield f"{key}: stored {found[key]} times, said {int(key in said)}"
        elif not said[key].items() <= values[key].items():
            yield f"{key}: {said[key]} was stored as {values[key]}"


def _still_waiting(whole: District) -> Iterator[str]:
    for home in whole.homes:
        outbox = home.waiting()
        if outbox.seqs or outbox.receipted != outbox.next_seq - 1 or outbox.next_seq != EACH + 1:
            yield f"{home.name} holds {sorted(outbox.seqs)}, receipted {outbox.receipted}"


def _wrong_alerts(whole: District) -> Iterator[str]:
    wanted = set().union(*(findings(home, whole.since) for home in whole.homes))
    found = whole.record.findings()
    if sorted(wanted) != found:
        yield f"findings: missing {wanted - set(found)}, unexpected {set(found) - wanted}"
    alerts = sorted({(patient, rule) for patient, rule, _ in wanted})
    if alerts != whole.record.clinical_alerts():
        yield f"alerts: expected {alerts}, found {whole.record.clinical_alerts()}"
