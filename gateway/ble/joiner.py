"""Puts together what one session delivers of one moment in two characteristics.

A glucose record whose flags say that its context follows waits for it, until another record comes
or the session ends: the meter keeps it meanwhile. A body composition goes with the weight that
came before it, which is on our disk by then.
"""

from dataclasses import dataclass
from datetime import datetime

from contract.profiles import Profile, Source
from gateway.codecs import CODECS, CONTEXTS
from gateway.codecs.decoded import Decoded
from gateway.codecs.joined import belongs
from gateway.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Arrival:
    """A value to be stored, and what belongs to it: characteristics with their bytes.

    ``number`` is the record's, where it has one and can be read; ``user`` the device's user, where
    the place says it and not the value. ``device_now`` is what the device's clock shows, where it
    was read.
    """

    characteristic: str
    raw: bytes
    beside: tuple[tuple[str, bytes], ...] = ()
    number: int | None = None
    user: int | None = None
    device_now: datetime | None = None


class Joiner:
    """Joins the deliveries of one session with one device."""

    def __init__(self, profile: Profile) -> None:
        self._sources = {source.characteristic_uuid: source for source in profile.measurement}
        contexts = (s for s in profile.measurement if s.codec in CONTEXTS)
        self._awaited = {context.beside for context in contexts}
        self._waiting: Arrival | None = None
        self._latest: dict[str, bytes] = {}

    def arrived(self, characteristic: str, raw: bytes) -> list[Arrival]:
        """Take one value; return what is complete now, oldest first."""
        source = self._sources[characteristic]
        if source.codec in CONTEXTS:
            return self._with_context(source, raw)
        read = _read(source, raw)
        if read is not None and not read.is_final:
            return []
        ready = self.rest()
        number = None if read is None else read.sequence
        one = Arrival(characteristic, raw, self._beside(source, read), number)
        self._latest[characteristic] = raw
        if read is not None and read.continues and characteristic in self._awaited:
            self._waiting = one
            return ready
        return [*ready, one]

    def rest(self) -> list[Arrival]:
        """Return what waited for more that will not come."""
        waiting, self._waiting = self._waiting, None
        return [] if waiting is None else [waiting]

    def _with_context(self, source: Source, raw: bytes) -> list[Arrival]:
        """Complete the record that waits; a context of no record that waits is no measurement."""
        waiting = self._waiting
        context = _read(source, raw)
        if waiting is None or (context is not None and context.sequence != waiting.number):
            return []
        self._waiting = None
        beside = (source.characteristic_uuid, raw)
        return [Arrival(waiting.characteristic, waiting.raw, (beside,), waiting.number)]

    def _beside(self, source: Source, read: Decoded | None) -> tuple[tuple[str, bytes], ...]:
        raw = self._latest.get(source.beside) if source.beside else None
        if source.beside is None or raw is None or read is None:
            return ()
        before = _read(self._sources[source.beside], raw)
        return ((source.beside, raw),) if before is not None and belongs(read, before) else ()


def _read(source: Source, raw: bytes) -> Decoded | None:
    try:
        return (CODECS | CONTEXTS)[source.codec](raw)
    except DecodeError:
        return None
