"""The outbox: what it took is there after any crash, and it forgets only what it may."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from msgspec.structs import replace

from contract.messages import Tombstone, element_decoder
from gateway.errors import OutboxUnavailable
from gateway.outbox import Outbox
from gateway.outbox import box as outbox_box
from tests.gateway.measurements import make

SIZE = 64 * 1024


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path):
    opened = Outbox(path)
    yield opened
    opened.close()


def seqs(outbox, after=0, count=1000, size=10**9):
    return [row.seq for row in outbox.waiting(after, count, size)]


def rows(outbox):
    state = outbox.state()
    return [
        outbox.waiting(seq - 1, 1, SIZE)[0] for seq in range(state.receipted + 1, state.next_seq)
    ]


def test_numbers_run_without_gaps_and_survive_reopening(path):
    first = Outbox(path)
    assert [first.store(make) for _ in range(3)] == [1, 2, 3]
    epoch = first.state().epoch
    first.close()
    second = Outbox(path)
    assert second.store(make) == 4
    assert second.state().epoch == epoch
    second.close()


def test_a_content_that_was_stored_before_is_dropped_and_takes_no_number(outbox):
    def same(epoch, _seq):
        return make(epoch, 1)

    assert outbox.store(same) == 1
    assert outbox.store(same) is None
    assert outbox.store(lambda epoch, _seq: make(epoch, 99)) == 2


def test_what_was_forgotten_is_still_known_as_a_duplicate(outbox):
    outbox.store(make)
    outbox.forget(outbox.state().epoch, 1)
    assert outbox.store(lambda epoch, _seq: make(epoch, 1)) is None


def test_the_memory_of_contents_is_bounded(outbox, monkeypatch):
    monkeypatch.setattr(outbox_box, "REMEMBERED_MAX", 3)
    for _ in range(5):
        outbox.store(make)
    assert outbox.store(lambda epoch, _seq: make(epoch, 3)) is None
    assert outbox.store(lambda epoch, _seq: make(epoch, 1)) == 6


def test_a_receipt_of_another_epoch_forgets_nothing(outbox, caplog):
    outbox.store(make)
    assert not outbox.forget("0" * 32, 1)
    assert seqs(outbox) == [1]
    assert caplog.text.count("receipt ignored") == 1


def test_a_receipt_beyond_what_was_given_begins_a_new_epoch_and_forgets_nothing(outbox):
    """The file is an older copy of itself: its numbers were given before, to others."""
    for _ in range(5):
        outbox.store(make)
    before = outbox.state()
    outbox.forget(before.epoch, 3)
    outbox.refuse(5, 5, "unreadable")
    waiting = rows(outbox)
    assert not outbox.forget(before.epoch, 6)
    after = outbox.state()
    assert after.epoch != before.epoch
    assert (after.next_seq, after.receipted, after.depth) == (3, 0, 2)
    assert [row.alone for row in rows(outbox)] == [False, True]
    found = [element_decoder.decode(row.body) for row in rows(outbox)]
    sent = [element_decoder.decode(row.body) for row in waiting]
    assert found == [replace(one, seq=seq) for seq, one in enumerate(sent, 1)]
    assert not outbox.forget(before.epoch, 6)
    assert outbox.store(make) == 3
    assert outbox.forget(after.epoch, 3)
    assert seqs(outbox) == []


def test_what_was_set_aside_stays_when_its_number_is_given_again(outbox):
    for _ in range(2):  # once in each epoch
        outbox.store(make)
        seq = outbox.state().next_seq - 1
        for _ in range(2):
            outbox.refuse(seq, seq, "unreadable")
        outbox.forget(outbox.state().epoch, 9)
    assert outbox.state().set_aside == 2


def test_an_old_receipt_takes_nothing_back(outbox):
    for _ in range(5):
        outbox.store(make)
    epoch = outbox.state().epoch
    assert outbox.forget(epoch, 4)
    assert outbox.forget(epoch, 2)
    assert seqs(outbox) == [5]
    assert outbox.state().receipted == 4


def test_a_batch_is_bounded_by_count_and_bytes_and_never_empty(outbox):
    for _ in range(10):
        outbox.store(make)
    assert seqs(outbox, count=4) == [1, 2, 3, 4]
    size = len(outbox.waiting(0, 1, SIZE)[0].body) + 1
    assert seqs(outbox, after=4, size=size * 2) == [5, 6]
    assert seqs(outbox, size=1) == [1]


def test_rows_of_a_refused_envelope_travel_alone(outbox):
    for _ in range(5):
        outbox.store(make)
    outbox.refuse(2, 3, "test")
    assert [seqs(outbox, after) for after in (0, 1, 2, 3)] == [[1], [2], [3], [4, 5]]


def test_a_row_refused_alone_twice_is_kept_aside_and_leaves_a_tombstone(outbox, path):
    for _ in range(3):
        outbox.store(make)
    body = outbox.waiting(1, 1, SIZE)[0].body
    outbox.refuse(1, 3, "unreadable")
    outbox.refuse(2, 2, "unreadable")
    assert outbox.state().set_aside == 0
    outbox.refuse(2, 2, "unreadable")
    row = outbox.waiting(1, 1, SIZE)[0]
    assert element_decoder.decode(row.body) == Tombstone(seq=2, reason="unreadable")
    assert outbox.state().set_aside == 1
    outbox.refuse(2, 2, "even the tombstone")
    outbox.forget(outbox.state().epoch, 3)
    assert outbox.state().set_aside == 1
    with sqlite3.connect(path) as reader:
        assert reader.execute("select body, reason from set_aside").fetchall() == [
            (body, "unreadable")
        ]
    reader.close()


@pytest.mark.parametrize("damage", ["not a database", "torn page"])
def test_a_damaged_file_is_kept_aside_and_a_new_epoch_begins(path, damage, caplog):
    first = Outbox(path)
    for _ in range(200):
        first.store(make)
    epoch = first.state().epoch
    first.close()
    raw = bytearray(path.read_bytes())
    raw[0 if damage == "not a database" else 4096 : 8192] = b"\xa5" * 4096
    path.write_bytes(raw)
    second = Outbox(path)
    state = second.state()
    assert state.epoch != epoch
    assert state.next_seq == 1
    assert state.damaged_files == 1
    assert second.store(make) == 1
    second.close()
    (kept,) = path.parent.glob("outbox-damaged-*.db")
    assert kept.read_bytes() == bytes(raw)
    assert "damaged" in caplog.text


def test_a_full_outbox_takes_nothing_and_goes_on_when_there_is_room(outbox, monkeypatch):
    monkeypatch.setattr(outbox_box, "WAITING_MAX", 2)
    outbox.store(make)
    outbox.store(make)
    with pytest.raises(OutboxUnavailable, match="takes no more"):
        outbox.store(make)
    outbox.forget(outbox.state().epoch, 1)
    assert outbox.store(make) == 3


def fill(outbox, taken):
    while True:
        taken.append(outbox.store(make))


def test_a_full_disk_is_a_clear_error_loses_nothing_and_goes_on_when_there_is_room(path):
    outbox = Outbox(path)
    previous = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, previous[1]))
        with pytest.raises(OutboxUnavailable, match="outbox: "):
            fill(outbox, taken)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, previous)
        signal.signal(signal.SIGXFSZ, handler)
    assert taken == list(range(1, len(taken) + 1))
    assert outbox.store(make) == len(taken) + 1
    assert seqs(outbox, count=len(taken) + 2) == [*taken, len(taken) + 1]
    outbox.close()


_CHILD = """
import sys
from pathlib import Path
from gateway.outbox import Outbox
from tests.gateway.measurements import make
outbox = Outbox(Path(sys.argv[1]))
while True:
    print(outbox.store(make), flush=True)
