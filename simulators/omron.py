"""A virtual cuff of Omron's older kind: a memory behind a key, read by addresses."""

from datetime import datetime
from functools import reduce
from operator import xor
from typing import Any, Final

from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import HCI_CONNECTION_TIMEOUT_ERROR

from simulators import encoders
from simulators.peripherals import Peripheral
from simulators.radio import VirtualRadio

_PARENT: Final = "ecbe3980-c9a2-11e1-b1bd-0002a5d5c51b"
_UNLOCK: Final = "b305b680-aee7-11e1-a730-0002a5d5c51b"
_OUT: Final = (
    "49123040-aee8-11e1-a74d-0002a5d5c51b",
    "4d0bf320-aee8-11e1-a0d9-0002a5d5c51b",
    "5128ce60-aee8-11e1-b84b-0002a5d5c51b",
    "560f1420-aee8-11e1-8184-0002a5d5c51b",
)
_IN: Final = (
    "db5b55e0-aee7-11e1-965e-0002a5d5c51b",
    "e0b8a060-aee7-11e1-92f4-0002a5d5c51b",
    "0ae12b00-aee8-11e1-a192-0002a5d5c51b",
    "10e1ba60-aee8-11e1-89e5-0002a5d5c51b",
)
_STARTS: Final = (0x98, 0x6D8)
_SLOTS, _SLOT_BYTES = 100, 16


class OmronCuff(Peripheral):
    """A HEM-7361T: two users, a hundred slots each, never emptied."""

    service, characteristic, kind = 0x1810, 0x2A35, "BLEsmart_0000"

    def __init__(self, radio: VirtualRadio, address: str, battery: int = 90) -> None:
        super().__init__(radio, address, battery)
        self.memory = bytearray(b"\xff" * 0x1000)
        self.key: bytes | None = None
        self.is_pairing = False
        self._taken = [0, 0]

    async def take(
        self, systolic: int, diastolic: int, pulse: int, at: datetime, user: int = 1
    ) -> None:
        """Measure: mmHg, mmHg, 1/min, at its own local time, for user 1 or 2; then advertise."""
        slot = self._taken[user - 1] % _SLOTS
        self._taken[user - 1] += 1
        place = _STARTS[user - 1] + slot * _SLOT_BYTES
        raw = encoders.omron_16(systolic, diastolic, pulse, at=at)
        self.memory[place : place + _SLOT_BYTES] = raw
        await self.say(raw)

    def _services(self) -> list[Service]:
        properties = Characteristic.Properties
        self._out = [
            Characteristic(UUID(uuid), properties.NOTIFY, Characteristic.READABLE, b"")
            for uuid in _OUT
        ]
        ways_in = [
            Characteristic(
                UUID(uuid),
                properties.WRITE,
                Characteristic.WRITEABLE,
                CharacteristicValue(write=self._on_frame),
            )
            for uuid in _IN
        ]
        self._unlock = Characteristic(
            UUID(_UNLOCK),
            properties.WRITE | properties.NOTIFY,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=self._on_key),
        )
        return [Service(UUID(_PARENT), [*self._out, *ways_in, self._unlock])]

    def _on_key(self, connection: Any, value: bytes) -> None:  # noqa: ANN401
        mode, key = value[0], bytes(value[1:])
        if mode == 0:
            self.key = key
        right = key == self.key if mode == 1 else self.is_pairing if mode == 2 else True
        answer = bytes((0x80 | mode, 0x00 if right else 0x0F))
        self._begin(self._device.notify_subscriber(connection, self._unlock, answer))

    def _on_frame(self, connection: Any, value: bytes) -> None:  # noqa: ANN401
        self._begin(self._answer(connection, bytes(value)))

    async def _answer(self, connection: Any, request: bytes) -> None:  # noqa: ANN401
        kind, address = request[1:3], int.from_bytes(request[3:5], "big")
        size = request[5] if kind == b"\x01\x00" else 0
        body = bytes((0x80 | kind[0], kind[1])) + request[3:5] + bytes((size,))
        body += bytes(self.memory[address : address + size]) + b"\x00"
        frame = bytes((len(body) + 2,)) + body
        frame += bytes((reduce(xor, frame),))
        try:
            # The channels speak in any order.
            for channel in reversed(range((len(frame) + 15) // 16)):
                part = frame[channel * 16 : channel * 16 + 16].ljust(16, b"\x00")
                await self._device.notify_subscriber(connection, self._out[channel], part)
        except (TimeoutError, BaseBumbleError):
            return
        if kind == b"\x0f\x00":
            self._said = len(self._unsent)

    def _on_disconnection(self, reason: int) -> None:
        super()._on_disconnection(reason if self._said else HCI_CONNECTION_TIMEOUT_ERROR)

    def _advertisement(self) -> AdvertisingData:
        first = super()._advertisement().ad_structures[:2]
        return AdvertisingData([*first, (AdvertisingData.COMPLETE_LOCAL_NAME, self.kind.encode())])
