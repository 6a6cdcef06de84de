"""What devices say to everybody: each weighing is one measurement, heard while others are read."""

import asyncio
from datetime import datetime
from decimal import Decimal

import pytest
from bumble.core import AdvertisingData

from contract.profiles import profiles
from gateway.ble import Sighting
from gateway.ble.broadcast import TAKEN_A_MINUTE_MAX, Broadcasts
from simulators.peripherals import BroadcastingScale, address
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import collecting, stored, switched_on
from tests.gateway.test_observe import measured

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone
SERVICE = "0000181d-0000-1000-8000-00805f9b34fb"
# custom-components/ble_monitor, test_miscale_parser.py: real advertisements of V1 scales.
MEASURING, STABLE = "024844E507051C110C09", "229E43E507040B101301"
REMOVED, EARLIER = "A29E43E507040B101301", "A29844E507051B162135"
SCALE = ("xiaomi_mi_scale_1", "181d")


@pytest.fixture
def hear():
    """Hear service data of a scale; the second argument tells another scale."""
    broadcasts, profile = Broadcasts(), profiles()["xiaomi_mi_scale_1"]

    def heard(raw, number=1, now=0.0):
        data = {SERVICE: bytes.fromhex(raw)}
        seen = Sighting(None, address(number), "xiaomi_mi_scale_1", profile, data)
        return [arrival.raw.hex().upper() for arrival in broadcasts.heard(seen, now)]

    return heard


def test_a_weighing_is_taken_once_however_often_it_is_said(hear):
    assert hear(MEASURING) == []
    assert hear(STABLE) == [STABLE]
    assert hear(STABLE) == []
    assert hear(REMOVED) == []
    assert hear(REMOVED, number=2) == [REMOVED]


def test_the_last_weighing_that_is_said_again_on_waking_up_is_one_measurement(hear):
    assert hear(EARLIER) == [EARLIER]
    assert hear(STABLE) == [STABLE]
    assert hear(EARLIER) == [EARLIER]
    first, again = (measured(EARLIER, *SCALE, seq=seq, boot_id=str(seq)) for seq in (1, 2))
    assert first.content_id == again.content_id


def test_who_advertises_without_end_fills_nothing(hear):
    """Anybody may: of a thousand scales in a minute a few are taken, and later ones again."""
    taken = [number for number in range(1000) if hear(STABLE, number)]
    assert taken == list(range(TAKEN_A_MINUTE_MAX))
    assert hear(STABLE, 999) == []
    assert hear(STABLE, 999, now=61.0) == [STABLE]


def test_what_cannot_be_read_is_nobodys_measurement(hear):
    assert hear(STABLE[:-2]) == []
    assert hear(STABLE + "00") == []


def test_a_weighing_is_the_same_for_two_gateways_and_after_stepping_off():
    first = measured(STABLE, *SCALE)
    other = measured(REMOVED, *SCALE, gateway="gw-002", epoch="b" * 32, seq=9)
    assert first.content_id == other.content_id
    assert first.device_time == "2021-04-11T16:19:01"


def test_another_weighing_is_another_measurement():
    assert measured(STABLE, *SCALE).content_id != measured(EARLIER, *SCALE).content_id


async def test_a_scale_that_broadcasts_is_listened_to_and_never_connected_to(tmp_path):
    async with (
        VirtualRadio() as radio,
        switched_on(radio, BroadcastingScale) as (scale,),
        collecting(tmp_path, radio) as (made, outbox),
    ):
        while made.listening.state != "scanning":
            await asyncio.sleep(0.05)
        await scale.take(Decimal("81.4"), AT)
        await scale.take(Decimal("81.4"), AT.replace(minute=31))
        found = await stored(outbox)
        assert not scale._device.connections
    assert [m.quantities[0].value for m in found] == ["81.400", "81.400"]
    assert [m.device_time[-5:] for m in found] == ["30:00", "31:00"]


class ShowsItsDataLate(BroadcastingScale):
    """Its service is seen for a moment before its data."""

    def _advertisement(self):
        parts = super()._advertisement().ad_structures
        return AdvertisingData(parts if self._data else parts[:2])

    async def wake_up(self):
        await self._advertise()
        await asyncio.sleep(0.5)


async def test_a_scale_whose_service_is_seen_before_its_data_is_not_connected_to(tmp_path):
    async with (
        VirtualRadio() as radio,
        switched_on(radio, ShowsItsDataLate) as (scale,),
        collecting(tmp_path, radio) as (made, outbox),
    ):
        connected = []
        scale._device.on("connection", connected.append)
        while made.listening.state != "scanning":
            await asyncio.sleep(0.05)
        await scale.wake_up()
        await scale.take(Decimal("81.4"), AT)
        (found,) = await stored(outbox)
    assert (found.profile, connected) == ("xiaomi_mi_scale_1", [])
