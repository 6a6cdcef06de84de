"""What the property tests of whole streams share: a new world for each example, at once.

An example is a group of patients, whose measurements are stored and judged together: so a batch
is now a few observations, now many, and no patient's may change another's.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from contract.codes import BY_NUMBER
from server.engine.change import REACH_MAX
from server.engine.state import State
from server.stores.database import Database
from tests.server.world import World

STREAMS = int(os.environ.get("VICINO_ORDER_STREAMS", "2000"))
GROUP = 3  # patients of an example, as hypothesis draws them on average
PARTS = 10
RARE = 0.02
FEW = 200  # too few streams to say what is rare
# Looking for the smallest that fails takes many minutes, and no test may take three.
SHRINK = "VICINO_SHRINK" in os.environ


class Worlds:
    """A database's file that is put back as it was: making its tables takes longer than a stream.

    The connections go, what SQLAlchemy has compiled stays.
    """

    def __init__(self, folder: Path, now: int) -> None:
        self._file = folder / "vicino.db"
        self._store = Database(f"sqlite:///{self._file}")
        self._world = World(self._store, now=now)
        self._world.snapshot_file = folder / "engine.npz"
        self._store.close()
        self._empty = self._file.read_bytes()

    def new(self) -> World:
        """Return the world as it was before anybody measured."""
        self._store.close()
        self._file.write_bytes(self._empty)
        self._world.snapshot_file.unlink(missing_ok=True)
        self._world.restart()
        return self._world


@contextmanager
def worlds(now: int) -> Iterator[Worlds]:
    """Keep worlds in memory where the machine has such a folder: thousands of durable commits
    prove no more."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        made = Worlds(Path(folder), now)
        yield made
        made.new().store.close()


def must_hold(
    stream: st.SearchStrategy[Any],
    check: Callable[[list[Any], Counter[str]], None],
    streams: int,
    part: int,
    seen: Counter[str],
) -> None:
    """Check groups of streams by the day's seed; ``check`` counts the kinds it saw, a stream once.

    There are ``PARTS`` parts, each a test of its own: a test may not take minutes.
    """

    @seed(datetime.now(UTC).toordinal() * PARTS + part)
    @settings(
        max_examples=streams // GROUP // PARTS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if SHRINK else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(stream, min_size=1, max_size=7))
    def holds(group: list[Any]) -> None:
        check(group, seen)
        seen["streams"] += len(group)

    holds()


def must_be_common(seen: Counter[str], kinds: Iterable[str]) -> None:
    """Fail where a kind was seen in fewer than two streams of a hundred."""
    print(dict(sorted(seen.items())))
    for kind in kinds if seen["streams"] >= FEW else ():
        assert seen[kind] >= seen["streams"] * RARE, f"{kind} is too rare to prove anything"


def same_state(lived: State, restored: State) -> None:
    """A state folded from the log alone is the one that lived through every order and restart."""
    assert lived.position == restored.position
    for patient, code in lived.owner[: lived.used]:
        word = BY_NUMBER[code]
        one, other = lived.slot(patient, word), restored.slot(patient, word)
        mine, theirs = lived.rows[one].copy(), restored.rows[other].copy()
        # What only a version needed that another replaced is no state either: a plan that needs it
        # again is judged from the whole history.
        lived_at = {family.name: at for family, at in lived.places(one)}
        for family, their_at in restored.places(other):
            mine_at = lived_at[family.name]
            rows = lived.tables[family.name].rows, restored.tables[family.name].rows
            memories = family.load(rows[0][mine_at]), family.load(rows[1][their_at])
            if family.name == "change":  # what no window reaches any more is no state
                at = int(mine["last"][0]) - REACH_MAX
                memories = tuple([pair for pair in one if pair[0] >= at] for one in memories)
            assert memories[0] == memories[1], (patient, word, family.name)
            names = set(family.empty(1).dtype.names) & {"exceeds", "kind", "reach", "sign", "days"}
            for name in names:
                assert (rows[0][mine_at][name] == rows[1][their_at][name]).all(), name
        for places in (mine, theirs):  # where a thing stands in a list is no state
            places["zone"], places["extra"] = 0, 0
        assert mine == theirs, (patient, word)
