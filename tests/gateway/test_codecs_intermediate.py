"""An intermediate value is shown by ``decode`` and is never a measurement."""

import msgspec
import pytest

from contract.profiles import profiles
from gateway.codecs import INTERMEDIATE
from gateway.observe import Delivery, measure

# What a careless profile could say: the layouts are those of the measurements.
CARELESS = [
    ("generic_blood_pressure", "2a36", "009600FF07FF07"),
    ("generic_thermometer", "2a1e", "006C0100FF"),
    ("generic_blood_pressure", "00002a3600001000800000805f9b34fb", "009600FF07FF07"),
    ("generic_thermometer", "00002a1e00001000800000805f9b34fb", "006C0100FF"),
]


@pytest.mark.parametrize(("name", "characteristic", "raw"), CARELESS)
def test_a_profile_that_names_it_still_makes_no_quantity_of_it(name, characteristic, raw):
    profile = profiles()[name]
    source = msgspec.structs.replace(profile.measurement[0], characteristic_uuid=characteristic)
    delivery = Delivery(
        gateway="gw-001",
        device="C0:00:00:00:00:01",
        profile_name=name,
        profile=msgspec.structs.replace(profile, measurement=[source]),
        characteristic=characteristic,
        raw=bytes.fromhex(raw),
        origin="device",
        received_at=1_700_000_000_000,
        monotonic_ms=5,
        boot_id="boot",
        clock="synchronised",
    )
    measurement = measure(delivery, "a" * 32, 1)
    assert measurement.quantities == []
    assert measurement.unreadable == "an intermediate value is no measurement"


def test_no_profile_names_one():
    sources = [source for profile in profiles().values() for source in profile.measurement]
    assert not INTERMEDIATE & {source.characteristic_uuid for source in sources}
