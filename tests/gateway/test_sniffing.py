"""A session recorded into a file says, replayed, what the device said."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from contract.profiles import profiles
from gateway.ble import open_radio
from gateway.errors import DeviceUnavailable
from gateway.observe import measure
from gateway.recording import Recording, read, written
from gateway.sniffing import sniff
from simulators.peripherals import ContecOximeter, Cuff, GlucoseMeter, address
from simulators.radio import VirtualRadio
from tests.gateway.test_ble import switched_on
from tests.gateway.test_observe import EPOCH, deliver

AT = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a device's clock has no zone
RECORDINGS = Path(__file__).parent.parent / "recordings"


async def recorded(radio, tmp_path, name, device):
    profile = profiles()[name]
    made = open_radio(radio.transport, tmp_path)
    return await sniff(made, device.address, start=profile.start, bond=profile.bond, seconds=3)


def replayed(recording: Recording, name: str) -> list[str]:
    """Return the first quantity of each delivery that the profile reads, as measurements."""
    sources = {source.characteristic_uuid for source in profiles()[name].measurement}
    said = [one for one in recording.delivery if one.characteristic in sources]
    measured = [
        measure(deliver(one.hex, name, one.characteristic), EPOCH, seq)
        for seq, one in enumerate(said, start=1)
    ]
    return [m.quantities[0].value for m in measured if m.quantities]


async def test_what_a_cuff_said_is_replayed_from_the_file(tmp_path):
    async with VirtualRadio() as radio, switched_on(radio, Cuff) as (cuff,):
        await cuff.take(Decimal(132), Decimal(84), Decimal(70), AT)
        found = await recorded(radio, tmp_path, "generic_blood_pressure", cuff)
    again = read(written(found))
    assert again == found
    assert replayed(again, "generic_blood_pressure") == ["132"]
    assert (again.local_name, again.service_uuids) == ("Vicino cuff", ["1810"])
    assert {"2a35", "2a19"} <= {one.uuid for one in again.characteristic}
    assert cuff.address not in written(found)


async def test_a_memory_is_asked_for_and_a_device_that_must_be_asked_is(tmp_path):
    async with (
        VirtualRadio() as radio,
        switched_on(radio, GlucoseMeter, ContecOximeter) as (meter, oximeter),
    ):
        await meter.take(Decimal(100), AT)
        await oximeter.take(95, 85)
        found = await recorded(radio, tmp_path, "generic_glucose_meter", meter)
        assert replayed(found, "generic_glucose_meter") == ["100"]
        found = await recorded(radio, tmp_path, "contec_cms50d_bt", oximeter)
        assert replayed(found, "contec_cms50d_bt") == ["95"]


async def test_a_device_that_is_not_seen_is_said(tmp_path):
    async with VirtualRadio() as radio:
        made = open_radio(radio.transport, tmp_path)
        with pytest.raises(DeviceUnavailable, match=f"{address(9)}: was not seen"):
            await sniff(made, address(9), start=(), bond=False, seconds=0.3)


def test_an_empty_recording_is_a_file_too():
    nothing = Recording(
        local_name=None, service_uuids=[], service_data={}, characteristic=[], delivery=[]
    )
    assert read(written(nothing)) == nothing


def test_hostile_names_stay_in_their_strings():
    name = 'a"]\n[[delivery]]\n'
    recording = Recording(
        local_name=name,
        service_uuids=["1810"],
        service_data={"181d": "00"},
        characteristic=[],
        delivery=[],
    )
    assert read(written(recording)) == recording


def test_every_recording_of_a_device_says_what_its_profile_reads():
    """``tests/recordings/<profile>/<date>.toml``: none yet, until somebody records a unit."""
    for path in sorted(RECORDINGS.glob("*/*.toml")):
        assert replayed(read(path.read_text("utf-8")), path.parent.name), path
