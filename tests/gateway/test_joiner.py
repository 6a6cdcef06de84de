"""What belongs together is stored together: a record with its context, a body with its weight."""

import pytest

from contract.profiles import profiles
from gateway.ble.joiner import Arrival, Joiner

# Specification by hand: record 11, its context (meal 3), context of another record.
RECORD = bytes.fromhex("120B00E307021B0B0A1E78B0F1")
BARE = bytes.fromhex("020C00E307021B0B0A1E78B0F1")
CONTEXT, ANOTHER = bytes.fromhex("020B0003"), bytes.fromhex("020C0003")
# Specification by hand: 80 kg at 2019-02-27 11:10:30 for user 1; body fat 23 %, of no user and 2.
WEIGHT = bytes.fromhex("06803EE307021B0B0A1E01")
FAT, FAT_OF_ANOTHER = bytes.fromhex("0000E600"), bytes.fromhex("0400E60002")


@pytest.fixture
def meter():
    return Joiner(profiles()["generic_glucose_meter"])


@pytest.fixture
def scale():
    return Joiner(profiles()["generic_weight_scale"])


def test_a_record_waits_for_its_context(meter):
    assert meter.arrived("2a18", RECORD) == []
    assert meter.arrived("2a34", CONTEXT) == [Arrival("2a18", RECORD, (("2a34", CONTEXT),), 11)]
    assert meter.rest() == []


def test_a_record_that_says_of_no_context_does_not_wait(meter):
    assert meter.arrived("2a18", BARE) == [Arrival("2a18", BARE, (), 12)]


def test_a_record_whose_context_does_not_come_goes_before_the_next(meter):
    meter.arrived("2a18", RECORD)
    assert [one.number for one in meter.arrived("2a18", BARE)] == [11, 12]


def test_a_context_of_another_record_is_not_joined(meter):
    meter.arrived("2a18", RECORD)
    assert meter.arrived("2a34", ANOTHER) == []
    assert meter.rest() == [Arrival("2a18", RECORD, (), 11)]


def test_a_context_that_cannot_be_read_is_kept_with_its_record(meter):
    meter.arrived("2a18", RECORD)
    assert meter.arrived("2a34", b"?")[0].beside == (("2a34", b"?"),)


def test_what_cannot_be_read_waits_for_nothing(meter):
    assert meter.arrived("2a18", b"?") == [Arrival("2a18", b"?")]


def test_a_body_composition_goes_with_the_weight_before_it(scale):
    assert scale.arrived("2a9d", WEIGHT) == [Arrival("2a9d", WEIGHT)]
    assert scale.arrived("2a9c", FAT) == [Arrival("2a9c", FAT, (("2a9d", WEIGHT),))]


def test_a_body_composition_of_another_user_goes_alone(scale):
    scale.arrived("2a9d", WEIGHT)
    assert scale.arrived("2a9c", FAT_OF_ANOTHER) == [Arrival("2a9c", FAT_OF_ANOTHER)]
