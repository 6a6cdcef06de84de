"""A few seeds of the campaign; all twenty are run by ``python -m tests.prove kills``."""

from datetime import date

import pytest

from tests.chaos.campaign import run

pytestmark = [pytest.mark.processes, pytest.mark.broker]


@pytest.mark.parametrize("turn", range(2))
async def test_kills_lose_nothing_and_repeat_nothing(tmp_path, turn):
    seed = date.today().toordinal() * 2 + turn  # noqa: DTZ011 - any day will do
    outcome = await run(seed, tmp_path)
    assert outcome.broken == [], f"seed {seed}"
    assert outcome.alerts > 0
    assert outcome.windows, "no kill fell between anything"
