"""Months of a care team, a seed each, and whether they came to all that they are there for."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from simulators.care_team import Deed
from tests.simulation.month import Month

# What months must have led to beside every kind of move; the model and ``Month`` count them.
STATES = (
    "claimed high", "claimed medium", "claimed low", "closed clinical", "closed adherence",
    "closed technical", "owned", "paused", "chain runs", "waits for the next hours",
    "unanswered high", "unanswered medium", "unanswered low", "open clinical", "open adherence",
    "open technical", "red arrived", "red beside a claimed or paused amber", "kept while silent",
    "letter sent", "letter failed", "died between sending and noting", "told: raised",
    "told: began-again", "told: got-worse", "told: escalated", "told: unanswered",
    "told: follow-up-passed", "told: off-duty", "told: handed-over", "told: came-on-duty",
    "told: pause-ended", "owned by nurse", "owned by doctor", "owned by contact-point",
    "owned by technical-service", "owned by coordinator", "told contact-point",
    "told technical-service", "told coordinator",
)  # fmt: skip


class Outcome(NamedTuple):
    """What a month came to."""

    seed: int
    broken: list[str]
    seen: Counter[str]


def run(seed: int) -> Outcome:
    """Live one month, in memory where the machine has such a folder."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        month = Month(Path(folder), seed)
        try:
            month.run()
        finally:
            month.close()
    return Outcome(seed, month.broken, month.seen + month.watch.seen)


def never_seen(months: Collection[Outcome]) -> list[str]:
    """Return the moves and states that none of the months came to."""
    seen = sum((one.seen for one in months), Counter[str]())
    return [name for name in (*Deed, *STATES) if not seen[name]]
