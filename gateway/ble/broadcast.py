"""What devices say to everybody in their advertisements: taken from the scan, without a session.

A scale broadcasts one weighing many times, and again when it wakes up the next time: each is handed
on once, as far as this process remembers. The outbox knows the rest by content id. Bytes that
cannot be read are nobody's measurement: anybody may advertise anything.
"""

from bleak.uuids import normalize_uuid_str

from contract.profiles import Profile
from gateway.ble.joiner import Arrival
from gateway.ble.scanner import Sighting
from gateway.codecs import CODECS
from gateway.errors import DecodeError


def broadcasts(profile: Profile) -> bool:
    """Tell whether devices of that profile are only listened to."""
    return any(source.delivery == "broadcast" for source in profile.measurement)


class Broadcasts:
    """Finds what is new in the advertisements of devices that broadcast."""

    def __init__(self) -> None:
        self._last: dict[str, bytes] = {}

    def heard(self, sighting: Sighting) -> list[Arrival]:
        """Return the measurements of an advertisement that are not those of the last one."""
        found = []
        for source in sighting.profile.measurement:
            raw = sighting.service_data.get(normalize_uuid_str(source.characteristic_uuid))
            if raw is not None and self._is_new(sighting.address, source.codec, raw):
                found.append(Arrival(source.characteristic_uuid, raw))
        return found

    def _is_new(self, address: str, codec: str, raw: bytes) -> bool:
        try:
            read = CODECS[codec](raw)
        except DecodeError:
            return False
        same = read.same or raw
        if not read.is_final or self._last.get(address) == same:
            return False
        self._last[address] = same
        return True
