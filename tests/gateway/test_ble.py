"""Real bleak over a Bumble host, in one process with virtual devices: the ways a radio fails."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from bumble.gatt import Characteristic

from contract.messages import element_decoder
from contract.profiles import profiles
from gateway import clock
from gateway.ble import Recogniser, Sighting, hci, open_radio, scan, session
from gateway.collector import Collector, keeping, listening, turns
from gateway.errors import OutboxUnavailable, RadioUnavailable, SettingsError
from gateway.outbox import OutboxThread
from gateway.outbox import box as outbox_box
from simulators import radio as simulated
from simulators.peripherals import Cuff, GlucoseMeter, HeartRateStrap, Scale, address
from simulators.radio import VirtualRadio

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


@asynccontextmanager
async def collecting(tmp_path, radio, devices=()):
    outbox = OutboxThread(tmp_path / "outbox.db")
    made = Collector(
        gateway="gw-001",
        radio=open_radio(radio.transport, tmp_path),
        profiles=profiles(),
        devices=devices,
        outbox=outbox,
        moment=partial(clock.now, "host"),
        stored=lambda: None,
        zone=ZoneInfo("Europe/Rome"),
    )
    task = asyncio.create_task(made.run())
    try:
        yield made, outbox
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outbox.close()


@asynccontextmanager
async def switched_on(radio, *kinds):
    made = [kind(radio, address(number)) for number, kind in enumerate(kinds, start=1)]
    for device in made:
        await device.start()
    try:
        yield made
    finally:
        for device in made:
            await device.stop()


async def taken(*devices, seconds=15):
    async with asyncio.timeout(seconds):
        for device in devices:
            await device.all_taken()


async def stored(outbox):
    rows = await outbox.waiting(0, 1000, 10**9)
    return [element_decoder.decode(row.body) for row in rows]


class LosesTheLink(Cuff):
    """A cuff whose link is lost after the first confirmation of its first session."""

    losses = 1

    async def _deliver(self, connection, value):
        await super()._deliver(connection, value)
        if self.losses:
            self.losses -= 1
            self.lose_link()


class Vanishes(Scale):
    """A scale that is gone as soon as it has been seen."""

    async def _advertise(self):
        await super()._advertise()
        await asyncio.sleep(0.05)
        await self._device.stop_advertising()


class WantsAPairing(Cuff):
    """A cuff whose battery is read over an encrypted link only."""

    def _services(self):
        services = super()._services()
        (battery,) = services[1].characteristics
        battery.permissions = Characteristic.READ_REQUIRES_ENCRYPTION
        return services

    async def _speak(self, connection):
        """Stay connected: the gateway ends the session, and reads the battery then."""
        self._said = len(self._unsent)
        await self._deliver(connection, self._unsent[0])


async def test_a_device_is_not_bound_to_a_gateway_that_died_while_connecting(tmp_path, monkeypatch):
    """The connection request is on its way when the gateway is gone: supervision ends that too."""
    doors, create = [], simulated.VirtualController.create_le_connection

    class Door(simulated._Door):
        gone = False

        def connection_made(self, transport):
            super().connection_made(transport)
            self.transport = transport
            doors.append(self)

        def connection_lost(self, error):
            if not self.gone:
                self.gone = True
                super().connection_lost(error)

    def dying(controller, peer):
        create(controller, peer)
        door = doors[-1]
        if len(doors) == 1 and door._controller is controller:
            door.connection_lost(None)
            door.transport.abort()

    monkeypatch.setattr(simulated, "_Door", Door)
    monkeypatch.setattr(simulated.VirtualController, "create_le_connection", dying)
    async with (
        VirtualRadio() as radio,
        switched_on(radio, Cuff) as (cuff,),
        collecting(tmp_path, radio) as (_, outbox),
    ):
        await cuff.take(Decimal(132), Decimal(84), Decimal(70), AT)
        await taken(cuff)
        assert len(await stored(outbox)) == 1
    assert len(doors) > 1


async def test_a_link_lost_on_the_way_loses_nothing_and_doubles_nothing(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, LosesTheLink) as (cuff,):
        for minute in range(3):
            await cuff.take(Decimal(130), Decimal(80), None, AT.replace(minute=minute))
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(cuff)
            found = await stored(outbox)
    assert sorted(m.device_time for m in found) == [
        f"2026-11-23T08:0{minute}:00" for minute in range(3)
    ]


async def test_one_failing_device_stops_no_other(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(hci, "CONNECT_SECONDS", 1.0)
    async with (
        VirtualRadio() as radio,
        switched_on(radio, Vanishes, Cuff) as (scale, cuff),
        collecting(tmp_path, radio) as (made, outbox),
    ):
        while made.listening.state != "scanning":
            await asyncio.sleep(0.05)
        await scale.take(Decimal(80), AT)
        await cuff.take(Decimal(130), Decimal(80), None, AT)
        await taken(cuff)
        assert [m.device for m in await stored(outbox)] == [cuff.address]
    assert caplog.text.count(f"device {scale.address}: ") == 1


@pytest.mark.parametrize("asked", [0, 6])
async def test_a_device_that_stops_answering_stops_no_other(tmp_path, monkeypatch, caplog, asked):
    """At the first question, or in the middle of the discovery of its services."""
    monkeypatch.setattr(hci, "CONNECT_SECONDS", 1.0)

    class Stalls(Scale):
        async def start(self):
            await super().start()
            answer, left = self._device.gatt_server.on_gatt_pdu, [asked]

            def stall(*arguments):
                left[0] -= 1
                if left[0] >= 0:
                    answer(*arguments)

            self._device.gatt_server.on_gatt_pdu = stall

    async with (
        VirtualRadio() as radio,
        switched_on(radio, Stalls, Cuff) as (scale, cuff),
        collecting(tmp_path, radio) as (made, outbox),
    ):
        while not made.is_well:
            await asyncio.sleep(0.05)
        await scale.take(Decimal(80), AT)
        await asyncio.sleep(0.3)
        await cuff.take(Decimal(130), Decimal(80), None, AT)
        await taken(cuff)
        assert [m.device for m in await stored(outbox)] == [cuff.address]
    assert caplog.text.count(f"device {scale.address}: ") == 1


async def test_an_advertiser_that_is_gone_when_we_connect_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(hci, "CONNECT_SECONDS", 0.5)
    async with VirtualRadio() as radio, switched_on(radio, Scale, Cuff) as (scale, cuff):
        made = open_radio(radio.transport, tmp_path)
        await made.open()
        sightings = asyncio.Queue()
        async with scan(made, Recogniser(profiles()), sightings.put_nowait, lambda: None):
            await scale.take(Decimal(80), AT)
            sighting = await sightings.get()
            await scale._device.stop_advertising()
            with pytest.raises(Exception, match=scale.address):
                await session.Session(made, sighting, None).run()
        await made.close()
        async with collecting(tmp_path, radio):
            await cuff.take(Decimal(130), Decimal(80), None, AT)
            await taken(cuff)


async def test_a_device_that_is_not_allowed_is_left_alone(tmp_path):
    async with (
        VirtualRadio() as radio,
        switched_on(radio, Scale, Cuff) as (scale, cuff),
        collecting(tmp_path, radio, devices=[cuff.address]) as (_, outbox),
    ):
        await scale.take(Decimal(80), AT)
        await cuff.take(Decimal(130), Decimal(80), None, AT)
        await taken(cuff)
        await asyncio.sleep(0.3)
        assert {m.device for m in await stored(outbox)} == {cuff.address}
    assert scale.unsent == 1


async def test_a_read_that_needs_a_bond_pairs_and_the_bond_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "IDLE_SECONDS", 0.3)
    async with (
        VirtualRadio() as radio,
        switched_on(radio, WantsAPairing) as (cuff,),
        collecting(tmp_path, radio) as (made, _),
    ):
        for minute in range(2):
            await cuff.take(Decimal(130), Decimal(80), None, AT.replace(minute=minute))
            await taken(cuff)
            await asyncio.sleep(0.3)
        assert made.batteries == {cuff.address: 90}
        assert cuff.address in (tmp_path / "bonds.json").read_text()


async def test_a_full_outbox_takes_nothing_more_and_loses_nothing(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(keeping, "OUTBOX_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(outbox_box, "WAITING_MAX", 0)
    async with (
        VirtualRadio() as radio,
        switched_on(radio, Cuff, Scale) as (cuff, scale),
        collecting(tmp_path, radio) as (_, outbox),
    ):
        for minute in range(3):
            await cuff.take(Decimal(130), Decimal(80), None, AT.replace(minute=minute))
        await taken(cuff)
        await scale.take(Decimal(80), AT)
        await asyncio.sleep(0.5)
        assert (await outbox.state()).depth == 0
        assert scale.unsent == 1
        monkeypatch.setattr(outbox_box, "WAITING_MAX", 100)
        await taken(scale)
        found = await stored(outbox)
    assert [m.device for m in found] == [cuff.address] * 3 + [scale.address]
    assert caplog.text.count("takes no more") == 1


async def test_a_radio_that_goes_away_is_waited_for_and_used_again(tmp_path, caplog):
    first = VirtualRadio()
    async with first, collecting(tmp_path, first) as (made, outbox):
        await asyncio.sleep(0.5)
        assert made.listening.state == "scanning"
        await first.__aexit__(None, None, None)
        async with asyncio.timeout(10):
            while made.listening.state == "scanning":
                await asyncio.sleep(0.05)
        async with VirtualRadio(first.port) as radio, switched_on(radio, Cuff) as (cuff,):
            await cuff.take(Decimal(130), Decimal(80), None, AT)
            await taken(cuff)
            assert len(await stored(outbox)) == 1


async def test_a_stream_is_ended_so_that_others_are_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "STREAM_SECONDS_MAX", 0.5)

    class Endless(HeartRateStrap):
        async def _speak(self, connection):
            while True:
                await self._deliver(connection, self._unsent[0])
                await asyncio.sleep(0.1)

    async with (
        VirtualRadio() as radio,
        switched_on(radio, Endless, Cuff) as (strap, cuff),
        collecting(tmp_path, radio),
    ):
        await strap.take(72)
        await asyncio.sleep(0.3)
        await cuff.take(Decimal(130), Decimal(80), None, AT)
        await taken(cuff)


async def test_bluez_hides_the_generic_access_service_and_so_do_we(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, GlucoseMeter) as (meter,):
        made = open_radio(radio.transport, tmp_path)
        await made.open()
        sightings = asyncio.Queue()
        async with scan(made, Recogniser(profiles()), sightings.put_nowait, lambda: None):
            await meter.take(Decimal(100), AT)
            sighting = await sightings.get()
            client = made.client(sighting.device, lambda _client: None)
            await client.connect()
            services = {service.uuid[4:8] for service in client.services}
            assert services >= {"1808", "180f"}
            assert "1800" not in services
            assert client.services.get_characteristic("2a52").properties
            await client.disconnect()
        await made.close()


@pytest.mark.parametrize("transport", ["tcp-client:127.0.0.1:9", "usb:ffff:ffff"])
async def test_a_transport_that_is_not_there_is_no_radio_yet(tmp_path, transport):
    radio = open_radio(f"hci:{transport}", tmp_path)
    with pytest.raises(RadioUnavailable, match=f"hci:{transport}"):
        await radio.open()


def test_the_bumble_host_is_asked_for_only_when_it_is_used(tmp_path, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "gateway.ble.hci", raising=False)
    monkeypatch.setitem(sys.modules, "bumble.core", None)
    assert open_radio("bluez", tmp_path)
    with pytest.raises(SettingsError, match="gateway-hci"):
        open_radio("hci:usb:0", tmp_path)


async def test_a_radio_that_does_not_come_back_is_said_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "DEAF_SECONDS", 1.0)
    async with (
        asyncio.timeout(20),
        VirtualRadio() as radio,
        collecting(tmp_path, radio) as (made, _),
    ):
        while not made.is_well:
            await asyncio.sleep(0.05)
        restarts = made.listening.restarts
        await radio.__aexit__(None, None, None)
        while made.is_well:
            await asyncio.sleep(0.05)
        assert not made.listening.is_deaf
        while not made.listening.is_deaf:
            await asyncio.sleep(0.05)
        assert made.listening.restarts > restarts


async def test_a_slow_disk_does_not_stop_the_loop(tmp_path, monkeypatch):
    plain, worst = outbox_box.Outbox.store, [0.0]

    def slow(self, make):
        time.sleep(0.7)
        return plain(self, make)

    async def tick():
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            worst[0] = max(worst[0], time.monotonic() - before)

    monkeypatch.setattr(outbox_box.Outbox, "store", slow)
    async with (
        VirtualRadio() as radio,
        switched_on(radio, Cuff) as (cuff,),
        collecting(tmp_path, radio) as (made, outbox),
    ):
        while not made.is_well:
            await asyncio.sleep(0.05)
        ticking = asyncio.create_task(tick())
        await cuff.take(Decimal(130), Decimal(80), None, AT)
        await taken(cuff)
        assert len(await stored(outbox)) == 1
        ticking.cancel()
    assert worst[0] < 0.5


async def test_what_waited_for_the_disk_is_kept_though_nobody_speaks_again(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "OUTBOX_RETRY_SECONDS", 0.2)
    full = [True]
    async with (
        asyncio.timeout(30),
        VirtualRadio() as radio,
        collecting(tmp_path, radio) as (made, box),
    ):
        plain = box.store

        async def store(make):
            if full[0]:
                raise OutboxUnavailable("outbox: database or disk is full")
            return await plain(make)

        monkeypatch.setattr(box, "store", store)
        async with switched_on(radio, Cuff) as (cuff,):
            await cuff.take(Decimal(130), Decimal(80), None, AT)
            while not made.is_full:
                await asyncio.sleep(0.05)
        full[0] = False
        while made.is_full or (await box.state()).depth == 0:
            await asyncio.sleep(0.05)


async def test_a_thousand_addresses_do_not_keep_out_who_was_served_before():
    now = [0.0]
    made = turns.Turns(lambda: now[0])
    known, cuff = address(70_000), profiles()["generic_blood_pressure"]

    def seen(who):
        made.seen(Sighting(None, who, "generic_blood_pressure", cuff, {}))

    made.was_served(known, 1, session.Ended.BY_PEER)
    now[0] += 60
    for number in range(5_000):
        seen(address(number))
    assert len(made._waiting) == turns.WAITING_MAX
    seen(known)
    assert made.next().address == known
    for number in range(3_000):
        made.was_served(address(number), 1, session.Ended.BY_PEER)
    assert len(made._served) == turns.WAITING_MAX
    assert len(made._not_before) <= 3_000
