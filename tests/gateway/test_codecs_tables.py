"""Every bit and coded value by itself, listed in the order of the characteristics' published XML.

The bytes are worked out by hand from those tables: one field at a time, so that two that were
swapped cannot hide behind each other.
"""

import pytest

from gateway.codecs import body_composition, cgm, current_time, glucose_context
from gateway.codecs.decoded import Decoded

ANNUNCIATION = {
    0: "session-stopped",
    1: "device-battery-low",
    2: "sensor-type-incorrect",
    3: "sensor-malfunction",
    4: "device-specific-alert",
    5: "general-device-fault",
    6: None,
    7: None,
    8: "time-synchronisation-required",
    9: "calibration-not-allowed",
    10: "calibration-recommended",
    11: "calibration-required",
    12: "sensor-temperature-too-high",
    13: "sensor-temperature-too-low",
    14: None,
    15: None,
    16: "below-patient-low-level",
    17: "above-patient-high-level",
    18: "below-hypo-level",
    19: "above-hyper-level",
    20: "rate-of-decrease-exceeded",
    21: "rate-of-increase-exceeded",
    22: "result-too-low",
    23: "result-too-high",
}
OCTET_FLAG = (0x80, 0x40, 0x20)


@pytest.mark.parametrize(("bit", "word"), list(ANNUNCIATION.items()))
def test_a_bit_of_the_sensor_status_says_one_word(bit, word):
    octet = bit // 8
    record = bytes([7, OCTET_FLAG[octet], 0x64, 0, 0, 0, 1 << bit % 8])
    assert cgm.decode(record).records[0].flags == ((word,) if word else ())


BODY = {
    3: ("basal-metabolism", "kJ", "kJ"),
    4: ("muscle", "%", "%"),
    5: ("muscle-mass", "kg", "lb"),
    6: ("fat-free-mass", "kg", "lb"),
    7: ("soft-lean-mass", "kg", "lb"),
    8: ("body-water-mass", "kg", "lb"),
    9: ("impedance", "Ohm", "Ohm"),
    10: ("weight", "kg", "lb"),
    11: ("height", "m", "in"),
}
STEP_OF_200 = {"kJ": "200", "%": "20.0", "Ohm": "20.0"}
STEP_OF_200 |= {"kg": "1.000", "lb": "2.00", "m": "0.200", "in": "20.0"}


@pytest.mark.parametrize("imperial", [0, 1])
@pytest.mark.parametrize("bit", BODY)
def test_a_flag_of_the_body_composition_brings_one_field(bit, imperial):
    name, *units = BODY[bit]
    flags = (1 << bit | imperial).to_bytes(2, "little")
    _fat, field = body_composition.decode(flags + bytes([0, 0, 200, 0])).quantities
    unit = units[imperial]
    assert (field.name, field.unit, str(field.number)) == (name, unit, STEP_OF_200[unit])


def words(decoded: Decoded, key: str):
    return decoded.words.get(key)


CARBOHYDRATES = ["breakfast", "lunch", "dinner", "snack", "drink", "supper", "brunch"]
MEDICATIONS = [
    "rapid-acting-insulin",
    "short-acting-insulin",
    "intermediate-acting-insulin",
    "long-acting-insulin",
    "pre-mixed-insulin",
]


@pytest.mark.parametrize(("value", "word"), list(enumerate([None, *CARBOHYDRATES, None])))
def test_a_carbohydrate_has_its_word(value, word):
    decoded = glucose_context.decode(bytes([1, 0, 0, value, 0, 0]))
    assert words(decoded, "carbohydrate_type") == word


@pytest.mark.parametrize(("value", "word"), list(enumerate([None, *MEDICATIONS, None])))
def test_a_medication_has_its_word(value, word):
    decoded = glucose_context.decode(bytes([16, 0, 0, value, 0, 0]))
    assert words(decoded, "medication_type") == word


MEALS = [
    "reserved-0",
    "preprandial",
    "postprandial",
    "fasting",
    "casual",
    "bedtime",
    "reserved-6",
    "reserved-7",
]


@pytest.mark.parametrize(("value", "word"), list(enumerate(MEALS)))
def test_a_meal_has_its_word_and_a_reserved_one_is_not_lost(value, word):
    assert words(glucose_context.decode(bytes([2, 0, 0, value])), "meal") == word


TESTERS = {0: None, 1: "self", 2: "health-care-professional", 3: "lab-test", 4: None}
TESTERS |= {15: "not-available"}
HEALTH = {0: None, 1: "minor-issues", 2: "major-issues", 3: "during-menses", 4: "under-stress"}
HEALTH |= {5: "no-issues", 6: None, 15: "not-available"}


@pytest.mark.parametrize(("tester", "said"), list(TESTERS.items()))
@pytest.mark.parametrize(("health", "told"), list(HEALTH.items()))
def test_tester_is_the_low_nibble_and_health_the_high_one(tester, said, health, told):
    decoded = glucose_context.decode(bytes([4, 0, 0, health << 4 | tester]))
    assert (words(decoded, "tester"), words(decoded, "health")) == (said, told)


WEEKDAYS = [None, "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
REASONS = [
    "manual-time-update",
    "external-reference-time-update",
    "time-zone-changed",
    "daylight-saving-time-changed",
]
MORNING = bytes.fromhex("E307021B0B0A1E")


@pytest.mark.parametrize(("value", "word"), list(enumerate([*WEEKDAYS, None])))
def test_a_weekday_has_its_word(value, word):
    assert words(current_time.decode(MORNING + bytes([value, 0, 0])), "weekday") == word


@pytest.mark.parametrize(("bit", "reason"), list(enumerate([*REASONS, None, None, None, None])))
def test_a_bit_of_the_adjust_reason_says_one_word(bit, reason):
    decoded = current_time.decode(MORNING + bytes([0, 0, 1 << bit]))
    assert decoded.flags == ((reason,) if reason else ())
