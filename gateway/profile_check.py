"""What is wrong with a device profile, beyond what its schema says: for who adds a device."""

from collections.abc import Iterator, Mapping
from typing import Final

from bleak.uuids import normalize_uuid_str

from contract.profiles import Profile, Source
from gateway.ble import recognise
from gateway.codecs import BY_CHARACTERISTIC, CODECS, CONTEXTS

_SHORT: Final = 4
_SIG: Final = "00001000800000805f9b34fb"


def problems(name: str, profile: Profile, others: Mapping[str, Profile]) -> list[str]:
    """Return what is wrong, as sentences; ``others`` are the profiles that are there already."""
    own = {source.characteristic_uuid for source in profile.measurement if source.codec in CODECS}
    found = [problem for source in profile.measurement for problem in _of_source(source, own)]
    return [*found, *_of_advertisement(name, profile, others)]


def _of_source(source: Source, own: set[str]) -> Iterator[str]:
    codecs, uuid = CODECS | CONTEXTS, source.characteristic_uuid
    if source.codec not in codecs:
        yield f"{uuid}: there is no codec {source.codec!r}, only {', '.join(sorted(codecs))}"
    elif BY_CHARACTERISTIC.get(uuid, codecs[source.codec]) is not codecs[source.codec]:
        yield f"{uuid}: the codec {source.codec!r} is that of another characteristic"
    if source.codec in CONTEXTS and source.beside is None:
        yield f"{uuid}: a context says by `beside` what it belongs to"
    if source.beside is not None and source.beside not in own:
        yield f"{uuid}: beside {source.beside}, which this profile does not read"
    if len(uuid) > _SHORT and uuid.startswith("0000") and uuid.endswith(_SIG):
        yield f"{uuid}: write {uuid[4:8]}"


def _of_advertisement(name: str, profile: Profile, others: Mapping[str, Profile]) -> Iterator[str]:
    """Show the device that the profile describes to both, in either order."""
    asked = profile.advertisement
    if asked.is_chosen:
        return
    services, data = (
        [normalize_uuid_str(uuid)] if uuid else []
        for uuid in (asked.service_uuid, asked.service_data_uuid)
    )
    local_name = (asked.local_name or "anything").removesuffix("*")
    rest = {other: one for other, one in others.items() if other != name}
    own = {name: profile}
    for either_order in (own | rest, rest | own):
        taken = recognise(either_order, local_name, services, data)
        if taken != name:
            yield f"a device that advertises so is taken for {taken}"
            return
