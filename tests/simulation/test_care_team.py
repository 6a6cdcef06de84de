"""A few seeds of the care team's months; 200 are run by ``python -m tests.prove team``."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from server.domain.instants import MINUTE
from tests.simulation.campaign import Outcome, never_seen, run
from tests.simulation.month import BEGIN, Month

SEEDS = 5


@pytest.fixture(scope="module")
def months() -> list[Outcome]:
    first = date.today().toordinal() * SEEDS  # noqa: DTZ011 - any day will do
    return [run(seed) for seed in range(first, first + SEEDS)]


def test_whatever_a_team_does_for_a_month_nobody_is_forgotten(months: list[Outcome]) -> None:
    for one in months:
        print(f"seed {one.seed}: {dict(one.seen)}")
    assert [(one.seed, one.broken[:5]) for one in months if one.broken] == []


def test_the_months_come_to_every_move_and_every_state(months: list[Outcome]) -> None:
    assert never_seen(months) == []


@pytest.fixture
def beginning(tmp_path: Path) -> Iterator[Month]:
    """The first days of a month: two red alerts, one of them claimed, and nothing broken."""
    month = Month(tmp_path, seed=1)
    for person, value in (("1", "190"), ("2", "191")):
        month.claim_red(person, value)
    assert month.broken == []
    yield month
    month.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("UPDATE alerts SET owner = 'ezio' WHERE id = 1", "who is off"),
        ("UPDATE alerts SET deadline_at = NULL WHERE id = 2", "has no deadline"),
        ("UPDATE alerts SET deadline_at = deadline_at + 99999999 WHERE id = 2", "is too far"),
        ("UPDATE alerts SET paused_until = 1 WHERE id = 2", "have not ended"),
        ("UPDATE alerts SET unanswered = 1, owner = NULL, deadline_at = NULL", "was not told"),
        ("UPDATE users SET on_duty_until = NULL WHERE name = 'anna'", "who is off"),
        (
            "INSERT INTO messages (chc_id, alert_id, reason, role, written_at, tries) VALUES"
            " (1, 2, 'escalated', 'doctor', 0, 0), (1, 2, 'escalated', 'doctor', 0, 0)",
            "told twice",
        ),
        ("UPDATE alerts SET closed_at = 1", "the worklist is not what is open"),
    ],
)
def test_the_model_says_what_is_wrong(beginning: Month, wrong: str, said: str) -> None:
    """A model that finds nothing proves nothing: each wrong is made by hand."""
    listed = beginning.listed()
    with beginning.world.store.write() as tx:
        tx.connection.exec_driver_sql(wrong)
    beginning.watch.look(BEGIN + MINUTE)
    beginning.watch.listing(listed)
    assert any(said in text for text in beginning.broken), beginning.broken
