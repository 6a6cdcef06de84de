"""A disk that remembers everything SQLite did to it, and what of it a power cut leaves.

Nothing that was not synced is sure: each sector written since a file's last sync may be there or
not, and so may a file that was made or deleted since the directory's last sync. What was synced
stays. Sources: https://www.sqlite.org/atomiccommit.html and https://www.sqlite.org/testing.html,
"crash testing".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import apsw

SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes at an offset of a file; cut to ``offset`` where there are none (a truncation)."""

    file: int
    offset: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Synced:
    """A file is on the disk as it is; with the directory, if the file is new."""

    file: int


@dataclass(frozen=True, slots=True)
class Named:
    """A name stands for a file from now on, or for none; ``sure``: the directory was synced."""

    name: str
    file: int | None
    sure: bool


Event = Written | Synced | Named


@dataclass
class Tape:
    """Everything in order; and whether, and how, the disk fails."""

    events: list[Event] = field(default_factory=list)
    calls: int = 0
    fails_at: int | None = None
    lasts: int = 1
    error: type[apsw.Error] = apsw.IOError

    def called(self) -> None:
        """Count a call that may fail; fail ``lasts`` times from ``fails_at`` on."""
        self.calls += 1
        if self.fails_at is not None and 0 <= self.calls - self.fails_at < self.lasts:
            raise self.error("the disk failed")


class _File(apsw.VFSFile):
    def __init__(self, tape: Tape, number: int, name: Any, flags: Any) -> None:
        super().__init__("", name, flags)
        self._tape, self._number = tape, number

    def xRead(self, amount: int, offset: int) -> bytes:
        self._tape.called()
        return bytes(super().xRead(amount, offset))

    def xWrite(self, data: bytes, offset: int) -> None:
        self._tape.called()
        super().xWrite(data, offset)
        self._tape.events.append(Written(self._number, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        self._tape.called()
        super().xTruncate(size)
        self._tape.events.append(Written(self._number, size, None))

    def xSync(self, flags: int) -> None:
        self._tape.called()
        super().xSync(flags)
        self._tape.events.append(Synced(self._number))


class Disk(apsw.VFS):
    """SQLite's own file system, with a tape. Temporary files are not on it."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._files: dict[str, int] = {}
        self._made = 0
        self.vfs_name = f"tape-{id(tape)}"
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: Any, flags: Any) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return super().xOpen(name, flags)
        self._tape.called()
        known = Path(path).exists() and path in self._files
        number = self._files[path] if known else self._made
        opened = _File(self._tape, number, name, flags)
        if not known:
            self._made += 1
            self._files[path] = number
            self._tape.events.append(Named(Path(path).name, number, sure=False))
        return opened

    def xDelete(self, name: str, syncdir: bool) -> None:
        self._tape.called()
        super().xDelete(name, syncdir)
        self._tape.events.append(Named(Path(name).name, None, sure=syncdir))


@contextmanager
def taped(tape: Tape) -> Iterator[Disk]:
    """Give a disk that SQLite knows while the block runs."""
    disk = Disk(tape)
    try:
        yield disk
    finally:
        disk.unregister()


@dataclass
class _Kept:
    """A file: what is sure, and what came since."""

    sure: bytearray = field(default_factory=bytearray)
    since: list[Written] = field(default_factory=list)


def left_after(events: list[Event], random: Random) -> dict[str, bytes]:
    """Return the files by name that a cut after these events leaves."""
    files: dict[int, _Kept] = {}
    names: list[Named] = []
    sure_names = 0
    for event in events:
        match event:
            case Written(file=file):
                files[file].since.append(event)
            case Named():
                names.append(event)
                files.setdefault(-1 if event.file is None else event.file, _Kept())
                sure_names = len(names) if event.sure else sure_names
            case Synced(file=file):
                kept = files[file]
                for one in kept.since:
                    _apply(kept.sure, one)
                kept.since = []
                made = [at for at, one in enumerate(names, 1) if one.file == file]
                sure_names = max(sure_names, made[0])
    directory: dict[str, int] = {}
    for one in names[: random.randint(sure_names, len(names))]:
        directory.pop(one.name, None)
        if one.file is not None:
            directory[one.name] = one.file
    return {name: _torn(files[file], random) for name, file in directory.items()}


def _torn(kept: _Kept, random: Random) -> bytes:
    left = bytearray(kept.sure)
    share = random.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    for one in kept.since:
        if one.data is None:
            if random.random() < share:
                _apply(left, one)
            continue
        for start in range(0, len(one.data), SECTOR_BYTES):
            if random.random() < share:
                part = one.data[start : start + SECTOR_BYTES]
                _apply(left, Written(one.file, one.offset + start, part))
    return bytes(left)


def _apply(content: bytearray, one: Written) -> None:
    if one.data is None:
        del content[one.offset :]
        return
    missing = one.offset - len(content)
    if missing > 0:
        content.extend(bytes(missing))
    content[one.offset : one.offset + len(one.data)] = one.data
