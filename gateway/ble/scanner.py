"""The scan: it runs without pause, and its callback does nothing but hand over who was seen."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from contract.profiles import Profile
from gateway.ble.radio import Radio
from gateway.ble.recognition import recognise, service_filter
from gateway.ble.translation import radio_errors


@dataclass(frozen=True, slots=True)
class Sighting:
    """An advertisement of a device that a profile recognises."""

    device: BLEDevice
    address: str
    profile_name: str
    profile: Profile


@asynccontextmanager
async def scan(
    radio: Radio,
    profiles: Mapping[str, Profile],
    seen: Callable[[Sighting], None],
    heard: Callable[[], None],
) -> AsyncIterator[None]:
    """Scan while the block runs: ``heard`` for any advertisement, ``seen`` for the recognised.

    Raises ``RadioUnavailable`` when the adapter does not let us.
    """

    def on_advertisement(device: BLEDevice, data: AdvertisementData) -> None:
        heard()
        name = recognise(profiles, data.local_name, data.service_uuids)
        if name is not None:
            seen(Sighting(device, device.address.upper(), name, profiles[name]))

    scanner = radio.scanner(on_advertisement, service_filter(profiles))
    with radio_errors():
        await scanner.start()
    try:
        yield
    finally:
        with radio_errors():
            await scanner.stop()
