"""Virtual health devices: they advertise while they have something to say, say it, and stop.

A device keeps a measurement until the link on which it was confirmed has ended in order; a link
that is lost before makes it say everything again, as devices with an "unsent" list do.
"""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import HCI_CONNECTION_TIMEOUT_ERROR, Address
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from simulators import encoders
from simulators.radio import VirtualController, VirtualRadio

NAME_PREFIX: Final = "Vicino "
_ADVERTISING_INTERVAL_MS: Final = 100.0
_BROADCAST_SECONDS: Final = 0.4  # a few advertisements of each frame
_LINGER_SECONDS: Final = 0.3  # real cuffs stay a moment after the last confirmation
_BATTERY_SERVICE, _BATTERY_LEVEL = UUID(0x180F), UUID(0x2A19)


class Peripheral:
    """One virtual device on a ``VirtualRadio``. Subclasses say which service it has."""

    service: int
    characteristic: int
    indicates: bool = True
    kind: str

    def __init__(self, radio: VirtualRadio, address: str, battery: int = 90) -> None:
        """``address`` is a static random one: its first byte is C0 to FF."""
        self.address = address.upper()
        self._radio = radio
        self._battery = battery
        self._unsent: list[bytes] = []
        self._said = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._advertising = asyncio.Lock()

    async def start(self) -> None:
        """Power on; it stays silent until it has something to say."""
        self._controller = VirtualController(self.address, link=self._radio.link)
        config = DeviceConfiguration(
            name=NAME_PREFIX + self.kind, address=Address(self.address), gatt_service_enabled=True
        )
        self._device = Device(
            config=config, host=Host(self._controller, AsyncPipeSink(self._controller))
        )
        self._measurement = self._make_measurement()
        self._device.add_services(self._services())
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        await self._device.power_on()

    async def stop(self) -> None:
        """Power off, wherever it is."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._device.stop_advertising()
        self._device.host.controller = None

    def lose_link(self) -> None:
        """Go out of reach: a link that it has is lost at both ends."""
        self._controller.lose_links()

    @property
    def is_linked(self) -> bool:
        """Tell whether a central is connected to it."""
        return bool(self._controller.le_connections)

    async def say(self, value: bytes) -> None:
        """Have ``value`` to say from now on: advertise until it was taken."""
        self._unsent.append(value)
        self._empty.clear()
        await self._advertise()

    async def all_taken(self) -> None:
        """Wait until everything was taken on links that ended in order."""
        await self._empty.wait()

    @property
    def unsent(self) -> int:
        """How many values nobody took yet."""
        return len(self._unsent)

    def _services(self) -> list[Service]:
        battery = Characteristic(
            _BATTERY_LEVEL,
            Characteristic.Properties.READ,
            Characteristic.READABLE,
            bytes([self._battery]),
        )
        return [
            Service(UUID(self.service), [self._measurement, *self._more_characteristics()]),
            Service(_BATTERY_SERVICE, [battery]),
        ]

    def _more_characteristics(self) -> list[Any]:
        return []

    def _make_measurement(self) -> Any:  # noqa: ANN401 - Bumble is not typed for us
        properties = Characteristic.Properties
        how = properties.INDICATE if self.indicates else properties.NOTIFY
        measurement = Characteristic(UUID(self.characteristic), how, Characteristic.READABLE, b"")
        measurement.on(Characteristic.EVENT_SUBSCRIPTION, self._on_subscription)
        return measurement

    async def _advertise(self) -> None:
        # One at a time: Bumble removes what it advertised before, and fails when it is gone.
        async with self._advertising:
            if not self._device.is_advertising and not self._device.connections:
                await self._device.start_advertising(
                    advertising_data=bytes(self._advertisement()),
                    advertising_interval_min=_ADVERTISING_INTERVAL_MS,
                    advertising_interval_max=_ADVERTISING_INTERVAL_MS,
                )

    def _advertisement(self) -> AdvertisingData:
        service = AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
        return AdvertisingData(
            [
                (AdvertisingData.FLAGS, bytes([0x06])),
                (service, bytes(UUID(self.service))),
                (AdvertisingData.COMPLETE_LOCAL_NAME, (NAME_PREFIX + self.kind).encode()),
            ]
        )

    def _on_connection(self, connection: Any) -> None:  # noqa: ANN401
        self._said = 0
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, reason: int) -> None:
        if reason != HCI_CONNECTION_TIMEOUT_ERROR:
            del self._unsent[: self._said]
        self._said = 0
        if self._unsent:
            self._begin(self._advertise())
        else:
            self._empty.set()

    def _on_subscription(self, connection: Any, notify: bool, indicate: bool) -> None:  # noqa: ANN401
        if notify or indicate:
            self._begin(self._speak(connection))

    async def _speak(self, connection: Any) -> None:  # noqa: ANN401
        """Say all there is, wait a moment, disconnect."""
        try:
            while self._said < len(self._unsent):
                await self._deliver(connection, self._unsent[self._said])
                self._said += 1
            await asyncio.sleep(_LINGER_SECONDS)
            await connection.disconnect()
        except (BaseBumbleError, TimeoutError):
            return  # the link is gone: what was not confirmed is said on the next one

    async def _deliver(self, connection: Any, value: bytes) -> None:  # noqa: ANN401
        if self.indicates:
            await self._device.indicate_subscriber(connection, self._measurement, value)
        else:
            await self._device.notify_subscriber(connection, self._measurement, value)

    def _begin(self, coroutine: Any) -> None:  # noqa: ANN401
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Cuff(Peripheral):
    """A blood pressure monitor."""

    service, characteristic, kind = 0x1810, 0x2A35, "cuff"

    async def take(
        self, systolic: Decimal, diastolic: Decimal, pulse: Decimal | None, at: datetime
    ) -> None:
        """Measure: mmHg, mmHg, 1/min, at its own local time."""
        await self.say(encoders.blood_pressure(systolic, diastolic, pulse=pulse, at=at))


class Thermometer(Peripheral):
    """A thermometer, in the ear."""

    service, characteristic, kind = 0x1809, 0x2A1C, "thermometer"

    async def take(self, celsius: Decimal, at: datetime) -> None:
        """Measure: °C, at its own local time."""
        await self.say(encoders.temperature(celsius, at=at, kind=3))


class Oximeter(Peripheral):
    """A finger oximeter for spot checks."""

    service, characteristic, kind = 0x1822, 0x2A5E, "oximeter"

    async def take(self, spo2: Decimal, pulse: Decimal, at: datetime) -> None:
        """Measure: %, 1/min, at its own local time."""
        await self.say(encoders.oximetry_spot(spo2, pulse, at=at))


class ContinuousOximeter(Peripheral):
    """An oximeter that streams; it has no clock."""

    service, characteristic, indicates, kind = 0x1822, 0x2A5F, False, "oximeter stream"

    async def take(self, spo2: Decimal, pulse: Decimal, at: datetime | None = None) -> None:
        """Measure: %, 1/min; the time is not sent."""
        await self.say(encoders.oximetry_continuous(spo2, pulse))


class Scale(Peripheral):
    """A weight scale."""

    service, characteristic, kind = 0x181D, 0x2A9D, "scale"

    async def take(self, kilograms: Decimal, at: datetime, user: int | None = None) -> None:
        """Weigh: kg, at its own local time, for the scale's own user index."""
        await self.say(encoders.weight(kilograms, at=at, user=user))


