"""Recording what a device says: ``vicino-gateway sniff ADDRESS``, for who adds one.

Nothing is stored as a measurement. A device that forgets what it has sent will not say it again.
"""

import asyncio
from collections.abc import Sequence

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from contract.profiles import Write
from gateway.ble import Link, Radio, as_profiles_write
from gateway.ble.translation import device_errors, radio_errors
from gateway.codecs import record_access
from gateway.errors import DeviceUnavailable
from gateway.recording import Characteristic, Delivery, Recording

_CONTROL = "2a52"
_SPEAKS = frozenset({"notify", "indicate"})
Seen = tuple[BLEDevice, AdvertisementData]


async def sniff(
    radio: Radio, address: str, *, start: Sequence[Write], bond: bool, seconds: float
) -> Recording:
    """Wait for the device, whatever it is, and record for so long, or until it disconnects.

    Everything that notifies or indicates is subscribed to; then ``start`` is written, and all
    records are asked for where there is a control point for them. Raises ``DeviceUnavailable``
    when it is not seen or cannot be had, ``RadioUnavailable`` without a radio.
    """
    await radio.open()
    try:
        device, data = await _found(radio, address, seconds)
        link = Link(radio, device, address)
        with device_errors(address):
            try:
                await link.open(bond=bond)
                return await _recorded(link, data, start, seconds)
            finally:
                await link.close()
    finally:
        await radio.close()


async def _found(radio: Radio, address: str, seconds: float) -> Seen:
    found: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()

    def seen(device: BLEDevice, data: AdvertisementData) -> None:
        if device.address.upper() == address and not found.done():
            found.set_result((device, data))

    scanner = radio.scanner(seen, None)
    with radio_errors():
        await scanner.start()
        try:
            async with asyncio.timeout(seconds):
                return await found
        except TimeoutError as error:
            raise DeviceUnavailable(f"device {address}: was not seen") from error
        finally:
            await scanner.stop()


async def _recorded(
    link: Link, data: AdvertisementData, start: Sequence[Write], seconds: float
) -> Recording:
    characteristics = link.characteristics()
    for uuid, properties in characteristics.items():
        if _SPEAKS & set(properties):
            await link.listen(uuid)
    for write in start:
        await link.write(write.characteristic_uuid, bytes.fromhex(write.value))
    if _CONTROL in characteristics:
        await link.write(_CONTROL, record_access.REPORT_ALL)
    return Recording(
        local_name=data.local_name,
        service_uuids=[as_profiles_write(uuid) for uuid in data.service_uuids],
        service_data={as_profiles_write(u): raw.hex() for u, raw in data.service_data.items()},
        characteristic=[
            Characteristic(uuid=uuid, properties=list(properties))
            for uuid, properties in characteristics.items()
        ],
        delivery=await _heard(link, seconds),
    )


async def _heard(link: Link, seconds: float) -> list[Delivery]:
    loop, heard = asyncio.get_running_loop(), list[Delivery]()
    began = loop.time()
    while (left := began + seconds - loop.time()) > 0:
        try:
            async with asyncio.timeout(left):
                arrived = await link.next()
        except TimeoutError:
            break
        if arrived is None:
            break
        after_ms = round((loop.time() - began) * 1000)
        uuid, raw = arrived
        heard.append(Delivery(after_ms=after_ms, characteristic=uuid, hex=raw.hex()))
    return heard
