"""Which device profile an advertisement belongs to."""

from collections.abc import Collection, Mapping, Sequence

from bleak.uuids import normalize_uuid_str

from contract.profiles import Advertisement, Profile


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
