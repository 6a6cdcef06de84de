"""A real gateway process between virtual devices and a real broker."""

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal

import pytest

from contract.messages import Configuration
from simulators.gateway_process import GatewayProcess
from simulators.peripherals import Cuff, GlucoseMeter, HeartRateStrap, Scale, Thermometer, address
from simulators.radio import VirtualRadio

pytestmark = [
    pytest.mark.processes,
    pytest.mark.broker,
    pytest.mark.parametrize("broker", ["nats"], indirect=True),
]
AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone
SETTINGS = """
gateway = "gw-001"
broker = "mqtts://localhost:{port}"
ca_file = "{keys}/ca.crt"
certificate_file = "{keys}/gw-001.crt"
key_file = "{keys}/gw-001.key"
state_dir = "state"
clock = "host"
heartbeat_seconds = 1
receipt_seconds = 1
"""


@pytest.fixture
def settings(tmp_path, broker, keys):
    path = tmp_path / "gateway.toml"
    path.write_text(SETTINGS.format(port=broker.settings.broker_port, keys=keys))
    return path


@asynccontextmanager
async def running(settings, tmp_path, *kinds):
    """A gateway process and its devices, switched on."""
    log = tmp_path / "gateway.log"
    async with VirtualRadio() as radio:
        devices = [kind(radio, address(number)) for number, kind in enumerate(kinds, start=1)]
        for device in devices:
            await device.start()
        async with GatewayProcess(settings, radio.transport, log) as gateway:
            yield gateway, devices
        for device in devices:
            await device.stop()


async def all_taken(devices):
    async with asyncio.timeout(40):
        for device in devices:
            await device.all_taken()


def values(server):
    return sorted(
        (measurement.device[-2:], quantity.code, quantity.value)
        for measurement in server.store.values()
        for quantity in measurement.quantities
    )


async def test_what_devices_say_reaches_the_server(settings, tmp_path, server):
    kinds = (Cuff, Thermometer, Scale, GlucoseMeter, HeartRateStrap)
    async with running(settings, tmp_path, *kinds) as (gateway, devices):
        cuff, thermometer, scale, meter, strap = devices
        await cuff.take(Decimal(132), Decimal(84), Decimal(71), AT)
        await thermometer.take(Decimal("36.80"), AT)
        await scale.take(Decimal("81.4"), AT)
        await meter.take(Decimal(110), AT)
        await meter.take(Decimal(95), AT.replace(hour=9))
        await strap.take(72)
        await all_taken(devices)
        status = await gateway.wait_receipted(20)
    assert values(server) == [
        ("01", "diastolic", "84"),
        ("01", "mean-arterial", "100"),
        ("01", "pulse", "71"),
        ("01", "systolic", "132"),
        ("02", "temperature", "36.80"),
        ("03", "weight", "81.400"),
        ("04", "glucose", "110"),
        ("04", "glucose", "95"),
        ("05", "heart-rate", "72"),
    ]
    assert status["receipted"] == status["stored"] == 6
    assert status["broker"] == "connected"
    assert status["running"]
    assert server.heartbeats[-1].certificate_ends_at > server.heartbeats[-1].sent_at
    origins = {m.device[-2:]: m.origin for m in server.store.values()}
    assert origins["04"] == "device-memory"
    assert origins["01"] == "device"
    log = (tmp_path / "gateway.log").read_text()
    assert f"receipt epoch={status['epoch']} seq=6" in log
    assert "36.80" not in log


async def test_a_killed_gateway_goes_on_where_it_was(settings, tmp_path, server):
    server.gives_receipts = False
    async with running(settings, tmp_path, Cuff, GlucoseMeter) as (gateway, devices):
        cuff, meter = devices
        for i in range(10):
            await cuff.take(Decimal(120 + i), Decimal(80), Decimal(70), AT.replace(minute=i))
            await meter.take(Decimal(100 + i), AT.replace(minute=i))
        await asyncio.sleep(2.0)
        for _ in range(3):
            await gateway.kill()
            await gateway.start()
            await asyncio.sleep(1.7)
        server.gives_receipts = True
        await all_taken(devices)
        await gateway.wait_receipted(20)
    found = [m.quantities[0].value for m in server.store.values()]
    assert sorted(found) == sorted(
        [str(120 + i) for i in range(10)] + [str(100 + i) for i in range(10)]
    )


