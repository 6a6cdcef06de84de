"""The scan: it runs without pause, and its callback does nothing but hand over who was seen."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from contract.profiles import Profile
from gateway.ble.bounds import within
from gateway.ble.radio import Radio
from gateway.ble.recognition import Recogniser
from gateway.ble.translation import radio_errors
from gateway.errors import RadioUnavailable

_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """An advertisement of a device that a profile recognises; its data by service."""

    device: BLEDevice
    address: str
    profile_name: str
    profile: Profile
    service_data: Mapping[str, bytes] = field(default_factory=dict)


@asynccontextmanager
async def scan(
    radio: Radio,
    recogniser: Recogniser,
    seen: Callable[[Sighting], None],
    heard: Callable[[], None],
    *,
    everybody: bool = False,
) -> AsyncIterator[None]:
    """Scan while the block runs: ``heard`` for any advertisement, ``seen`` for the recognised.

    Who advertises none of our services is heard only where ``everybody`` is: in a town that is much
    to listen to. Raises ``RadioUnavailable`` when the adapter does not let us.
    """

    def on_advertisement(device: BLEDevice, data: AdvertisementData) -> None:
        heard()
        address = device.address.upper()
        name = recogniser.recognise(
            address, data.local_name, data.service_uuids, data.service_data, time.monotonic()
        )
        if name is not None:
            profile = recogniser.profiles[name]
            seen(Sighting(device, address, name, profile, data.service_data))

    scanner = radio.scanner(on_advertisement, None if everybody else recogniser.services)
    with radio_errors():
        await within(_START_SECONDS, scanner.start())
    try:
        yield
    finally:
        # A radio that is gone never answers the stop. Its failing must not hide why we stop.
        with suppress(RadioUnavailable), radio_errors():
            await within(_STOP_SECONDS, scanner.stop())
