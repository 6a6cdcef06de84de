"""What is tried on real BlueZ; each with a gateway of its own, on one bluetoothd."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from simulators.peripherals import Cuff, Oximeter, Thermometer
from tests.bluez.bonds import Private, box_forgot, device_forgot, passkey
from tests.bluez.home import Home

AT: Final = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone


async def indication(home: Home) -> None:
    """Scan, connect, an indication, stored."""
    cuff = await home.device(Cuff)
    await cuff.take(Decimal(132), Decimal(84), Decimal(71), AT)
    await home.until(lambda: len(home.kept()) == 1, 60)
    (measurement,) = home.kept()
    said = {one.code: one.value for one in measurement.quantities}
    assert (said["systolic"], said["diastolic"], said["pulse"]) == ("132", "84", "71")
    assert measurement.device_time == "2026-11-23T08:30:00"
    assert measurement.device == cuff.address
    await asyncio.wait_for(cuff.all_taken(), 30)


async def bonding(home: Home) -> None:
    """Just works, started by BlueZ where the device insists; the gateway's own agent agrees."""
    cuff = await home.device(Private)
    await cuff.take(Decimal(128), Decimal(80), None, AT)
    await asyncio.wait_for(cuff.all_taken(), 90)
    assert len(home.kept()) == 1
    assert await cuff._device.keystore.get_all(), "nothing was bonded"


async def daemon_killed(home: Home) -> None:
    """bluetoothd dies: noticed within five seconds; it comes back, and so do the measurements."""
    cuff = await home.device(Cuff)
    await cuff.take(Decimal(131), Decimal(81), None, AT)
    await home.until(lambda: len(home.kept()) == 1, 60)
    start = time.monotonic()
    home.kill_bluetoothd()
    await home.until(lambda: home.radio_state != "scanning", 30)
    assert time.monotonic() - start < 5, "noticed too late"
    await cuff.take(Decimal(145), Decimal(91), None, AT.replace(hour=9))
    await home.until(lambda: len(home.kept()) == 2, 90)


async def link_lost(home: Home) -> None:
    """The link breaks in the middle of what a device says: it says all again, nothing twice."""
    cuff = await home.device(Cuff)
    for minute in range(3):
        await cuff.take(Decimal(130), Decimal(80), None, AT.replace(minute=minute))
    await home.until(lambda: len(home.kept()) >= 1, 60)
    cuff.lose_link()
    await asyncio.wait_for(cuff.all_taken(), 90)
    times = sorted(one.device_time or "" for one in home.kept())
    assert times == [f"2026-11-23T08:0{minute}:00" for minute in range(3)], times


async def three_at_once(home: Home) -> None:
    """Three devices have something to say at the same time."""
    cuff, oximeter = await home.device(Cuff), await home.device(Oximeter)
    thermometer = await home.device(Thermometer)
    await cuff.take(Decimal(131), Decimal(81), None, AT)
    await oximeter.take(Decimal(96), Decimal(70), AT)
    await thermometer.take(Decimal("36.80"), AT)
    await home.until(lambda: len({one.device for one in home.kept()}) == 3, 90)


async def adapter_off(home: Home) -> None:
    """Somebody switches the adapter off: the gateway, which has no privilege, switches it on."""
    await home.switch_off()
    cuff = await home.device(Cuff)
    await cuff.take(Decimal(130), Decimal(80), None, AT)
    await home.until(lambda: len(home.kept()) == 1, 60)


# Named like the entries of ``names``.
Scenario = Callable[[Home], Awaitable[None]]
SCENARIOS: Final[dict[str, Scenario]] = {
    "indication": indication,
    "bonding": bonding,
    "daemon-killed": daemon_killed,
    "link-lost": link_lost,
    "three-at-once": three_at_once,
    "adapter-off": adapter_off,
    "device-forgot": device_forgot,
    "box-forgot": box_forgot,
    "passkey": passkey,
}
