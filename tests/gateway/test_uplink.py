"""The uplink against real brokers."""

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from contract.messages import Receipt, Tombstone
from gateway import clock
from gateway.outbox import OutboxThread
from gateway.settings import Settings, tls_context
from gateway.uplink import MqttLink, Uplink, client_id
from gateway.uplink import uplink as uplink_module
from tests.gateway.measurements import make

pytestmark = pytest.mark.broker
GATEWAY = "gw-001"


@asynccontextmanager
async def running(
    broker, keys, state_dir, *, receipt_seconds=30.0, moment=lambda: clock.now("host")
):
    settings = Settings(
        gateway=GATEWAY,
        broker=f"mqtts://localhost:{broker.settings.broker_port}",
        ca_file=keys / "ca.crt",
        certificate_file=keys / f"{GATEWAY}.crt",
        key_file=keys / f"{GATEWAY}.key",
        state_dir=state_dir,
    )
    outbox = OutboxThread(state_dir / "outbox.db")
    link = MqttLink(
        settings.broker_address, tls_context(settings), client_id(state_dir, GATEWAY), GATEWAY
    )
    uplink = Uplink(
        gateway=GATEWAY,
        version="0",
        link=link,
        outbox=outbox,
        receipt_seconds=receipt_seconds,
        moment=moment,
        obey=lambda _order: None,
    )
    task = asyncio.create_task(uplink.run())
    try:
        yield uplink, outbox
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outbox.close()


async def until(condition, seconds=15.0):
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.05)


async def is_empty(outbox):
    return (await outbox.state()).depth == 0


