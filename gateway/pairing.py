"""Pairing a device with this box by hand: ``vicino-gateway pair ADDRESS``."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from contract.messages import Origin
from contract.profiles import profiles
from gateway.ble import Arrival, Kept, Radio, Recogniser, Session, Sighting, scan
from gateway.errors import DeviceUnavailable

_DIGITS: Final = 6
_FOUND_SECONDS_MAX: Final = 120.0  # while somebody presses its button


class Digits:
    """The six digits that some devices want before they bond: their profile's, or asked for."""

    def __init__(self, ask: Callable[[], str]) -> None:
        """``ask`` waits for what somebody types."""
        self._ask = ask
        self.of_profile: str | None = None

    async def give(self) -> int | None:
        """Return them; None when what was typed is no number of six digits."""
        typed = self.of_profile
        if typed is None:
            typed = await asyncio.to_thread(self._ask)
        return int(typed) if len(typed) == _DIGITS and typed.isdecimal() else None


async def pair(
    radio: Radio,
    models: Mapping[str, str],
    address: str,
    key: bytes,
    digits: Digits,
    zone: ZoneInfo | None = None,
) -> str:
    """Wait for the device, bond with it, give it the key, set its clock; return its profile's name.

    ``radio`` was opened with ``digits.give`` to answer a device that wants them. ``zone`` is the
    home's: without it no clock is set.
    Raises ``DeviceUnavailable`` when it is not seen or refuses, ``RadioUnavailable`` without a
    radio.
    """
    await radio.open()
    try:
        sighting = await find(radio, models, address)
        await Session(radio, sighting, _keep_nothing).forget_bond()
        sighting = await find(radio, models, address)  # BlueZ has forgotten the device too
        digits.of_profile = sighting.profile.passkey
        local_time = partial(_local_time, zone)
        session = Session(radio, sighting, _keep_nothing, local_time=local_time, key=key)
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
    recogniser = Recogniser(profiles(), models)
    async with scan(radio, recogniser, partial(_note, found, address), _heard):
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


def _local_time(zone: ZoneInfo | None) -> datetime | None:
    """Return the time in the home: who pairs a device by hand sees whether it is right."""
    return None if zone is None else datetime.now(zone).replace(tzinfo=None)
