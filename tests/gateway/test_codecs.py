"""What holds for every codec, whatever the bytes."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codecs import BY_CHARACTERISTIC, date_time
from gateway.codecs.decoded import Absent
from gateway.errors import DecodeError
from tests.gateway.vectors import load

VALID = [(v["uuid"].lower(), bytes.fromhex(v["hex"])) for v in load("decode.toml", "vector")]
_RR_PRESENT = 0x10


def is_whole_intervals(uuid, value, length):
    """A heart rate measurement may lose whole RR intervals at its end and still be one."""
    return uuid == "2a37" and value[0] & _RR_PRESENT and (len(value) - length) % 2 == 0


@pytest.mark.parametrize(("uuid", "value"), VALID)
def test_every_strict_prefix_is_an_error(uuid, value):
    for length in range(len(value)):
        first_interval_ends = 2 + (value[0] & 1) + 2 * (value[0] >> 3 & 1) + 2
        if is_whole_intervals(uuid, value, length) and length >= first_interval_ends:
            continue
        with pytest.raises(DecodeError):
            BY_CHARACTERISTIC[uuid](value[:length])


@pytest.mark.parametrize(("uuid", "value"), VALID)
def test_a_byte_left_over_is_an_error(uuid, value):
    with pytest.raises(DecodeError):
        BY_CHARACTERISTIC[uuid](value + b"\x00")


_RESERVED_FLAGS = {"2a35": 0xE0, "2a1c": 0xF8, "2a5e": 0xE0, "2a5f": 0xE0, "2a9d": 0xF0}
_RESERVED_FLAGS |= {"2a18": 0xE0, "2a37": 0xE0}


@pytest.mark.parametrize(("uuid", "value"), VALID)
def test_reserved_flag_bits_are_ignored(uuid, value):
    decode = BY_CHARACTERISTIC[uuid]
    assert decode(bytes([value[0] | _RESERVED_FLAGS[uuid]]) + value[1:]) == decode(value)


@given(uuid=st.sampled_from(sorted(BY_CHARACTERISTIC)), value=st.binary(max_size=30))
def test_any_bytes_decode_or_are_an_error_that_reproduces_itself(uuid, value):
    try:
        BY_CHARACTERISTIC[uuid](value)
    except DecodeError as error:
        failure = error
    else:
        return
    assert failure.value == value
    assert 0 <= failure.offset <= len(value)


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        ("e307021b0b0a1e", datetime(2019, 2, 27, 11, 10, 30)),  # noqa: DTZ001
        ("2e060101000000", datetime(1582, 1, 1)),  # noqa: DTZ001
        ("0000021b0b0a1e", Absent.UNKNOWN),
        ("e307001b0b0a1e", Absent.UNKNOWN),
        ("e30702000b0a1e", Absent.UNKNOWN),
        ("00000000000000", Absent.UNKNOWN),
    ],
)
def test_a_date_time_with_an_unknown_part_is_no_time(raw, meaning):
    assert date_time.decode(bytes.fromhex(raw)) == meaning


@pytest.mark.parametrize(
    "raw",
    ["2d060101000000", "e3070d01000000", "e3070220000000", "e307021b180000", "e307021b003c00"],
)
def test_a_date_time_that_does_not_exist_is_an_error(raw):
    with pytest.raises(ValueError, match="no such"):
        date_time.decode(bytes.fromhex(raw))