async def test_everything_is_sent_oldest_first_and_forgotten_on_receipt(
    broker, server, keys, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    async with running(broker, keys, tmp_path) as (uplink, outbox):
        for _ in range(120):
            await outbox.store(make)
        uplink.look()
        await until(lambda: is_empty(outbox))
        state = await outbox.state()
        assert state.receipted == 120
        assert sorted(seq for _, seq in server.store) == list(range(1, 121))
        assert all(len(batch) <= 50 for batch in server.batches)
        assert server.births[0].gateway == GATEWAY
        assert f"receipt epoch={state.epoch} seq=120" in caplog.text


async def test_without_a_receipt_it_is_sent_again_and_reported_once(
    broker, server, keys, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    server.gives_receipts = False
    async with running(broker, keys, tmp_path, receipt_seconds=0.3) as (uplink, outbox):
        await outbox.store(make)
        uplink.look()
        await until(lambda: len(server.batches) >= 3)
        assert (await outbox.state()).depth == 1
        assert uplink.receipts_are_missing
        server.gives_receipts = True
        await until(lambda: is_empty(outbox))
    assert caplog.text.count("no receipt came") == 1
    assert caplog.text.count("receipts are coming again") == 1
    assert len(server.store) == 1


async def test_a_refused_batch_travels_singly_and_the_culprit_becomes_a_tombstone(
    broker, server, keys, tmp_path
):
    def has_seven(batch):
        stone = b'"tombstone"' in bytes(batch.measurements[0])
        return batch.seq <= 7 < batch.seq + len(batch.measurements) and not stone

    server.refuses = has_seven
    async with running(broker, keys, tmp_path) as (uplink, outbox):
        for _ in range(10):
            await outbox.store(make)
        uplink.look()
        await until(lambda: is_empty(outbox))
        state = await outbox.state()
        assert state.set_aside == 1
        assert isinstance(server.store[state.epoch, 7], Tombstone)
        assert sorted(seq for _, seq in server.store) == list(range(1, 11))


async def test_a_receipt_that_cannot_be_ours_forgets_nothing(broker, server, keys, tmp_path):
    server.gives_receipts = False
    async with running(broker, keys, tmp_path) as (uplink, outbox):
        await outbox.store(make)
        uplink.look()
        await until(lambda: server.batches)
        epoch = (await outbox.state()).epoch
        server.say(Receipt(gateway=GATEWAY, epoch="0" * 32, seq=1))
        server.publish(b"\xff not json")
        server.publish(b'{"type":"receipt"}')
        await asyncio.sleep(0.5)
        assert (await outbox.state()).depth == 1
        server.say(Receipt(gateway=GATEWAY, epoch=epoch, seq=1))
        await until(lambda: is_empty(outbox))


async def test_a_receipt_of_numbers_not_given_yet_sends_everything_in_a_new_epoch(
    broker, server, keys, tmp_path
):
    server.gives_receipts = False
    async with running(broker, keys, tmp_path) as (uplink, outbox):
        await outbox.store(make)
        uplink.look()
        await until(lambda: server.batches)
        epoch = (await outbox.state()).epoch
        server.gives_receipts = True
        server.say(Receipt(gateway=GATEWAY, epoch=epoch, seq=9))
        await until(lambda: is_empty(outbox))
        assert {before for before, _ in server.store} == {epoch, (await outbox.state()).epoch}


async def test_a_broker_that_dies_and_comes_back_loses_nothing(
    broker, server, keys, tmp_path, caplog
):
    async with running(broker, keys, tmp_path, receipt_seconds=1.0) as (uplink, outbox):
        await until(lambda: uplink.is_connected)
        broker.kill()
        await until(lambda: not uplink.is_connected)
        for _ in range(60):
            await outbox.store(make)
        uplink.look()
        await asyncio.to_thread(broker.start)
        await until(lambda: is_empty(outbox), 30)
        assert len(server.store) == 60
    assert caplog.text.count("connection to the broker ended") == 1


async def test_while_the_broker_is_away_the_box_rests(broker, server, keys, tmp_path):
    """What is on its way is long overdue, and only the link's return can change that."""
    server.gives_receipts = False
    async with running(broker, keys, tmp_path, receipt_seconds=0.2) as (uplink, outbox):
        await outbox.store(make)
        uplink.look()
        await until(lambda: server.batches)
        broker.kill()
        await until(lambda: not uplink.is_connected)
        await until(lambda: uplink._flight.overdue(uplink_module.time.monotonic()))
        assert await uplink._turn() == uplink_module._LOOK_SECONDS


async def test_a_gateway_that_vanishes_leaves_its_will(broker, server, keys, tmp_path):
    async with running(broker, keys, tmp_path) as (uplink, _outbox):
        await until(lambda: server.births)
        uplink._link._client.socket().shutdown(2)  # the cable is pulled
        await until(lambda: server.wills)
        assert server.wills[0].session == server.births[0].session


def test_the_client_id_is_the_name_and_128_random_bits_that_stay(tmp_path):
    first = client_id(tmp_path, GATEWAY)
    assert client_id(tmp_path, GATEWAY) == first
    name, _, bits = first.rpartition("-")
    assert name == GATEWAY
    assert len(bytes.fromhex(bits)) == 16


async def test_what_waits_is_sent_when_the_clock_is_set_and_in_its_place(
    broker, server, keys, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    boot = clock.now("host").boot_id
    synchronised = False

    def moment():
        now = clock.now("host")
        if synchronised:
            return now
        return replace(now, wall_ms=now.monotonic_ms, clock="unsynchronised")

    def early(epoch, seq):
        monotonic_ms = clock.now("host").monotonic_ms - 60_000
        return msgspec.structs.replace(
            make(epoch, seq),
            boot_id=boot,
            monotonic_ms=monotonic_ms,
            received_at=monotonic_ms,
            clock="unsynchronised",
        )

    async with running(broker, keys, tmp_path, moment=moment) as (uplink, outbox):
        await outbox.store(early)
        uplink.look()
        await until(lambda: server.births)
        await asyncio.sleep(1.5)
        assert server.store == {}
        synchronised = True
        await until(lambda: is_empty(outbox))
        (one,) = server.store.values()
    minute_ago = clock.now("host").wall_ms - 60_000
    assert abs(one.received_at - minute_ago) < 10_000
    assert one.clock == "synchronised"
    assert one.corrected_by is not None
    assert "corrected the time of 1 measurements" in caplog.text


async def test_a_clock_that_nobody_sets_holds_nothing_up_for_long(
    broker, server, keys, tmp_path, monkeypatch
):
    monkeypatch.setattr(uplink_module, "CLOCK_SECONDS", 1.0)
    never = lambda: replace(clock.now("host"), clock="unsynchronised")  # noqa: E731
    async with running(broker, keys, tmp_path, moment=never) as (uplink, outbox):
        await outbox.store(make)
        uplink.look()
        await until(lambda: is_empty(outbox))
        await outbox.store(make)  # nor once more on the same connection
        uplink.look()
        await until(lambda: is_empty(outbox))
    assert len(server.store) == 2


async def test_a_link_that_comes_and_goes_does_not_begin_the_wait_anew(tmp_path, monkeypatch):
    """Without a set clock, and with links shorter than the wait, nothing would ever leave."""
    now = [1_000.0]
    monkeypatch.setattr(uplink_module.time, "monotonic", lambda: now[0])
    made = Uplink(
        gateway=GATEWAY,
        version="0",
        link=None,
        outbox=None,
        receipt_seconds=30.0,
        moment=lambda: replace(clock.now("host"), clock="unsynchronised"),
        obey=lambda _order: None,
    )
    monkeypatch.setattr(made, "publish", lambda _message: True)
    for _ in range(4):
        made.connected("0" * 32)
        now[0] += 9
        assert not await made._clock_is_settled() or now[0] >= 1_030
        made.lost("test")
        now[0] += 1
    made.connected("0" * 32)
    assert await made._clock_is_settled()
    made.lost("test")
    now[0] += 3_600  # away for long: time and broker come back together
    made.connected("0" * 32)
    assert not await made._clock_is_settled()
