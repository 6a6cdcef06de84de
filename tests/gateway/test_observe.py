"""What travels: units, comparators, absences, content ids, and bytes that cannot be read."""

import pytest

from contract.messages import Measurement, Quantity, element_decoder, encoder
from contract.profiles import profiles
from gateway.observe import Delivery, measure

EPOCH = "a" * 32
CUFF = "00780050005D00"


def deliver(raw, profile="generic_blood_pressure", characteristic="2a35", **changes):
    values = {
        "gateway": "gw-001",
        "device": "C0:00:00:00:00:01",
        "profile_name": profile,
        "profile": profiles()[profile],
        "characteristic": characteristic,
        "raw": bytes.fromhex(raw),
        "origin": "device",
        "received_at": 1_700_000_000_000,
        "monotonic_ms": 5,
        "boot_id": "boot",
        "clock": "synchronised",
    }
    return Delivery(**(values | changes))


def measured(raw, *arguments, seq=1, epoch=EPOCH, **changes) -> Measurement:
    made = measure(deliver(raw, *arguments, **changes), epoch, seq)
    # What we make, the contract takes.
    assert element_decoder.decode(encoder.encode(made)) == made
    return made


GLUCOSE = ("generic_glucose_meter", "2a18")
WEIGHT = ("generic_weight_scale", "2a9d")
SPOT = ("generic_pulse_oximeter", "2a5e")
TEMPERATURE = ("generic_thermometer", "2a1c")
STRAP = ("generic_heart_rate_strap", "2a37")


@pytest.mark.parametrize(
    ("delivery", "quantity"),
    [
        (("098246E500B102", *WEIGHT), Quantity(code="weight", unit="kg", value="81.873")),
        (("01F50300FF", *TEMPERATURE), Quantity(code="temperature", unit="Cel", value="38.50")),
        (
            ("060B00E307021B0B0A1E38C012", *GLUCOSE),
            Quantity(code="glucose", unit="mg/dL", value="100.9"),
        ),
        (
            ("0A0D00E307021B0B0A1E58B2112000", *GLUCOSE),
            Quantity(code="glucose", unit="mg/dL", above="600"),
        ),
        (
            ("0A0D00E307021B0B0A1EFF07114000", *GLUCOSE),
            Quantity(code="glucose", unit="mg/dL", below="device-range"),
        ),
        (("04FFFFFF", *WEIGHT), Quantity(code="weight", unit="kg", absent="error")),
    ],
)
def test_a_quantity_travels_in_the_unit_of_its_code(delivery, quantity):
    assert measured(*delivery).quantities == [quantity]


def test_an_impossible_value_travels_for_the_server_to_judge():
    assert measured("00C8025100FF07").quantities[0].value == "712"


@pytest.mark.parametrize(
    "delivery",
    [
        ("0A0D00E307021B0B0A1E58B24A2000", *GLUCOSE),
        ("02620040000004", *SPOT),
        ("02620040000008", *SPOT),
    ],
)
def test_a_test_of_the_device_is_not_of_a_person(delivery):
    found = measured(*delivery)
    assert {quantity.absent for quantity in found.quantities} == {"not-applicable"}


def test_bytes_that_cannot_be_read_travel_with_the_reason():
    found = measured("0078")
    assert found.raw == "0078"
    assert found.quantities == []
    assert found.unreadable.startswith("offset 1: ")


def test_a_number_too_long_for_the_contract_is_unreadable_and_never_cut():
    found = measured("00FFFFFF6F", *TEMPERATURE)  # 16777215 is -1, times ten to the 111
    assert found.quantities == []
    assert found.unreadable.startswith("offset 1: temperature")


def test_a_clock_that_is_not_set_gives_no_time():
    found = measured("1162004000E107010100000A", *SPOT)
    assert found.device_time is None
    assert "clock-not-set" in found.flags


def test_a_strap_off_the_skin_says_no_rate_instead_of_zero():
    """Heart Rate Service 1.0, 3.1.1.1.2: contact supported, not detected."""
    (rate,) = measured("0400", *STRAP).quantities
    assert (rate.value, rate.absent) == (None, "error")
    (rate,) = measured("0448", *STRAP).quantities
    assert rate.value == "72"
    (rate,) = measured("0600", *STRAP).quantities  # on the skin, 0 is what the strap says
    assert rate.value == "0"


def test_an_unknown_user_is_a_flag_and_no_user():
    found = measured("08780050005D00FF")
    assert found.user is None
    assert found.flags == ["user-unknown"]


def test_two_equal_values_without_a_record_number_are_two_measurements():
    assert measured(CUFF, seq=1).content_id != measured(CUFF, seq=2).content_id