class BodyScale(Scale):
    """A scale that says the body's fat after the weight, without time and user of its own."""

    kind = "body scale"

    async def analyse(self, kilograms: Decimal, fat: Decimal, at: datetime, user: int) -> None:
        """Weigh: kg, %, at its own local time, for the scale's own user index."""
        self._fat = encoders.body_composition(fat, kilograms)
        await self.take(kilograms, at, user)

    def _more_characteristics(self) -> list[Any]:
        properties = Characteristic.Properties
        self._composition = Characteristic(
            UUID(0x2A9C), properties.INDICATE, Characteristic.READABLE, b""
        )
        return [self._composition]

    async def _deliver(self, connection: Any, value: bytes) -> None:  # noqa: ANN401
        await super()._deliver(connection, value)
        await self._device.indicate_subscriber(connection, self._composition, self._fat)


class ContecOximeter(Peripheral):
    """A finger oximeter with a protocol of its own: it streams once it was asked (0x9B)."""

    service, characteristic, indicates, kind = 0xFF12, 0xFF02, False, "SpO208"
    _START = bytes([0x9B, 0x01, 0x1C])
    _WAVE = bytes([0xEB, 0x00, 0x03, 0x48, 0x09, 0x3F])

    async def take(self, spo2: int, pulse: int) -> None:
        """Measure: %, 1/min; a pulse wave goes before."""
        self._unsent.append(self._WAVE)
        await self.say(encoders.contec(spo2, pulse))

    def _more_characteristics(self) -> list[Any]:
        write = Characteristic.Properties.WRITE_WITHOUT_RESPONSE
        asked = CharacteristicValue(write=self._on_asked)
        return [Characteristic(UUID(0xFF01), write, Characteristic.WRITEABLE, asked)]

    def _on_subscription(self, connection: Any, notify: bool, indicate: bool) -> None:  # noqa: ANN401
        """A subscription alone gives nothing."""

    def _on_asked(self, connection: Any, value: bytes) -> None:  # noqa: ANN401
        if bytes(value) == self._START:
            super()._on_subscription(connection, notify=True, indicate=False)

    def _advertisement(self) -> AdvertisingData:
        advertisement = super()._advertisement()
        name = (AdvertisingData.COMPLETE_LOCAL_NAME, self.kind.encode())
        return AdvertisingData([*advertisement.ad_structures[:2], name])


