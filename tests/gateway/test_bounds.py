"""A call to Bluetooth that never ends costs its device, and nobody else (practice: stuck calls)."""

import asyncio
from datetime import datetime
from decimal import Decimal

import pytest

from gateway.ble import bounds, within
from gateway.ble.hci_client import HciClient
from gateway.collector import collector
from gateway.errors import DeviceUnavailable, RadioUnavailable
from simulators.peripherals import Cuff, Scale
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import collecting, stored, switched_on, taken

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


async def deaf(ended: asyncio.Event) -> None:
    """Go on whatever is asked of it, until ``ended``."""
    while not ended.is_set():
        try:
            await ended.wait()
        except asyncio.CancelledError:
            continue


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "GRACE_SECONDS", 0.1)


async def test_what_ends_in_time_gives_its_result_or_its_error() -> None:
    async def fails() -> None:
        raise DeviceUnavailable("device x: gone")

    assert await within(1, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(DeviceUnavailable, match="gone"):
        await within(1, fails())


async def test_what_takes_too_long_is_cancelled_and_what_is_deaf_is_left_behind() -> None:
    with pytest.raises(TimeoutError):
        await within(0.05, asyncio.sleep(60))
    ended = asyncio.Event()
    with pytest.raises(RadioUnavailable, match="does not end"):
        await within(0.05, deaf(ended))
    ended.set()
    await asyncio.sleep(0.05)  # it ends by itself, and nobody is told


async def test_who_waits_may_be_cancelled_and_is_not_held_by_a_deaf_call() -> None:
    ended = asyncio.Event()
    waiting = asyncio.create_task(within(60, deaf(ended)))
    await asyncio.sleep(0.05)
    waiting.cancel()
    done, _ = await asyncio.wait({waiting}, timeout=2)
    assert done
    ended.set()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_device_whose_session_never_ends_stops_no_other(
    tmp_path, monkeypatch, caplog
) -> None:
    ended = asyncio.Event()
    plain = HciClient.start_notify

    async def start_notify(self, characteristic, *arguments, **more):
        if "2a9d" in characteristic.uuid:
            await deaf(ended)
        await plain(self, characteristic, *arguments, **more)

    monkeypatch.setattr(HciClient, "start_notify", start_notify)
    monkeypatch.setattr(collector, "_SESSION_SECONDS_MAX", 1.5)
    async with (
        VirtualRadio() as radio,
        switched_on(radio, Scale, Cuff) as (scale, cuff),
        collecting(tmp_path, radio) as (_, outbox),
    ):
        await scale.take(Decimal(80), AT)
        await asyncio.sleep(1)
        await cuff.take(Decimal(130), Decimal(80), None, AT)
        await taken(cuff)
        assert [one.device for one in await stored(outbox)] == [cuff.address]
        ended.set()
    assert "a call does not end" in caplog.text
