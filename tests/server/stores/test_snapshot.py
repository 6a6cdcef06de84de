"""A snapshot is taken only where it is whole, and of this database, and not ahead of it."""

from random import Random

import pytest

from server.engine.state import State
from server.stores import snapshot
from server.stores.database import Database
from tests.server.world import envelope, wire

OWN = "f" * 32
PLAN = {
    "thresholds": [{"code": "systolic", "source": "a test", "high_outer": "180"}],
    "gains": [{"name": "weight-gain-2kg-3d", "days": 3, "more_than": "2", "source": "a test"}],
}


@pytest.fixture
def saved(world, tmp_path):
    """A snapshot of a state that knows something, and its position."""
    patient = world.patient()
    world.device("AA:BB:CC:DD:EE:01", patient)
    world.plan(patient, PLAN)
    world.send(envelope("gw-1", [wire(1, 1, {"systolic": "190", "weight": "70"}, world.now)], 1))
    world.run()
    path = tmp_path / "engine.npz"
    snapshot.save(path, world.judge.state, OWN)
    return path, world.judge.state.position


def is_empty(state: State) -> bool:
    return state.position == 0 and state.used == 0


@pytest.fixture
def store(tmp_path):
    """Snapshots are files: one kind of database is enough."""
    database = Database(f"sqlite:///{tmp_path / 'vicino.db'}")
    yield database
    database.close()


def test_a_whole_one_is_taken(saved):
    path, position = saved
    assert snapshot.load(path, OWN, position).position == position


@pytest.mark.parametrize("database", ["e" * 32, ""])
def test_one_of_another_database_is_not_taken(saved, database):
    path, position = saved
    assert is_empty(snapshot.load(path, database, position))


def test_one_ahead_of_its_database_is_not_taken_then_or_later(saved):
    path, position = saved
    assert is_empty(snapshot.load(path, OWN, position - 1))
    assert is_empty(snapshot.load(path, OWN, position + 1))


def test_none_at_all_is_an_empty_state(tmp_path):
    assert is_empty(snapshot.load(tmp_path / "none.npz", OWN, 10))


def test_one_that_was_cut_short_is_not_taken(saved):
    path, position = saved
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 200)):
        path.write_bytes(whole[:length])
        assert is_empty(snapshot.load(path, OWN, position)), f"cut at {length}"


def test_one_with_a_flipped_bit_is_not_taken(saved):
    path, position = saved
    whole = path.read_bytes()
    random = Random(1)
    for _ in range(600):
        spoiled = bytearray(whole)
        place = random.randrange(len(whole))
        spoiled[place] ^= 1 << random.randrange(8)
        path.write_bytes(spoiled)
        assert is_empty(snapshot.load(path, OWN, position)), f"flipped at {place}"