def test_two_equal_weighings_in_one_place_of_an_outbox_that_was_put_back_are_two_contents():
    again = measured(CUFF, seq=1, boot_id="the next")
    assert measured(CUFF, seq=1).content_id != again.content_id


def test_a_record_number_tells_a_record_read_again():
    record = ("020C00E307021B0B0A1E78B0F1", *GLUCOSE)
    first = measured(*record, seq=1)
    assert first.record_number == 12
    again = measured(*record, seq=9, epoch="b" * 32, gateway="gw-002", received_at=5)
    assert again.content_id == first.content_id


def test_the_same_record_number_with_other_bytes_is_another_measurement():
    first = measured("020C00E307021B0B0A1E78B0F1", *GLUCOSE)
    other = measured("020C00E307021B0B0B1E78B0F1", *GLUCOSE)
    assert first.content_id != other.content_id


@pytest.mark.parametrize(
    ("profile", "same"), [("vicino_virtual_cuff", True), ("generic_blood_pressure", False)]
)
def test_only_a_trusted_time_tells_a_measurement_sent_again(profile, same):
    raw = "02780050005D00E307021B0B0A1E"
    first = measured(raw, profile, seq=1)
    again = measured(raw, profile, seq=2)
    assert (first.content_id == again.content_id) is same


def test_a_trusted_clock_that_is_not_set_is_not_trusted():
    raw, arguments = "1162004000E107010100000A", ("vicino_virtual_oximeter", "2a5e")
    first, again = measured(raw, *arguments, seq=1), measured(raw, *arguments, seq=2)
    assert first.content_id != again.content_id


def test_the_same_record_of_another_device_is_another_content():
    record = ("020C00E307021B0B0A1E78B0F1", *GLUCOSE)
    other = measured(*record, device="C0:00:00:00:00:02")
    assert measured(*record).content_id != other.content_id


CONTEXT = {"beside": (("2a34", bytes.fromhex("020B0003")),)}
RECORD = ("120B00E307021B0B0A1E78B0F1", *GLUCOSE)


def test_a_context_says_of_which_meal_a_glucose_is():
    found = measured(*RECORD, **CONTEXT)
    assert found.flags == ["fasting"]
    assert [(one.characteristic, one.raw) for one in found.beside] == [("2a34", "020b0003")]


def test_a_reserved_meal_marks_a_value_that_is_perhaps_no_glucose():
    """Seen in captures of CareSens meters: a ketone result is a glucose record with meal 6."""
    found = measured(*RECORD, beside=(("2a34", bytes.fromhex("020B0006")),))
    assert found.flags == ["kind-doubted"]


def test_a_context_that_did_not_come_or_cannot_be_read_is_said_and_doubts_nothing():
    assert measured(*RECORD).flags == ["context-missing"]
    found = measured(*RECORD, beside=(("2a34", b"?"),))
    assert (found.flags, found.unreadable) == (["context-unreadable"], None)


def test_a_record_is_the_same_with_its_context_and_without():
    assert measured(*RECORD).content_id == measured(*RECORD, **CONTEXT).content_id


def test_a_body_composition_leaves_the_weight_to_the_weight():
    # Specification by hand: body fat 23 %, weight 80 kg; the weight's time and user.
    weight = bytes.fromhex("06803EE307021B0B0A1E01")
    found = measured("0004E600803E", "generic_weight_scale", "2a9c", beside=(("2a9d", weight),))
    assert found.quantities == [Quantity(code="body-fat", unit="%", value="23.0")]
    assert (found.device_time, found.user) == ("2019-02-27T11:10:30", 1)


def test_where_the_weighing_failed_the_body_compositions_own_weight_counts():
    failed = bytes.fromhex("06FFFFE307021B0B0A1E01")
    found = measured("0004E600803E", "generic_weight_scale", "2a9c", beside=(("2a9d", failed),))
    assert [(q.code, q.value) for q in found.quantities] == [
        ("body-fat", "23.0"),
        ("weight", "80.000"),
    ]


def test_a_record_of_a_memory_that_cannot_be_read_is_one_however_often_it_is_read():
    memory = {"origin": "device-memory"}
    first, again = (measured("00", *GLUCOSE, seq=seq, **memory) for seq in (1, 2))
    assert first.content_id == again.content_id
    assert measured("00", *GLUCOSE, seq=1).content_id != measured("00", *GLUCOSE, seq=2).content_id


def test_a_record_is_the_same_whichever_profile_recognised_the_meter():
    """A generic profile today, the model's own tomorrow: one record, stored and judged once."""
    record = "060B00E307021B0B0A1E38C012"
    by_generic = measured(record, "generic_glucose_meter", "2a18", origin="device-memory")
    by_model = measured(record, "isens_caresens", "2a18", origin="device-memory", seq=7)
    assert by_generic.content_id == by_model.content_id
