"""Which profile an advertisement belongs to, and which services are scanned for."""

import pytest
from bleak.uuids import normalize_uuid_str

from contract.profiles import profiles
from gateway.ble.recognition import Recogniser, recognise, service_filter

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


def test_a_scale_seen_before_its_data_is_not_taken_for_any_scale():
    made = Recogniser(profiles())
    assert made.recognise("a", None, [WEIGHT], [], 100.0) is None
    assert made.recognise("a", None, [WEIGHT], [WEIGHT], 100.2) == "xiaomi_mi_scale_1"
    assert made.recognise("a", None, [WEIGHT], [], 200.0) == "xiaomi_mi_scale_1"


def test_a_scale_that_never_shows_data_is_any_scale_after_a_second():
    made = Recogniser(profiles())
    assert made.recognise("b", "scale", [WEIGHT], [], 100.0) is None
    assert made.recognise("b", "scale", [WEIGHT], [], 100.9) is None
    assert made.recognise("b", "scale", [WEIGHT], [], 101.0) == "generic_weight_scale"


def test_who_tells_its_name_or_has_another_service_is_known_at_once():
    made = Recogniser(profiles(), {"d": "berry_bm1000"})
    assert made.recognise("a", "A&D_UC-352BLE_1", [WEIGHT], [], 100.0) == "and_uc352ble"
    assert made.recognise("d", None, [WEIGHT], [], 100.0) == "berry_bm1000"


def test_strangers_fill_no_memory():
    made = Recogniser(profiles())
    for number in range(10_000):
        made.recognise(str(number), None, [WEIGHT], [], 100.0)
    assert len(made._seen) <= 256


def test_a_name_that_comes_in_an_answer_of_its_own_is_waited_for_and_kept():
    """Else one measurement has two profiles, two content ids, and is stored twice (hazard H12)."""
    made = Recogniser(profiles())
    assert made.recognise("a", None, [BLOOD_PRESSURE], [], 100.0) is None
    assert made.recognise("a", "A&D_UA-651BLE_1", [BLOOD_PRESSURE], [], 100.1) == "and_ua651ble"
    assert made.recognise("a", None, [BLOOD_PRESSURE], [], 900.0) == "and_ua651ble"
    assert made.recognise("b", None, [BLOOD_PRESSURE], [], 100.0) is None
    assert made.recognise("b", None, [BLOOD_PRESSURE], [], 101.0) == "generic_blood_pressure"


def test_who_wakes_up_anew_is_looked_at_anew():
    made = Recogniser(profiles())
    assert made.recognise("a", None, [WEIGHT], [], 100.0) is None
    assert made.recognise("a", None, [WEIGHT], [], 3700.0) is None
    assert made.recognise("a", None, [WEIGHT], [WEIGHT], 3700.1) == "xiaomi_mi_scale_1"


def test_a_crowd_of_strangers_makes_no_known_one_forgotten():
    made = Recogniser(profiles())
    made.recognise("a", None, [WEIGHT], [WEIGHT], 100.0)
    for number in range(1000):
        made.recognise(str(number), None, [WEIGHT], [WEIGHT], 100.0)
        made.recognise("a", None, [WEIGHT], [WEIGHT], 100.0)
    assert made.recognise("a", None, [WEIGHT], [], 100.0) == "xiaomi_mi_scale_1"
