"""Which profile an advertisement belongs to, and which services are scanned for."""

import pytest
from bleak.uuids import normalize_uuid_str

from contract.profiles import profiles
from gateway.ble.recognition import recognise, service_filter

BLOOD_PRESSURE, WEIGHT = normalize_uuid_str("1810"), normalize_uuid_str("181d")


@pytest.mark.parametrize(
    ("local_name", "services", "data", "name"),
    [
        ("BP-1", [BLOOD_PRESSURE], [], "generic_blood_pressure"),
        ("A&D_UA-651BLE_B5583A", [BLOOD_PRESSURE], [], "and_ua651ble"),
        ("BLEsmart_00000116", [BLOOD_PRESSURE], [], "omron_blesmart"),
        (None, [WEIGHT], [WEIGHT], "xiaomi_mi_scale_1"),
        ("scale", [WEIGHT], [], "generic_weight_scale"),
        ("BerryMed", [], [], None),
        ("BLEsmart_00000116", [], [], None),
        (None, [], [WEIGHT], None),
    ],
)
def test_the_profile_that_asks_for_most_wins_and_a_chosen_one_is_never_guessed(
    local_name, services, data, name
):
    assert recognise(profiles(), local_name, services, data) == name


def test_only_known_services_are_scanned_for_until_a_model_without_one_is_chosen():
    services = service_filter(profiles())
    assert BLOOD_PRESSURE in services
    assert service_filter(profiles(), ["berry_bm1000"]) is None
