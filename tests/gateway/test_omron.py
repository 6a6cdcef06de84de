"""A cuff's memory behind a key, over real GATT: paired, read whole, read again, never written."""

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

import pytest

from contract.profiles import profiles
from gateway import clock
from gateway.ble import device_key, open_radio
from gateway.collector import Collector
from gateway.errors import DeviceUnavailable
from gateway.outbox import OutboxThread
from gateway.pairing import Digits, pair
from simulators.omron import OmronCuff
from simulators.peripherals import address
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import stored, switched_on, taken

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


@asynccontextmanager
async def collecting(tmp_path, radio):
    outbox = OutboxThread(tmp_path / "outbox.db")
    made = Collector(
        gateway="gw-001",
        radio=open_radio(radio.transport, tmp_path),
        profiles=profiles(),
        devices=(),
        outbox=outbox,
        moment=partial(clock.now, "host"),
        stored=lambda: None,
        models={address(1): "omron_hem_7361t"},
        key=device_key(tmp_path),
    )
    task = asyncio.create_task(made.run())
    try:
        yield outbox
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outbox.close()


class LosesTheLink(OmronCuff):
    """Its link is lost after the hundredth answer of the first session."""

    left = 100

    async def _answer(self, connection, request):
        await super()._answer(connection, request)
        self.left -= 1
        if self.left == 0:
            self.lose_link()


async def test_both_users_are_read_and_what_was_read_before_is_one_measurement(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, OmronCuff) as (cuff,):
        cuff.key = device_key(tmp_path)
        before = None
        async with collecting(tmp_path, radio) as outbox:
            await cuff.take(126, 88, 84, AT)
            await cuff.take(150, 95, 70, AT.replace(minute=31), user=2)
            await taken(cuff, seconds=60)
            before = bytes(cuff.memory)
            await cuff.take(131, 85, 80, AT.replace(minute=40))
            await taken(cuff, seconds=60)
            found = await stored(outbox)
    assert {m.profile for m in found} == {"omron_hem_7361t"}
    assert [(m.user, m.quantities[0].value) for m in found] == [(1, "126"), (2, "150"), (1, "131")]
    assert [m.device_time[-5:] for m in found] == ["30:00", "31:00", "40:00"]
    assert bytes(cuff.memory[:0x98]) == before[:0x98], "nothing is written to the cuff"


async def test_a_link_lost_in_the_middle_of_a_memory_loses_and_doubles_nothing(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, LosesTheLink) as (cuff,):
        cuff.key = device_key(tmp_path)
        await cuff.take(126, 88, 84, AT)
        await cuff.take(150, 95, 70, AT.replace(minute=31), user=2)
        async with collecting(tmp_path, radio) as outbox:
            await taken(cuff, seconds=60)
            assert len(await stored(outbox)) == 2


async def test_a_cuff_of_another_box_is_not_read_and_says_what_to_do(tmp_path, caplog):
    async with VirtualRadio() as radio, switched_on(radio, OmronCuff) as (cuff,):
        cuff.key = b"another box's ..."[:16]
        async with collecting(tmp_path, radio) as outbox:
            await cuff.take(126, 88, 84, AT)
            async with asyncio.timeout(20):
                while "vicino-gateway pair" not in caplog.text:
                    await asyncio.sleep(0.1)
            assert await stored(outbox) == []


def test_the_key_of_a_box_stays(tmp_path):
    assert device_key(tmp_path) == device_key(tmp_path)
    assert len(device_key(tmp_path)) == 16
    assert (tmp_path / "device-key").stat().st_mode & 0o077 == 0


async def test_a_cuff_in_pairing_mode_is_bonded_with_and_takes_the_key(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, OmronCuff) as (cuff,):
        cuff.is_pairing = True
        await cuff.take(126, 88, 84, AT)
        made, key = open_radio(radio.transport, tmp_path), device_key(tmp_path)
        name = await pair(made, {cuff.address: "omron_hem_7361t"}, cuff.address, key, Digits(input))
        assert (name, cuff.key) == ("omron_hem_7361t", key)
        assert cuff.address in (tmp_path / "bonds.json").read_text()
        async with collecting(tmp_path, radio) as outbox:
            await taken(cuff, seconds=60)
            assert len(await stored(outbox)) == 1


async def test_a_cuff_that_is_not_in_pairing_mode_takes_no_key_and_says_so(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, OmronCuff) as (cuff,):
        await cuff.take(126, 88, 84, AT)
        made = open_radio(radio.transport, tmp_path)
        with pytest.raises(DeviceUnavailable, match=f"{cuff.address}: is not in pairing mode"):
            await pair(
                made, {cuff.address: "omron_hem_7361t"}, cuff.address, b"k" * 16, Digits(input)
            )
        assert cuff.key is None
