"""bleak's scanner backend over a Bumble host."""

from typing import Any

from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Device

_SERVICE_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)
_SERVICE_DATA = (
    AdvertisingData.SERVICE_DATA_16_BIT_UUID,
    AdvertisingData.SERVICE_DATA_128_BIT_UUID,
)


class HciScanner(BaseBleakScanner):
    """Scans with the Bumble host that is passed as ``device``."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        *,
        device: Any,  # noqa: ANN401 - Bumble is not typed for us
        **_platform: object,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"
        self._device = device

    async def start(self) -> None:
        """Start the scan; ``seen_devices`` begins empty."""
        self.seen_devices.clear()
        self._device.on(Device.EVENT_ADVERTISEMENT, self._seen)
        try:
            await self._device.start_scanning(active=self._active)
        except BaseBumbleError as error:
            raise BleakError(f"scan: {error}") from error

    async def stop(self) -> None:
        """Stop the scan."""
        self._device.remove_listener(Device.EVENT_ADVERTISEMENT, self._seen)
        try:
            await self._device.stop_scanning()
        except BaseBumbleError as error:
            raise BleakError(f"scan: {error}") from error

    def _seen(self, advertisement: Any) -> None:  # noqa: ANN401 - Bumble is not typed for us
        data = _advertisement_data(advertisement)
        if not self.is_allowed_uuid(data.service_uuids):
            return
        address = advertisement.address.to_string(False)
        device = self.create_or_update_device(
            address, address, data.local_name, advertisement.address, data
        )
        self.call_detection_callbacks(device, data)


def _advertisement_data(advertisement: Any) -> AdvertisementData:  # noqa: ANN401
    data = advertisement.data
    raw_name = data.get(AdvertisingData.COMPLETE_LOCAL_NAME, raw=True) or data.get(
        AdvertisingData.SHORTENED_LOCAL_NAME, raw=True
    )
    return AdvertisementData(
        local_name=raw_name.decode("utf-8", "replace") if raw_name else None,
        manufacturer_data={},
        service_data=_service_data(data),
        service_uuids=_service_uuids(data),
        tx_power=None,
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )


def _service_uuids(data: Any) -> list[str]:  # noqa: ANN401 - Bumble is not typed for us
    """List each service once: advertisement and scan response often repeat them."""
    found: dict[str, None] = {}
    for kind in _SERVICE_LISTS:
        for uuids in data.get_all(kind):
            found.update(dict.fromkeys(as_text(uuid) for uuid in uuids))
    return list(found)


def _service_data(data: Any) -> dict[str, bytes]:  # noqa: ANN401 - Bumble is not typed for us
    found = (one for kind in _SERVICE_DATA for one in data.get_all(kind))
    return {as_text(uuid): bytes(value) for uuid, value in found}


def as_text(uuid: UUID) -> str:
    """Write a Bumble UUID as bleak does: 128 bits, lower case, with dashes."""
    return normalize_uuid_str(uuid.to_hex_str("-"))
