"""Power cuts and disks that fail, at every step of the outbox: nothing taken is ever lost."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import apsw
import pytest

from gateway.outbox import Outbox
from tests.power import campaign
from tests.power.tape import Named, Synced, Tape, Written, left_after

CUTS = int(os.environ.get("VICINO_POWER_CUTS", "500"))
A_LIFE = 250  # cuts


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ.get("VICINO_POWER_SEED", datetime.now(UTC).toordinal()))


def test_a_power_cut_anywhere_loses_nothing_that_was_taken(seed: int, tmp_path: Path) -> None:
    broken, cuts = [], 0
    for life in range((CUTS + A_LIFE - 1) // A_LIFE):
        random = Random(seed * 1_000 + life)
        tape, folder = Tape(), tmp_path / f"life-{life}"
        folder.mkdir()
        done = campaign.live(folder / "outbox.db", tape, random)
        for _ in range(min(A_LIFE, CUTS - cuts)):
            left = folder / "left"
            left.mkdir()
            problem = campaign.cut(tape, done, left, random)
            broken += [f"seed {seed}, life {life}: {problem}"] if problem else []
            shutil.rmtree(left)
            cuts += 1
    assert cuts == CUTS
    assert broken == []


def test_a_disk_that_is_told_to_sync_less_loses_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof can fail: with NORMAL in place of FULL the same cuts find rows gone."""
    plain = campaign.Spoken.execute

    def normal(self, statement, values=()):
        if statement == "pragma synchronous=full":
            statement = "pragma synchronous=normal"
        return plain(self, statement, values)

    monkeypatch.setattr(campaign.Spoken, "execute", normal)
    random, tape = Random(1), Tape()
    done = campaign.live(tmp_path / "outbox.db", tape, random, 100)
    problems = []
    for number in range(20):
        left = tmp_path / f"left-{number}"
        left.mkdir()
        problems.append(campaign.cut(tape, done, left, random))
    assert any(problems)


def test_what_was_not_synced_may_be_there_in_part() -> None:
    events = [
        Named("a", 0, sure=False),
        Written(0, 0, b"x" * 512),
        Synced(0),
        Written(0, 0, b"y" * 1024),
    ]
    seen = {left_after(events, Random(seed))["a"] for seed in range(200)}
    assert seen == {
        b"x" * 512,
        b"y" * 512,
        b"x" * 512 + b"y" * 512,
        b"y" * 1024,
    }
    assert all(left_after(events[:3], Random(seed)) == {"a": b"x" * 512} for seed in range(20))
    assert {len(left_after(events[:2], Random(seed))) for seed in range(50)} == {0, 1}


@pytest.mark.parametrize(
    ("error", "lasts"),
    [
        (apsw.IOError, 1),
        (apsw.IOError, 3),
        (apsw.FullError, 1),
        (apsw.FullError, 10_000),
        (apsw.ReadOnlyError, 10_000),
        (apsw.CantOpenError, 10_000),
    ],
)
def test_whichever_call_fails_nothing_taken_is_lost(
    error: type[apsw.Error], lasts: int, tmp_path: Path
) -> None:
    """Every call to the disk fails, in a life of its own: for one call, a few, or for good."""
    broken, number, failed = [], 0, True
    while failed:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        failed, problem = campaign.fail(folder / "outbox.db", number, lasts, error)
        broken += [f"call {number}: {problem}"] if problem else []
        shutil.rmtree(folder)
    assert number > 100
    assert broken == []


def test_opening_needs_no_other_file_than_the_databases(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.close()
    assert [one.name for one in tmp_path.iterdir()] == ["outbox.db"]
