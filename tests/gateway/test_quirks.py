"""How real devices behave, seen in captures: a test of each, by its own name."""

import pytest

from contract.codes import Code, possible
from contract.profiles import profiles
from gateway.ble import recognise
from gateway.codecs import BY_CHARACTERISTIC, CODECS, VENDOR
from gateway.codecs.decoded import Absent
from gateway.errors import DecodeError
from gateway.observe import print_line
from tests.gateway.test_observe import GLUCOSE, SPOT, measured


def decoded(codec, raw):
    return (BY_CHARACTERISTIC | VENDOR)[codec](bytes.fromhex(raw))


def numbers(read):
    return {quantity.name: quantity.number for quantity in read.quantities}


def test_choicemmed_says_that_its_clock_is_not_set_beside_a_date_of_2017():
    """Stack Overflow question 71264072, bytes of a ChoiceMMed oximeter: the flag wins."""
    found = measured("1761006000E107010101221320002000 00", *SPOT)
    assert found.device_time is None
    assert "clock-not-set" in found.flags
    assert [q.value for q in found.quantities] == ["97", "96"]


def test_a_cuff_sets_reserved_flag_bits_and_has_no_mean():
    read = decoded("2a35", "E47B005100FF074000")
    assert numbers(read) == {
        "systolic": 123,
        "diastolic": 81,
        "mean-arterial": Absent.NOT_A_NUMBER,
        "pulse": 64,
    }


def test_a_ketone_result_as_glucose_is_no_hypoglycaemia():
    """The record says 13 mg/dL; its context's meal, 6, is reserved."""
    record = "120B00E307021B0B0A1E0DB012"
    found = measured(record, *GLUCOSE, beside=(("2a34", bytes.fromhex("020B0006")),))
    assert found.quantities[0].value == "13"
    assert "kind-doubted" in found.flags


def test_private_bytes_of_a_xiaomi_scale_on_0x2a9c_are_no_body_composition():
    """Its service data (custom-components/ble_monitor issue 1094) fits the flags in length."""
    for raw in ("0226B2070103131A15E601604A", "02A6B2070103131A15E601604A"):
        with pytest.raises(DecodeError):
            decoded("2a9c", raw)


def test_such_a_scale_is_never_connected_to():
    name = recognise(
        profiles(),
        "MIBFS",
        ["0000181b-0000-1000-8000-00805f9b34fb"],
        ["0000181b-0000-1000-8000-00805f9b34fb"],
    )
    assert {source.delivery for source in profiles()[name].measurement} == {"broadcast"}


def test_two_private_bytes_before_a_blood_pressure_are_an_error_and_never_clamped():
    """A relabelled cuff sends FE 20 first: read naively it is a pressure of 182,400 mmHg."""
    with pytest.raises(DecodeError):
        decoded("2a35", "FE2016780050005D00E307021B0B0A1E4000")
    with pytest.raises(DecodeError):
        print_line("2a35", "FE20147B005100FF074000")


@pytest.mark.parametrize(
    ("uuid", "raw"),
    [
        pytest.param("2a35", "00C8025000FF07", id="systolic 712 mmHg"),
        pytest.param("2a5e", "00E9036000", id="SpO2 1001 %"),
        pytest.param("2a18", "020C00E307021B0B0A1EFFFFF1", id="glucose 0xFFFF"),
    ],
)
def test_well_formed_but_impossible_is_an_error_and_no_value(uuid, raw):
    with pytest.raises(DecodeError, match="cannot be true"):
        print_line(uuid, raw)


def test_what_cannot_be_true_travels_as_it_came_for_the_server_to_put_away():
    found = measured("020C00E307021B0B0A1EFFFFF1", *GLUCOSE)
    assert not possible(Code.GLUCOSE, int(found.quantities[0].value))


@pytest.mark.parametrize(
    ("uuid", "raw", "name", "number"),
    [
        # Each is what a public decoder is known to get wrong.
        pytest.param("2a35", "006CF150F0FF07", "systolic", "36.4", id="exponents are no bias"),
        pytest.param("2a35", "0278005000FF07E307021B0B0A1E", "systolic", "120", id="flags move"),
        pytest.param("2a1c", "006C0100FF", "temperature", "36.4", id="a FLOAT is no integer"),
    ],
)
def test_what_public_decoders_got_wrong_is_right_here(uuid, raw, name, number):
    assert str(numbers(decoded(uuid, raw))[name]) == number


def test_type_and_sample_location_of_a_glucose_are_not_swapped():
    words = decoded("2a18", "020C00E307021B0B0A1E78B0F1").words
    assert words == {"sample_type": "capillary-whole-blood", "sample_location": "not-available"}


def test_no_two_codecs_share_a_name_with_a_characteristic():
    assert not set(VENDOR) & set(BY_CHARACTERISTIC)
    assert set(VENDOR) <= set(CODECS)
