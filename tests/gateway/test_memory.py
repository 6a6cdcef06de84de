"""A meter's memory over real GATT: read once, read on, reset, silent, failing, link lost."""

import asyncio
from datetime import datetime
from decimal import Decimal

from gateway.ble import session
from simulators.peripherals import BodyScale, GlucoseMeter
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import collecting, stored, switched_on, taken

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


class Recorded(GlucoseMeter):
    """A meter that writes down what it is asked,."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = []

    def _on_request(self, connection, value):
        self.asked.append(bytes(value).hex())
        super()._on_request(connection, value)


class LosesTheLink(Recorded):
    """Its link is lost after the second record of the first session."""

    left = 2

    async def _deliver(self, connection, value):
        await super()._deliver(connection, value)
        self.left -= 1
        if self.left == 0:
            self.lose_link()


class Misunderstands(Recorded):
    """It answers another request first, then its own, badly, once."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.answers = [bytes([6, 0, 3, 1]), bytes([6, 0, 1, 8])]

    async def _answer(self, connection, request):
        while self.answers:
            await self._device.indicate_subscriber(connection, self._control, self.answers.pop(0))
            if not self.answers:
                return
        await super()._answer(connection, request)


class FallsSilent(Recorded):
    """Once, it sends a record and no end."""

    silent = True

    async def _answer(self, connection, request):
        if not self.silent:
            await super()._answer(connection, request)
        elif request[0] == 3:
            self.silent = False
            answer = bytes([6, 0, 3, 1])
            await self._device.indicate_subscriber(connection, self._control, answer)
        else:
            await self._deliver(connection, self.records[0][1])


async def measure(meter, *values, minute=0):
    for number, value in enumerate(values, start=minute):
        await meter.take(Decimal(value), AT.replace(minute=number))


async def values(outbox):
    return [int(Decimal(m.quantities[0].value)) for m in await stored(outbox)]


async def test_a_memory_is_read_once_and_then_from_its_last_record_on(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, Recorded) as (meter,):
        await measure(meter, 100, 110)
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(meter)
            await measure(meter, 120, minute=5)
            await taken(meter)
            assert await values(outbox) == [100, 110, 120]
    assert meter.asked == ["0101", "0103010200"]


async def test_after_a_restart_it_is_read_whole_and_nothing_is_stored_twice(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, Recorded) as (meter,):
        for minute in range(2):
            async with collecting(tmp_path, radio) as (_, outbox):
                await measure(meter, 100 + minute, minute=minute)
                await taken(meter)
                found = await values(outbox)
    assert found == [100, 101]
    assert meter.asked == ["0101", "0101"]


async def test_a_meter_that_was_reset_is_read_whole(tmp_path):
    async with (
        VirtualRadio() as radio,
        switched_on(radio, Recorded) as (meter,),
        collecting(tmp_path, radio) as (_, outbox),
    ):
        await measure(meter, 100, 110, 115)
        await taken(meter)
        meter.records, meter._next = [], 1
        await measure(meter, 120, minute=5)
        await taken(meter)
        assert await values(outbox) == [100, 110, 115, 120]
    assert meter.asked[-1] == "0101"


async def test_a_link_lost_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, LosesTheLink) as (meter,):
        await measure(meter, 100, 110, 120, 130)
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(meter)
            assert await values(outbox) == [100, 110, 120, 130]
    assert len(meter.asked) == 2


async def test_only_a_good_answer_to_our_request_is_the_end(tmp_path, caplog):
    async with VirtualRadio() as radio, switched_on(radio, Misunderstands) as (meter,):
        await measure(meter, 100)
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(meter)
            assert await values(outbox) == [100]
    assert "record access: answered 06000108" in caplog.text


async def test_a_meter_that_falls_silent_is_told_to_stop_and_asked_again(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(session, "IDLE_SECONDS", 0.3)
    async with VirtualRadio() as radio, switched_on(radio, FallsSilent) as (meter,):
        await measure(meter, 100, 110)
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(meter)
            assert await values(outbox) == [100, 110]
    assert meter.asked == ["0101", "0300", "0101"]
    assert "record access: no answer" in caplog.text


async def test_a_meter_without_records_is_left_in_peace(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, Recorded) as (meter,):
        meter._unsent.append(b"")
        await meter._advertise()
        async with collecting(tmp_path, radio) as (_, outbox):
            async with asyncio.timeout(10):
                while not meter.asked:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            assert (await outbox.state()).depth == 0
    assert meter.asked == ["0101"]


async def test_a_record_and_its_context_are_one_measurement(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, Recorded) as (meter,):
        await meter.take(Decimal(100), AT, meal=1)
        await meter.take(Decimal(13), AT.replace(minute=31), meal=6)
        await meter.take(Decimal(90), AT.replace(minute=32))
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(meter)
            found = await stored(outbox)
    assert [m.flags for m in found] == [["preprandial"], ["kind-doubted"], []]
    assert [one.raw for one in found[1].beside] == ["02020006"]


async def test_a_body_composition_has_the_time_and_user_of_its_weight(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, BodyScale) as (scale,):
        await scale.analyse(Decimal(80), Decimal(23), AT, user=2)
        async with collecting(tmp_path, radio) as (_, outbox):
            await taken(scale)
            found = await stored(outbox)
    assert [[q.code for q in m.quantities] for m in found] == [["weight"], ["body-fat"]]
    assert {(m.user, m.device_time) for m in found} == {(2, "2026-11-23T08:30:00")}
