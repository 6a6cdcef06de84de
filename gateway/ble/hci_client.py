"""bleak's client backend over a Bumble host, with the manners of BlueZ.

As with BlueZ, the generic attribute services are hidden, a bonded peer is encrypted on
connecting, and a read or write that the peer answers with "insufficient authentication" or
"insufficient encryption" pairs and is tried once more.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError
from bumble.device import Connection, Peer
from bumble.hci import Address, HCI_Error

from gateway.ble.hci_scanner import as_text

_T = TypeVar("_T")
_MTU_BYTES: Final = 517
_DEFAULT_MTU_BYTES: Final = 23
_WRITE_HEADER_BYTES: Final = 3
_DISCONNECT_SECONDS: Final = 3.0  # a controller that lost the link unheard never answers
# Bluetooth Core 5.4, Vol 3, Part F, 3.4.1.1: insufficient authentication, insufficient encryption.
_NEEDS_PAIRING: Final = (0x05, 0x0F)
# BlueZ keeps the Generic Access Service to itself.
_HIDDEN: Final = ("00001800-0000-1000-8000-00805f9b34fb",)


class HciClient(BaseBleakClient):
    """One connection of the Bumble host that is passed as ``device``."""

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        device: Any,  # noqa: ANN401 - Bumble is not typed for us
        **_platform: object,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._device = device
        self._target = (
            address_or_ble_device.details
            if isinstance(address_or_ble_device, BLEDevice)
            else Address(address_or_ble_device)
        )
        self._connection: Any = None
        self._peer: Any = None

    @property
    def name(self) -> str:
        """The address: the name is the scanner's business."""
        return self.address

    @property
    def mtu_size(self) -> int:
        """The MTU in bytes."""
        return int(self._connection.att_mtu) if self._connection else _DEFAULT_MTU_BYTES

    @property
    def is_connected(self) -> bool:
        """Tell whether the link is up."""
        return self._connection is not None

    async def connect(self, pair: bool, **_kwargs: object) -> None:
        """Connect, encrypt if there is a bond, and discover everything."""
        async with self._foreign_errors():
            connection = await self._device.connect(self._target, timeout=self._timeout)
            connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
            self._connection = connection
        try:
            async with asyncio.timeout(self._timeout), self._foreign_errors():
                if await self._is_bonded():
                    await self._encrypt()
                elif pair:
                    await self._connection.pair()
                self._peer = Peer(self._connection)
                await self._peer.request_mtu(_MTU_BYTES)
                await self._peer.discover_all()
            self.services = self._collect()
        except BaseException:
            with suppress(BleakError, TimeoutError):
                await self.disconnect()
            raise

    async def _encrypt(self) -> None:
        """Encrypt with the bond's key; a peer that has lost its half refuses, as BlueZ says it."""
        try:
            await self._connection.encrypt()
        except HCI_Error as error:
            raise BleakError("AuthenticationFailed") from error

    async def disconnect(self) -> None:
        """End the link if there is one."""
        if self._connection is None:
            return
        connection = self._connection
        try:
            async with asyncio.timeout(_DISCONNECT_SECONDS), self._foreign_errors():
                await connection.disconnect()
        finally:
            self._connection = None

    async def pair(self, *_args: object, **_kwargs: object) -> None:
        """Pair and bond with the peer, if there is no bond yet."""
        if await self._is_bonded():
            return
        await self._pair()

    async def _pair(self) -> None:
        async with self._foreign_errors():
            await self._connected().pair()

    async def unpair(self) -> None:
        """Forget the bond."""
        name = str(self._target)
        if await self._device.keystore.get(name) is not None:
            await self._device.keystore.delete(name)

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,
        **_kwargs: object,
    ) -> bytearray:
        """Read a characteristic, pairing first if the peer insists."""
        return bytearray(await self._insistently(characteristic.obj.read_value))

    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,
        *,
        use_cached: bool = False,
        **_kwargs: object,
    ) -> bytearray:
        """Read a descriptor, pairing first if the peer insists."""
        return bytearray(await self._insistently(descriptor.obj.read_value))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write a characteristic, pairing first if the peer insists."""
        value = bytes(data)
        await self._insistently(
            lambda: characteristic.obj.write_value(value, with_response=response)
        )

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor, pairing first if the peer insists."""
        value = bytes(data)
        await self._insistently(lambda: descriptor.obj.write_value(value, with_response=True))

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_kwargs: object,
    ) -> None:
        """Subscribe, pairing first if the peer insists."""

        def deliver(value: bytes) -> None:
            callback(bytearray(value))

        await self._insistently(lambda: characteristic.obj.subscribe(deliver))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe."""
        await self._insistently(characteristic.obj.unsubscribe)

    def _connected(self) -> Any:  # noqa: ANN401 - Bumble is not typed for us
        if self._connection is None:
            raise BleakError("not connected")
        return self._connection

    async def _is_bonded(self) -> bool:
        keys = await self._device.keystore.get(str(self._connection.peer_address))
        return keys is not None

    async def _insistently(self, operation: Callable[[], Awaitable[_T]]) -> _T:
        """Do it; if the peer wants a pairing first, pair and do it once more."""
        try:
            async with self._foreign_errors():
                self._connected()
                return await operation()
        except BleakGATTProtocolError as error:
            if error.args[0] not in _NEEDS_PAIRING:
                raise
        await self._pair()
        async with self._foreign_errors():
            return await operation()

    @asynccontextmanager
    async def _foreign_errors(self) -> AsyncIterator[None]:
        """Turn Bumble's errors into bleak's.

        Bumble cancels what waits when the link or the transport ends; a cancellation that nobody
        asked our task for is therefore a disconnection.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - only ever run in a task
        asked = task.cancelling()
        try:
            yield
        except ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except BaseBumbleError as error:
            raise BleakError(str(error) or type(error).__name__) from error
        except asyncio.CancelledError as error:
            if task.cancelling() > asked:
                raise
            raise BleakError("disconnected") from error

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        if self._disconnected_callback:
            self._disconnected_callback()

    def _collect(self) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for service in self._peer.services:
            if (uuid := as_text(service.uuid)) in _HIDDEN:
                continue
            collected = BleakGATTService(service, service.handle, uuid)
            collection.add_service(collected)
            for characteristic in service.characteristics:
                self._collect_characteristic(collection, collected, characteristic)
        return collection

    def _collect_characteristic(
        self,
        collection: BleakGATTServiceCollection,
        service: BleakGATTService,
        found: Any,  # noqa: ANN401 - Bumble is not typed for us
    ) -> None:
        characteristic = BleakGATTCharacteristic(
            found,
            found.handle,
            as_text(found.uuid),
            list(gatt_char_props_to_strs(int(found.properties))),
            lambda: self.mtu_size - _WRITE_HEADER_BYTES,
            service,
        )
        collection.add_characteristic(characteristic)
        for descriptor in found.descriptors:
            collection.add_descriptor(
                BleakGATTDescriptor(
                    descriptor, descriptor.handle, as_text(descriptor.type), characteristic
                )
            )
