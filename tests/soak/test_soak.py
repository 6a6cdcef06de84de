"""A short soak (``pytest -m soak``); ``python -m tests.prove soak`` runs twenty minutes of it."""

from datetime import date

import pytest

from tests.soak.campaign import FAULTS, run
from tests.soak.gauge import Gauge

pytestmark = [pytest.mark.processes, pytest.mark.broker]


@pytest.mark.soak
async def test_six_devices_are_stored_exactly_through_every_fault(tmp_path):
    seed = date.today().toordinal()  # noqa: DTZ011 - any day will do
    outcome = await run(seed, 45, tmp_path)
    assert outcome.broken == [], f"seed {seed}"
    assert outcome.said > 0
    assert set(outcome.faults) == set(FAULTS)


def test_a_leak_is_seen():
    gauge = Gauge(0)
    for second in range(600):
        gauge.seconds.append(second)
        gauge.resident.append(60 + second * 0.01)
        gauge.files.append(13 + second // 100)
    assert gauge.slope == pytest.approx(36)
    assert gauge.more_files == 4
