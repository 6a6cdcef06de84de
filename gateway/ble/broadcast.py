"""What devices say to everybody in their advertisements: taken from the scan, without a session.

A scale broadcasts one weighing many times, and again when it wakes up the next time: each is handed
on once, as far as this process remembers. The outbox knows the rest by content id. Anybody may
advertise anything: bytes that cannot be read are nobody's measurement, few addresses are
remembered, and no more is taken in a minute than a home can weigh. What is left out so is said
again by a scale that is one.
"""

from collections import OrderedDict
from typing import Final

from bleak.uuids import normalize_uuid_str

from contract.profiles import Profile
from gateway.ble.joiner import Arrival
from gateway.ble.scanner import Sighting
from gateway.codecs import CODECS
from gateway.errors import DecodeError

_ADDRESSES_MAX: Final = 64
_MINUTE_SECONDS: Final = 60.0
TAKEN_A_MINUTE_MAX: Final = 12


def broadcasts(profile: Profile) -> bool:
    """Tell whether devices of that profile are only listened to."""
    return any(source.delivery == "broadcast" for source in profile.measurement)


class Broadcasts:
    """Finds what is new in the advertisements of devices that broadcast."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, bytes] = OrderedDict()
        self._taken_at: list[float] = []

    def heard(self, sighting: Sighting, now: float) -> list[Arrival]:
        """Return the measurements of an advertisement that are news; ``now`` is in seconds."""
        found = []
        for source in sighting.profile.measurement:
            raw = sighting.service_data.get(normalize_uuid_str(source.characteristic_uuid))
            if raw is not None and self._is_new(sighting.address, source.codec, raw, now):
                found.append(Arrival(source.characteristic_uuid, raw))
        return found

    def _is_new(self, address: str, codec: str, raw: bytes, now: float) -> bool:
        try:
            read = CODECS[codec](raw)
        except DecodeError:
            return False
        same = read.same or raw
        if not read.is_final or self._last.get(address) == same or not self._has_room(now):
            return False
        self._last[address] = same
        self._last.move_to_end(address)
        if len(self._last) > _ADDRESSES_MAX:
            self._last.popitem(last=False)
        return True

    def _has_room(self, now: float) -> bool:
        self._taken_at = [at for at in self._taken_at if now - at < _MINUTE_SECONDS]
        if len(self._taken_at) >= TAKEN_A_MINUTE_MAX:
            return False
        self._taken_at.append(now)
        return True
