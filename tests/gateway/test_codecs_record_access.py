"""The record access control point: requests as the specification spells them, and responses."""

import pytest

from gateway.codecs.record_access import (
    ABORT,
    COUNT_ALL,
    REPORT_ALL,
    Completed,
    Outcome,
    RecordCount,
    Request,
    count_from,
    report_from,
    response,
)
from gateway.errors import DecodeError


@pytest.mark.parametrize(
    ("request_bytes", "spelt"),
    [
        # As collectors write them to Accu-Chek and Contour meters.
        (REPORT_ALL, "0101"),
        (report_from(11), "0103010b00"),
        # Worked out by hand from the op code and operator tables of Glucose Service 1.0.1.
        (ABORT, "0300"),
        (COUNT_ALL, "0401"),
        (count_from(0x1234), "0403013412"),
        (report_from(0), "0103010000"),
        (report_from(0xFFFF), "010301ffff"),
    ],
)
def test_a_request_is_spelt_as_the_specification_says(request_bytes, spelt):
    assert request_bytes.hex() == spelt


@pytest.mark.parametrize("number", [-1, 0x10000])
@pytest.mark.parametrize("ask", [report_from, count_from])
def test_a_number_that_is_no_uint16_is_not_asked_for(ask, number):
    with pytest.raises(ValueError, match="uint16"):
        ask(number)


def test_the_end_of_a_transfer_and_an_empty_memory_are_told_apart():
    report = Request.REPORT_RECORDS
    assert response(bytes([6, 0, 1, 1])) == Completed(report, Outcome.SUCCESS)
    assert response(bytes([6, 0, 1, 6])) == Completed(report, Outcome.NO_RECORDS_FOUND)
    assert response(bytes([5, 0, 2, 1])) == RecordCount(258)


@pytest.mark.parametrize("outcome", [0, *range(10, 256)])
def test_a_reserved_outcome_is_kept_and_is_none_that_is_known(outcome):
    answer = response(bytes([6, 0, 1, outcome]))
    assert answer == Completed(Request.REPORT_RECORDS, outcome)
    assert answer.outcome not in set(Outcome)


@pytest.mark.parametrize("request_bytes", [REPORT_ALL, COUNT_ALL, ABORT, report_from(3)])
def test_a_request_is_no_response(request_bytes):
    with pytest.raises(DecodeError, match="no response"):
        response(request_bytes)
