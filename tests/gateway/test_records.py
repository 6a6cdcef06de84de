"""Reading a memory: what is asked next, what proves that it is the one we know, what ends it."""

import pytest

from gateway.ble.records import WHOLE_AGAIN_SECONDS, LastRecord, Reading, Step
from gateway.errors import DecodeError

ALL = bytes.fromhex("0101")
SUCCESS, NOTHING_FOUND = bytes.fromhex("06000101"), bytes.fromhex("06000106")
LAST = LastRecord(11, b"eleven", whole_at=0.0)


def read(reading, *records, is_on_disk=True):
    for number, raw in records:
        reading.took(number, raw, is_on_disk=is_on_disk)
    return reading


def test_at_first_the_memory_is_read_whole_and_then_from_its_last_record_on():
    reading = read(Reading(None, now=5.0), (1, b"one"), (2, b"two"))
    assert reading.request == ALL
    assert reading.answered(SUCCESS) is Step.ENDED
    assert reading.last == LastRecord(2, b"two", whole_at=5.0)
    assert Reading(reading.last, now=6.0).request.hex() == "0103010200"


def test_a_memory_that_is_still_the_one_we_know_is_read_on():
    reading = read(Reading(LAST, now=9.0), (11, b"eleven"), (12, b"twelve"))
    assert reading.answered(SUCCESS) is Step.ENDED
    assert reading.last == LastRecord(12, b"twelve", whole_at=0.0)


@pytest.mark.parametrize(
    ("records", "answer"),
    [
        pytest.param([(11, b"other")], SUCCESS, id="the number is another record's now"),
        pytest.param([(12, b"twelve")], SUCCESS, id="the record is gone"),
        pytest.param([], NOTHING_FOUND, id="its numbers went back"),
        pytest.param([], bytes.fromhex("06000104"), id="it knows no such operator"),
        pytest.param([], bytes.fromhex("06000105"), id="it knows no such number"),
    ],
)
def test_a_memory_that_is_not_the_one_we_know_is_read_whole(records, answer):
    reading = read(Reading(LAST, now=9.0), *records)
    assert reading.answered(answer) is Step.ASK_WHOLE
    assert reading.request == ALL
    read(reading, (1, b"one"))
    assert reading.answered(SUCCESS) is Step.ENDED
    assert reading.last == LastRecord(1, b"one", whole_at=9.0)


def test_once_a_day_it_is_read_whole():
    assert Reading(LAST, now=WHOLE_AGAIN_SECONDS - 1).request != ALL
    assert Reading(LAST, now=WHOLE_AGAIN_SECONDS).request == ALL


def test_an_empty_memory_has_nothing_to_go_on_from():
    reading = Reading(None, now=0.0)
    assert reading.answered(NOTHING_FOUND) is Step.ENDED
    assert reading.last is None


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([(8, b""), (7, b"")], id="newest first"),
        pytest.param([(1, b""), (None, b"?"), (2, b"")], id="one cannot be read"),
        pytest.param([(0xFFFE, b""), (0xFFFF, b"")], id="the next number begins anew"),
    ],
)
def test_where_no_number_says_where_to_go_on_all_is_read_again(records):
    assert read(Reading(None, now=0.0), *records).last is None


def test_a_record_that_is_not_on_the_disk_yet_is_asked_for_again():
    assert read(Reading(None, now=0.0), (1, b"one"), is_on_disk=False).last is None


def test_a_link_lost_in_the_middle_goes_on_where_it_was_lost():
    lost = read(Reading(None, now=0.0), (1, b"one"), (2, b"two"))
    assert Reading(lost.last, now=1.0).request.hex() == "0103010200"


def test_where_the_last_number_was_reached_lower_ones_may_follow():
    reading = read(Reading(LastRecord(0xFFFE, b"", 0.0), now=1.0), (0xFFFE, b""), (0xFFFF, b""))
    assert reading.answered(SUCCESS) is Step.ASK_WHOLE


def test_an_answer_to_another_request_is_no_end():
    for answer in ("06000301", "06000201", "05000700"):
        assert Reading(None, now=0.0).answered(bytes.fromhex(answer)) is Step.GO_ON


@pytest.mark.parametrize("outcome", [0, 7, 8, 10, 255])
def test_a_failing_or_reserved_outcome_is_a_failure(outcome):
    assert Reading(None, now=0.0).answered(bytes([6, 0, 1, outcome])) is Step.FAILED


def test_what_is_no_response_is_an_error():
    with pytest.raises(DecodeError):
        Reading(None, now=0.0).answered(ALL)
