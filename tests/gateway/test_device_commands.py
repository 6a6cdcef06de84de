"""``vicino-gateway pair`` and ``sniff`` as somebody types them, beside virtual devices."""

import asyncio
import sys
from datetime import datetime
from decimal import Decimal

import pytest

from gateway.recording import read
from simulators.omron import OmronCuff
from simulators.peripherals import Cuff, address
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import switched_on
from tests.gateway.test_pairing import MeterWithDigits

pytestmark = pytest.mark.processes
AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone
SETTINGS = """
gateway = "gw-001"
broker = "mqtts://localhost:8883"
ca_file = "{keys}/ca.crt"
certificate_file = "{keys}/gw-001.crt"
key_file = "{keys}/gw-001.key"
state_dir = "state"
radio = "{radio}"
zone = "Europe/Rome"
[models]
"{omron}" = "omron_hem_7361t"
"""


@pytest.fixture
def typed(tmp_path, keys):
    async def run(radio, *arguments, answer=""):
        path = tmp_path / "gateway.toml"
        path.write_text(SETTINGS.format(keys=keys, radio=radio.transport, omron=address(2)))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gateway", *arguments, "--settings", str(path)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(40):
            out, error = await process.communicate(f"{answer}\n".encode())
        return process.returncode, out.decode(), error.decode()

    return run


async def test_devices_are_paired_and_one_that_wants_digits_is_given_them(typed, tmp_path):
    async with (
        VirtualRadio() as radio,
        switched_on(radio, MeterWithDigits, OmronCuff) as (meter, cuff),
    ):
        await meter.take(Decimal(100), AT)
        status, said, error = await typed(radio, "pair", meter.address.lower(), answer="123456")
        assert (status, error) == (0, "")
        assert f"{meter.address}: is paired, as generic_glucose_meter" in said
        cuff.is_pairing = True
        await cuff.take(126, 88, 84, AT)
        status, said, _ = await typed(radio, "pair", cuff.address)
        assert (status, cuff.key.hex()) == (0, (tmp_path / "state" / "device-key").read_text())


@pytest.mark.parametrize("answer", ["654321", "000000", "no"])
async def test_a_device_that_refuses_is_said_without_a_trace(typed, answer):
    async with VirtualRadio() as radio, switched_on(radio, MeterWithDigits) as (meter,):
        await meter.take(Decimal(100), AT)
        status, _, error = await typed(radio, "pair", meter.address, answer=answer)
    assert (status, "Traceback" in error) == (1, False)
    assert f"device {meter.address}: cannot bond" in error


async def test_what_a_device_says_is_recorded_into_a_new_file_only(typed, tmp_path):
    output = tmp_path / "recorded.toml"
    async with VirtualRadio() as radio, switched_on(radio, Cuff) as (cuff,):
        for status in (0, 1):
            await cuff.take(Decimal(132), Decimal(84), None, AT)
            arguments = ("sniff", cuff.address, "--output", str(output), "--seconds", "3")
            assert (await typed(radio, *arguments))[0] == status
    assert len(read(output.read_text()).delivery) == 1
