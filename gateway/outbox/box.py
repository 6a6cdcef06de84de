"""The outbox: stored before anything is acknowledged or deleted, forgotten only on a receipt."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import Measurement, Tombstone, element_decoder, encoder
from gateway.errors import OutboxUnavailable
from gateway.outbox.rows import Damaged, Row, connect_or_replace, renumber, translated

_log = logging.getLogger(__name__)
# 90 days at 50 a day are 4,500; a stuck device must not fill the disk.
WAITING_MAX: Final = 200_000
# A meter keeps up to about 1,000 records and re-sends them all at each contact.
REMEMBERED_MAX: Final = 100_000
REFUSALS_MAX: Final = 2
_CORRECTED_AT_ONCE: Final = 1000
_UNSYNCHRONISED: Final = b'"clock":"unsynchronised"'

Make = Callable[[str, int], Measurement]


@dataclass(frozen=True, slots=True)
class State:
    """How the outbox is. ``receipted`` and ``next_seq`` are of ``epoch``."""

    epoch: str
    next_seq: int
    receipted: int
    depth: int
    set_aside: int
    last_measurement_at: int | None
    damaged_files: int


class Outbox:
    """One SQLite file, used from one thread.

    The epoch is this file's random id. Sequence numbers are 1, 2, 3 … without gaps in it; a number
    is given in the commit that stores the row. A file put back from an older copy of itself would
    give numbers again: the receipt of one that it has not given says so, and a new epoch begins.
    """

    def __init__(self, path: Path) -> None:
        """Open or create ``path``; a damaged file is kept aside and a new epoch begins."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._rows, _ = connect_or_replace(path)

    def close(self) -> None:
        """Close the file; what it holds stays."""
        self._rows.close()

    def store(self, make: Make) -> int | None:
        """Give the next number to the measurement ``make(epoch, seq)`` and keep it on disk.

        Returns the number, or None when its content was stored before. When this returns, the
        measurement survives a power cut. Raises ``OutboxUnavailable``: nothing was taken.
        """
        with self._transaction():
            epoch, seq = self._meta("epoch"), int(self._meta("next_seq"))
            if seq - int(self._meta("receipted")) > WAITING_MAX:
                raise OutboxUnavailable(f"outbox: {WAITING_MAX} measurements wait; takes no more")
            measurement = make(epoch, seq)
            if not self._remember(measurement.content_id):
                return None
            body = encoder.encode(measurement)
            self._rows.execute("insert into waiting (seq, body) values (?, ?)", (seq, body))
            self._set("next_seq", str(seq + 1))
            self._set("last_measurement_at", str(measurement.received_at))
            return seq

    def waiting(self, after: int, count_max: int, bytes_max: int) -> list[Row]:
        """Return the oldest rows after ``after``: what one envelope may carry, without a gap."""
        query = "select seq, body, alone, tombstone from waiting where seq > ? order by seq limit ?"
        found = [Row(s, b, bool(a), bool(t)) for s, b, a, t in self._read(query, after, count_max)]
        size, taken = 0, list[Row]()
        for row in found:
            size += len(row.body) + 1
            if taken and (size > bytes_max or row.alone or taken[0].alone):
                break
            taken.append(row)
        return taken

    def forget(self, epoch: str, seq: int) -> bool:
        """Forget what the receipt covers; tell whether it was of numbers that were given here.

        A receipt of another epoch is ignored. One of a number that this file never gave is of an
        earlier life of it: nothing is forgotten, what waits gets the numbers of a new epoch.
        """
        with self._transaction():
            if epoch != self._meta("epoch"):
                _log.warning("receipt ignored: epoch=%s is not ours", epoch)
                return False
            if seq >= (next_seq := int(self._meta("next_seq"))):
                _log.error("receipt of seq=%d before it was given: this file is older", seq)
                renumber(self._rows)
                _log.error("a new epoch begins: next was %d, epoch=%s", next_seq, epoch)
                return False
            if seq > int(self._meta("receipted")):
                self._rows.execute("delete from waiting where seq <= ?", (seq,))
                self._set("receipted", str(seq))
            return True

    def refuse(self, first: int, last: int, reason: str) -> None:
        """Note that the envelope with ``first`` to ``last`` was refused.

        Its rows then travel alone; one refused alone for the second time is set aside (kept), and
        a tombstone takes its place, so that the receipt never stalls.
        """
        with self._transaction():
            span = (first, last)
            self._rows.execute("update waiting set alone = 1 where seq between ? and ?", span)
            if first != last:
                return
            query = "update waiting set refused = refused + 1 where seq = ? and not tombstone"
            self._rows.execute(query, (first,))
            query = "select body from waiting where seq = ? and refused >= ? and not tombstone"
            row = self._rows.execute(query, (first, REFUSALS_MAX)).fetchone()
            if row is not None:
                self._set_aside(first, row[0], reason)

    def correct(self, wall_ms: int, monotonic_ms: int, boot_id: str) -> int:
        """Place what waits and came before the wall clock was set; return how many that were.

        The arguments are one moment with a clock that is right. Only what came within the same
        boot can be placed, along its monotonic clock; the rest stays as it is. In commits of a
        bounded size: what a power cut leaves over stays as it came.
        """
        count, after = self._correct_some(0, wall_ms, monotonic_ms, boot_id)
        while after is not None:
            more, after = self._correct_some(after, wall_ms, monotonic_ms, boot_id)
            count += more
        return count

    def _correct_some(
        self, after: int, wall_ms: int, monotonic_ms: int, boot_id: str
    ) -> tuple[int, int | None]:
        """Correct the next rows; return how many, and after which to go on, if there are more."""
        with self._transaction():
            query = (
                "select body from waiting where seq > ? and not tombstone and instr(body, ?)"
                " order by seq limit ?"
            )
            found = [
                element_decoder.decode(row[0])
                for row in self._rows.execute(query, (after, _UNSYNCHRONISED, _CORRECTED_AT_ONCE))
            ]
            own = [
                _placed(one, wall_ms - monotonic_ms + one.monotonic_ms)
                for one in found
                if isinstance(one, Measurement) and one.boot_id == boot_id
            ]
            query = "update waiting set body = ? where seq = ?"
            self._rows.executemany(query, [(encoder.encode(one), one.seq) for one in own])
            if own:
                self._set("last_measurement_at", str(own[-1].received_at))
        return len(own), found[-1].seq if len(found) == _CORRECTED_AT_ONCE else None

    def state(self) -> State:
        """Return how the outbox is now."""
        meta = dict(self._read("select key, value from meta"))
        last = meta.get("last_measurement_at")
        return State(
            epoch=meta["epoch"],
            next_seq=int(meta["next_seq"]),
            receipted=int(meta["receipted"]),
            depth=int(meta["next_seq"]) - 1 - int(meta["receipted"]),
            set_aside=self._read("select count(*) from set_aside")[0][0],
            last_measurement_at=None if last is None else int(last),
            damaged_files=len(list(self._path.parent.glob(f"{self._path.stem}-damaged-*.db"))),
        )

    def _set_aside(self, seq: int, body: bytes, reason: str) -> None:
        insert = "insert into set_aside (body, reason) values (?, ?)"
        self._rows.execute(insert, (body, reason))
        stone = encoder.encode(Tombstone(seq=seq, reason=reason))
        query = "update waiting set body = ?, tombstone = 1 where seq = ?"
        self._rows.execute(query, (stone, seq))
        _log.error("measurement seq=%d set aside: refused twice: %s", seq, reason)

    def _remember(self, content_id: str) -> bool:
        """Remember the content; False when it already was."""
        insert = "insert or ignore into remembered (content_id) values (?)"
        cursor = self._rows.execute(insert, (content_id,))
        if cursor.rowcount == 0:
            return False
        oldest = (cursor.lastrowid or 0) - REMEMBERED_MAX
        self._rows.execute("delete from remembered where number <= ?", (oldest,))
        return True

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit on leaving, roll back on any error; begin a new file if this one is damaged."""
        try:
            with translated():
                self._rows.execute("begin immediate")
                try:
                    yield
                    self._rows.execute("commit")
                except BaseException:
                    if self._rows.in_transaction:
                        self._rows.execute("rollback")
                    raise
        except Damaged as error:
            self._replace(error)

    def _replace(self, error: Damaged) -> None:
        self._rows.close()
        self._rows, _ = connect_or_replace(self._path)
        raise OutboxUnavailable(f"outbox: damaged ({error}); the next try has a new file")

    def _meta(self, key: str) -> str:
        value: str = self._rows.execute("select value from meta where key = ?", (key,)).fetchone()[
            0
        ]
        return value

    def _set(self, key: str, value: str) -> None:
        self._rows.execute("insert or replace into meta values (?, ?)", (key, value))

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with translated():
                return list(self._rows.execute(query, values))
        except Damaged as error:
            self._replace(error)
            raise


def _placed(one: Measurement, at: int) -> Measurement:
    by = at - one.received_at
    return msgspec.structs.replace(one, received_at=at, clock="synchronised", corrected_by=by)
