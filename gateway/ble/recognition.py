"""Which device profile an advertisement belongs to."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeVar

from bleak.uuids import normalize_uuid_str

from contract.profiles import Advertisement, Profile

_T = TypeVar("_T")
_WAIT_SECONDS: Final = 1.0
_AWAY_SECONDS: Final = 5.0
_ADDRESSES_MAX: Final = 256


class Recogniser:
    """Recognises devices from one advertisement, and one scan, to the next; ``now`` in seconds.

    One advertisement does not tell everything: BlueZ remembers a service and tells it before the
    data of a scale that broadcasts, and a name comes in an answer of its own. By its service alone
    a device would be taken for any of its kind, and one measurement stored under two profiles. So
    whoever might be a known model is looked at for a second, and who was known as one stays one.
    """

    def __init__(
        self, profiles: Mapping[str, Profile], models: Mapping[str, str] | None = None
    ) -> None:
        """``models`` names the profile of some addresses, whatever they advertise."""
        self.profiles, self._models = profiles, models or {}
        self.services = service_filter(profiles, self._models.values())
        asked = [profile.advertisement for profile in profiles.values()]
        self._broadcast = {one.service_uuid for one in asked if one.service_data_uuid is not None}
        self._named = {one.service_uuid for one in asked if one.local_name is not None}
        self._known: OrderedDict[str, str] = OrderedDict()
        self._seen: OrderedDict[str, tuple[float, float]] = OrderedDict()  # first and last

    def recognise(
        self,
        address: str,
        local_name: str | None,
        service_uuids: Sequence[str],
        service_data: Collection[str],
        now: float,
    ) -> str | None:
        """Return the name of its profile; None for a stranger, or while that is in doubt."""
        if address in self._models:
            return self._models[address]
        name = recognise(self.profiles, local_name, service_uuids, service_data)
        if name is None:
            return None
        asked = self.profiles[name].advertisement
        if asked.service_data_uuid is not None or asked.local_name is not None:
            _remember(self._known, address, name)
            return name
        if address in self._known:
            _remember(self._known, address, self._known[address])
            return self._known[address]
        unnamed = not local_name and asked.service_uuid in self._named
        if not unnamed and asked.service_uuid not in self._broadcast:
            return name
        first, last = self._seen.get(address, (now, now))
        first = first if now - last <= _AWAY_SECONDS else now  # it woke up anew
        _remember(self._seen, address, (first, now))
        return name if now - first >= _WAIT_SECONDS else None


def _remember(memory: OrderedDict[str, _T], address: str, what: _T) -> None:
    memory[address] = what
    memory.move_to_end(address)
    if len(memory) > _ADDRESSES_MAX:
        memory.popitem(last=False)


def recognise(
    profiles: Mapping[str, Profile],
    local_name: str | None,
    service_uuids: Sequence[str],
    service_data: Collection[str] = (),
) -> str | None:
    """Return the name of the profile that matches; the one that asks for most, if several do.

    A model that does not tell itself by what it advertises is never found so.
    """
    matching = [
        name
        for name, profile in profiles.items()
        if not profile.advertisement.is_chosen
        and _matches(profile.advertisement, local_name, service_uuids, service_data)
    ]
    return max(matching, key=lambda name: _keys(profiles[name].advertisement), default=None)


def _matches(
    asked: Advertisement,
    local_name: str | None,
    service_uuids: Sequence[str],
    service_data: Collection[str],
) -> bool:
    service, data, name = asked.service_uuid, asked.service_data_uuid, asked.local_name
    if data is not None and normalize_uuid_str(data) not in service_data:
        return False
    has_service = service is None or normalize_uuid_str(service) in service_uuids
    return has_service and (name is None or _name_matches(name, local_name or ""))


def _name_matches(pattern: str, name: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern.removesuffix("*"))
    return name == pattern


def _keys(asked: Advertisement) -> int:
    keys = (asked.service_uuid, asked.service_data_uuid, asked.local_name)
    return sum(key is not None for key in keys)


def service_filter(
    profiles: Mapping[str, Profile], chosen: Collection[str] = ()
) -> list[str] | None:
    """Return the services to scan for; None (all) when a profile goes by its name alone.

    ``chosen`` are the profiles of the devices whose model was told to this gateway.
    """
    services = {
        profile.advertisement.service_uuid
        for name, profile in profiles.items()
        if name in chosen or not profile.advertisement.is_chosen
    }
    known = sorted(normalize_uuid_str(service) for service in services if service is not None)
    return None if None in services else known