class BroadcastingScale(Peripheral):
    """A scale as Xiaomi's first: it says each weighing to everybody, again and again."""

    service, characteristic, kind = 0x181D, 0x2A9D, "broadcast"

    def __init__(self, radio: VirtualRadio, address: str, battery: int = 90) -> None:
        super().__init__(radio, address, battery)
        self._data = b""

    async def take(self, kilograms: Decimal, at: datetime) -> None:
        """Weigh: a frame while standing on it, the stable one, and that after stepping off."""
        for stable, removed in ((False, False), (True, False), (True, True)):
            self._data = encoders.xiaomi_1(kilograms, at=at, stable=stable, removed=removed)
            await self._device.stop_advertising()
            await self._advertise()
            await asyncio.sleep(_BROADCAST_SECONDS)

    def _advertisement(self) -> AdvertisingData:
        service = AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
        uuid = bytes(UUID(self.service))
        return AdvertisingData(
            [
                (AdvertisingData.FLAGS, bytes([0x06])),
                (service, uuid),
                (AdvertisingData.SERVICE_DATA_16_BIT_UUID, uuid + self._data),
            ]
        )


class HeartRateStrap(Peripheral):
    """A chest strap that streams; it has no clock."""

    service, characteristic, indicates, kind = 0x180D, 0x2A37, False, "strap"

    async def take(self, per_minute: int, at: datetime | None = None) -> None:
        """Measure: 1/min; the time is not sent."""
        await self.say(encoders.heart_rate(per_minute))


class GlucoseMeter(Peripheral):
    """A glucose meter: it keeps its records and gives them out when asked (0x2A52)."""

    service, characteristic, indicates, kind = 0x1808, 0x2A18, False, "glucose meter"
    _REPORT, _ALL, _FROM, _BY_SEQUENCE = 0x01, 0x01, 0x03, 0x01
    _RECORDS_MAX = 500

    def __init__(self, radio: VirtualRadio, address: str, battery: int = 90) -> None:
        super().__init__(radio, address, battery)
        self.records: list[tuple[int, bytes]] = []
        self.contexts: dict[bytes, bytes] = {}
        self._next = 1

    async def take(self, mg_dl: Decimal, at: datetime, meal: int | None = None) -> None:
        """Measure: mg/dL, at its own local time; ``meal`` goes into the record's context."""
        value = encoders.glucose(self._next, mg_dl, at=at, context=meal is not None)
        if meal is not None:
            self.contexts[value] = encoders.glucose_context(self._next, meal)
        self.records = [*self.records, (self._next, value)][-self._RECORDS_MAX :]
        self._next = self._next % 0xFFFF + 1
        await self.say(value)

    def _more_characteristics(self) -> list[Any]:
        properties = Characteristic.Properties
        self._control = Characteristic(
            UUID(0x2A52),
            properties.WRITE | properties.INDICATE,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=self._on_request),
        )
        self._context = Characteristic(
            UUID(0x2A34), properties.NOTIFY, Characteristic.READABLE, b""
        )
        return [self._control, self._context]

    def _on_subscription(self, connection: Any, notify: bool, indicate: bool) -> None:  # noqa: ANN401
        """A subscription alone gives nothing: the control point does."""

    def _on_request(self, connection: Any, value: bytes) -> None:  # noqa: ANN401
        self._begin(self._answer(connection, bytes(value)))

    async def _answer(self, connection: Any, request: bytes) -> None:  # noqa: ANN401
        chosen = self._choose(request)
        waiting = len(self._unsent)
        try:
            for value in chosen or ():
                await self._deliver(connection, value)
                if value in self.contexts:
                    context = self.contexts[value]
                    await self._device.notify_subscriber(connection, self._context, context)
            result = 0x01 if chosen else 0x06 if chosen is not None else 0x02
            answer = bytes([0x06, 0x00, request[0], result])
            await self._device.indicate_subscriber(connection, self._control, answer)
            self._said = waiting
        except (BaseBumbleError, TimeoutError):
            return  # the link is gone: it is asked again on the next one

    def _choose(self, request: bytes) -> list[bytes] | None:
        """Choose the records asked for; None when the request is not one this meter knows."""
        if request == bytes([self._REPORT, self._ALL]):
            return [value for _, value in self.records]
        if request[:3] == bytes([self._REPORT, self._FROM, self._BY_SEQUENCE]):
            least = int.from_bytes(request[3:5], "little")
            return [value for sequence, value in self.records if sequence >= least]
        return None


def address(number: int) -> str:
    """Return the static random address of virtual device ``number`` (0 to 2**32 - 1)."""
    return ":".join(f"{byte:02X}" for byte in (0xC0, 0x00, *number.to_bytes(4, "big")))
