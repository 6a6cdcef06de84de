"""BlueZ's adapter as the gateway handles it by itself: its power, and what it holds on to.

BlueZ lets who may speak to it do all of this; no other privilege is needed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from dbus_fast import Variant

from gateway.errors import RadioUnavailable

_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
# A controller forgets its links only when it was really off; and once it is on, bleak hears of that
# over a connection of its own.
_SETTLE_SECONDS: Final = 1.0
_DISCONNECT_SECONDS: Final = 5.0

# Calls BlueZ: path, interface, member, signature, what goes with it; returns what it answers.
Call = Callable[..., Awaitable[list[Any]]]
_Found = Iterator[tuple[str, dict[str, Variant]]]


class Adapter:
    """The adapters of this box. Every call may raise ``RadioUnavailable``."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def make_ready(self) -> None:
        """Power one on where none is, and end the links that an earlier process left open.

        A link outlives the process that made it: its device advertises no more, and fills a slot.
        """
        objects = await self._objects()
        adapters = list(_having(objects, _ADAPTER))
        if not adapters:
            raise RadioUnavailable("radio: BlueZ has no adapter")
        if not any(properties["Powered"].value for _, properties in adapters):
            await self._power(adapters[0][0], on=True)
        for path, properties in _having(objects, _DEVICE):
            if properties["Connected"].value:
                await self._disconnect(path)

    async def power_cycle(self) -> None:
        """Power every adapter off and on: it loses its links, and what it had got wrong."""
        for path, _ in _having(await self._objects(), _ADAPTER):
            with suppress(RadioUnavailable):  # one that says it is off already
                await self._power(path, on=False)
            await self._power(path, on=True)

    async def forget(self, device: str) -> bool:
        """Make BlueZ forget a device with what it remembers of its services.

        Tells whether it did: a bond would be gone too, so a bonded device is left as it is.
        """
        properties = dict(_having(await self._objects(), _DEVICE)).get(device)
        if properties is None or properties["Paired"].value:
            return False
        adapter = properties["Adapter"].value
        await self._call(adapter, _ADAPTER, "RemoveDevice", "o", device)
        return True

    async def _objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        manager = "org.freedesktop.DBus.ObjectManager"
        found: dict[str, dict[str, dict[str, Variant]]]
        (found,) = await self._call("/", manager, "GetManagedObjects")
        return found

    async def _power(self, path: str, *, on: bool) -> None:
        body = _ADAPTER, "Powered", Variant("b", on)
        await self._call(path, _PROPERTIES, "Set", "ssv", *body)
        await asyncio.sleep(_SETTLE_SECONDS)

    async def _disconnect(self, path: str) -> None:
        with suppress(RadioUnavailable, TimeoutError):
            async with asyncio.timeout(_DISCONNECT_SECONDS):
                await self._call(path, _DEVICE, "Disconnect")


def _having(objects: dict[str, dict[str, dict[str, Variant]]], interface: str) -> _Found:
    return ((path, found[interface]) for path, found in objects.items() if interface in found)
