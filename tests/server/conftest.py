"""The world of the server's tests, on SQLite and on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.stores.database import Database
from tests.server.postgres import database_url
from tests.server.world import World


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'vicino.db'}")
    else:
        database = Database(database_url())
    yield database
    database.close()


@pytest.fixture
def world(store: Database) -> World:
    """A CHC on an empty database."""
    return World(store)
