"""A full disk: nothing is acknowledged, intake leaves the broker, and room brings it back."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from server.stores.database import Database
from tests.brokers import until
from tests.server.intake.conftest import running
from tests.server.world import World, envelope, wire

pytestmark = [pytest.mark.broker, pytest.mark.processes]
CUFF = "AA:BB:CC:DD:EE:01"
ENVELOPES = 30
SIZE_BYTES = 16 * 1024 * 1024


class SmallDisk:
    """A file system of its own, filled by a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)


class LimitedFiles:
    """Where nobody may mount: no file of this process may grow beyond what it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        largest = max(file.stat().st_size for file in self.folder.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk | LimitedFiles]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        limited = LimitedFiles(folder)
        yield limited
        limited.free()
        return
    yield SmallDisk(folder)
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def world(disk) -> Iterator[World]:
    store = Database(f"sqlite:///{disk.folder / 'vicino.db'}")
    yield World(store)
    store.close()


def said(world, first):
    batch = [
        wire(seq, seq, {"systolic": "120"}, world.now, raw="ab" * 350)
        for seq in range(first, first + 50)
    ]
    return envelope("gw-1", batch, first).payload


def highest(world):
    return world.rows("select coalesce(max(seq), 0) from measurements")[0][0]


def test_a_full_disk_acknowledges_nothing_and_room_ends_it(broker, voice, world, disk, caplog):
    world.device(CUFF, world.patient())
    firsts = [1 + 50 * number for number in range(ENVELOPES)]
    with running(broker.settings, world.store, lambda: world.now) as intake:
        voice.say(said(world, 1))
        assert until(lambda: voice.receipts() == [50])
        disk.fill()
        for first in firsts[1:]:
            voice.say(said(world, first))
        assert until(lambda: not intake.connected, 20), "intake did not notice"
        assert "nothing can be stored" in caplog.text
        before = highest(world)
        assert max(voice.receipts()) <= before < firsts[-1]
        assert not until(lambda: max(voice.receipts()) > before, 3)
        disk.free()
        assert until(lambda: intake.connected, 20), "intake did not come back"
        assert until(lambda: max(voice.receipts()) == 50 * ENVELOPES, 20)
    assert world.rows("select count(*), count(distinct seq) from measurements") == [
        (50 * ENVELOPES, 50 * ENVELOPES)
    ]
