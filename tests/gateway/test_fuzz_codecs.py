"""Any bytes at all: each codec reads them or says that it cannot, and nothing else happens."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.codecs import BARE_NUMBERS, BY_CHARACTERISTIC, VENDOR
from gateway.errors import DecodeError
from gateway.observe import print_line
from tests.gateway.test_codecs import MEASURED_OUT, VALID, is_whole_parts

CODECS_ALL = BY_CHARACTERISTIC | BARE_NUMBERS | VENDOR
anything = st.tuples(st.sampled_from(sorted(CODECS_ALL)), st.binary(max_size=40))


@st.composite
def nearly_valid(draw):
    """Draw a value from the vectors with a few of its bytes changed, and perhaps cut or longer."""
    uuid, seed = draw(st.sampled_from([case for case in VALID if case[1]]))
    value = bytearray(seed)
    for _ in range(draw(st.integers(0, 3))):
        value[draw(st.integers(0, len(value) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(value)))
    return uuid, bytes(draw(st.sampled_from([value, value[:cut], value + value[:cut]])))


def outcome(call, *arguments):
    try:
        return call(*arguments)
    except DecodeError as error:
        return error


@given(anything | nearly_valid())
def test_a_codec_decodes_or_raises_an_error_that_reproduces_itself(case):
    uuid, value = case
    decoded = outcome(CODECS_ALL[uuid], value)
    if isinstance(decoded, DecodeError):
        assert decoded.value == value
        assert 0 <= decoded.offset <= len(value)


@given(anything | nearly_valid())
def test_what_is_printed_is_one_line_of_json_or_such_an_error(case):
    uuid, value = case
    line = outcome(print_line, uuid, value.hex())
    if isinstance(line, DecodeError):
        assert line.value == value
    else:
        assert isinstance(json.loads(line), dict)
        assert b"\n" not in line


@given(st.sampled_from(MEASURED_OUT), st.binary(min_size=1, max_size=20))
def test_there_is_no_value_from_bytes_left_over(case, more):
    uuid, value = case
    assume(not is_whole_parts(uuid, value + more, len(value)))
    with pytest.raises(DecodeError):
        CODECS_ALL[uuid](value + more)
