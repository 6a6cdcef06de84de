"""A district on an empty SQLite database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.web.district import District


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    made = District(tmp_path)
    yield made
    made.close()