"""


@pytest.mark.processes
@pytest.mark.parametrize("pause", [0.02, 0.07, 0.15])
def test_what_was_taken_is_there_after_a_kill(path, pause):
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"1\n"
    time.sleep(pause)
    child.kill()
    taken = [int(line) for line in child.stdout.read().splitlines(keepends=True) if b"\n" in line]
    child.wait()
    child.stdout.close()
    outbox = Outbox(path)
    found = seqs(outbox, count=100_000)
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= max(taken, default=1)
    assert outbox.store(make) == len(found) + 1
    outbox.close()


BOOTED_1970 = 5_000


def unsure(boot_id, monotonic_ms):
    """A measurement of a box that started in 1970 and has run for so long."""

    def made(epoch, seq):
        received_at = BOOTED_1970 + monotonic_ms
        return replace(
            make(epoch, seq),
            boot_id=boot_id,
            monotonic_ms=monotonic_ms,
            received_at=received_at,
            clock="unsynchronised",
        )

    return made


def kept(outbox):
    return [element_decoder.decode(row.body) for row in rows(outbox)]


def test_what_came_before_the_clock_was_set_is_placed_along_the_boots_own_clock(path):
    outbox = Outbox(path)
    outbox.store(unsure("before", 1_000))  # of a boot that ended: nobody knows when it was
    outbox.store(unsure("now", 10_000))
    outbox.store(unsure("now", 70_000))
    outbox.store(make)
    noon = 1_790_000_000_000
    assert outbox.correct(noon, 100_000, "now") == 2
    outbox.close()
    outbox = Outbox(path)  # it stays corrected, whatever happens next
    ended, first, second, sure = kept(outbox)
    assert (ended.received_at, ended.clock, ended.corrected_by) == (6_000, "unsynchronised", None)
    assert (first.received_at, second.received_at) == (noon - 90_000, noon - 30_000)
    assert (first.clock, first.corrected_by) == ("synchronised", noon - 90_000 - 15_000)
    assert sure.corrected_by is None
    assert outbox.state().last_measurement_at == second.received_at
    assert outbox.correct(noon + 5, 100_005, "now") == 0
    outbox.close()


def test_correcting_keeps_numbers_contents_and_tombstones(outbox):
    for seq in range(1, 4):
        outbox.store(unsure("now", seq * 1_000))
    for _ in range(2):
        outbox.refuse(2, 2, "test")
    before = [one.content_id for one in kept(outbox) if not isinstance(one, Tombstone)]
    assert outbox.correct(1_790_000_000_000, 9_000, "now") == 2
    after = kept(outbox)
    assert [one.seq for one in after] == [1, 2, 3]
    assert isinstance(after[1], Tombstone)
    assert [one.content_id for one in after if not isinstance(one, Tombstone)] == before


def test_many_are_corrected_in_small_commits(outbox, monkeypatch):
    monkeypatch.setattr(outbox_box, "_CORRECTED_AT_ONCE", 2)
    for seq in range(1, 8):
        outbox.store(unsure("now" if seq != 3 else "before", seq * 1_000))
    assert outbox.correct(1_790_000_000_000, 9_000, "now") == 6
    assert [one.clock == "synchronised" for one in kept(outbox)] == [
        seq != 3 for seq in range(1, 8)
    ]