async def test_the_server_s_settings_are_tried_kept_and_told(settings, tmp_path, server):
    async def until(what):
        async with asyncio.timeout(30):
            while not (server.heartbeats and what(server.heartbeats[-1])):
                await asyncio.sleep(0.05)

    async with running(settings, tmp_path, Cuff) as (gateway, (cuff,)):
        await until(lambda beat: beat.configuration == 0)
        pid = gateway.pid
        server.say(Configuration(gateway="gw-001", version=1, zone="nowhere"))
        await until(lambda beat: beat.configuration_refused == 1)
        assert "'nowhere'" in server.heartbeats[-1].configuration_refused_because
        server.say(Configuration(gateway="gw-001", version=2, devices=[cuff.address]))
        await until(lambda beat: beat.configuration == 2)
        assert gateway.pid == pid  # systemd sees no end
        await cuff.take(Decimal(132), Decimal(84), Decimal(71), AT)
        await all_taken([cuff])
        await gateway.wait_receipted(20)
        await gateway.kill()
        await gateway.start()
        before = len(server.heartbeats)
        await until(lambda _: len(server.heartbeats) > before)
        assert server.heartbeats[-1].configuration == 2
    assert ("01", "systolic", "132") in values(server)
    births = len(server.births)
    assert births == 3  # begun, begun anew with version 2, killed and begun


async def test_a_repeated_session_stores_nothing_twice(settings, tmp_path, server):
    async with running(settings, tmp_path, GlucoseMeter) as (gateway, (meter,)):
        for minute in range(3):
            await meter.take(Decimal(100), AT.replace(minute=minute))
            await all_taken([meter])
        await gateway.wait_receipted(20)
    assert len(server.store) == 3


async def test_a_missing_radio_is_waited_for(settings, tmp_path, server):
    async with GatewayProcess(settings, "bluez", tmp_path / "gateway.log") as gateway:
        async with asyncio.timeout(20):
            while not server.births:
                await asyncio.sleep(0.1)
        status = await gateway.wait_receipted(20)
        assert status["radio"] == "radio: there is no D-Bus here, so no BlueZ either"
    assert (tmp_path / "gateway.log").read_text().count("waiting for it") == 1


REPLAYED = {
    "timestamp_local,systolic_mmHg,diastolic_mmHg,pulse_bpm": [
        "2019-04-15T23:38:28,133,74,67",
        "2019-04-15T23:43:02,118,72,70",
        "2019-04-16T08:58:42,137,80,79",
    ],
    "person,day,weight_kg": ["1,0,69.4", "2,0,80.15", "1,1,70.0"],
    "subject,timestamp_local,glucose_mg_dL": ["a,2014-02-03T08:42:12,93"],
}


@pytest.mark.parametrize("columns", REPLAYED)
def test_a_replay_says_that_what_it_sent_is_stored(settings, tmp_path, server, columns):
    file = tmp_path / "series.csv"
    file.write_text("\n".join([columns, *REPLAYED[columns]]))
    command = [sys.executable, "-m", "simulators", "replay", file, "--settings", settings]
    done = subprocess.run(
        [*command, "--zone", "Europe/Rome", "--start", "2026-03-28", "--speed", "1e6"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    count = len(REPLAYED[columns])
    assert (done.stdout, done.returncode) == (f"sent {count}, stored {count}\n", 0), done.stderr
    assert {m.device_time[:10] for m in server.store.values()} <= {"2026-03-28", "2026-03-29"}
    assert date.fromisoformat(min(m.device_time for m in server.store.values())[:10]).day == 28
