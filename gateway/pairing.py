"""Pairing a device with this box by hand: ``vicino-gateway pair ADDRESS``."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from contract.messages import Origin
from contract.profiles import profiles
from gateway.ble import Arrival, Kept, Radio, Session, Sighting, scan
from gateway.errors import DeviceUnavailable

_FOUND_SECONDS_MAX: Final = 120.0  # while somebody presses its button


async def pair(radio: Radio, models: Mapping[str, str], address: str, key: bytes) -> str:
    """Wait for the device, bond with it, give it the key, set its clock; return its profile's name.

    Raises ``DeviceUnavailable`` when it is not seen or refuses, ``RadioUnavailable`` without a
    radio.
    """
    await radio.open()
    try:
        sighting = await find(radio, models, address)
        session = Session(radio, sighting, _keep_nothing, local_time=_local_time, key=key)
        await session.pair()
    finally:
        await radio.close()
    return sighting.profile_name


async def find(
    radio: Radio,
    models: Mapping[str, str],
    address: str,
    seconds_max: float = _FOUND_SECONDS_MAX,
) -> Sighting:
    """Scan until the device is seen. Raises ``DeviceUnavailable`` when it is not."""
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
    async with scan(radio, profiles(), partial(_note, found, address), _heard, models):
        try:
            async with asyncio.timeout(seconds_max):
                return await found
        except TimeoutError as error:
            raise DeviceUnavailable(f"device {address}: was not seen") from error


def _note(found: asyncio.Future[Sighting], address: str, sighting: Sighting) -> None:
    if sighting.address == address and not found.done():
        found.set_result(sighting)


def _heard() -> None:
    """Any advertisement: nothing to do."""


async def _keep_nothing(_arrival: Arrival, _origin: Origin) -> Kept:
    raise DeviceUnavailable("pairing takes no measurement")


def _local_time() -> datetime:
    """Return the box's local time: who pairs a device by hand sees whether it is right."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None)
