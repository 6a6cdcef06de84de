"""What holds for every codec, whatever the bytes."""

from datetime import datetime

import pytest

from gateway.codecs import BARE_NUMBERS, BY_CHARACTERISTIC, CODECS, INTERMEDIATE, VENDOR, date_time
from gateway.codecs.berry import FRAME_BYTES
from gateway.codecs.decoded import Absent
from gateway.errors import DecodeError
from tests.gateway.vectors import load

CODECS_ALL = BY_CHARACTERISTIC | BARE_NUMBERS | VENDOR
VALID = [(v["uuid"].lower(), bytes.fromhex(v["hex"])) for v in load("decode.toml", "vector")]
# A text has no length: a part of one is a text, and a NUL at its end is none of it.
TEXTS = {"2a24", "2a25", "2a26", "2a27", "2a28", "2a29"}
MEASURED_OUT = [(uuid, value) for uuid, value in VALID if uuid not in TEXTS]
_RR_PRESENT = 0x10


def is_whole_parts(uuid, value, length):
    """Tell whether ``value`` may end after ``length``: after an RR interval, a record, a frame."""
    if uuid == "berry":
        return length > 0 and length % FRAME_BYTES == len(value) % FRAME_BYTES == 0
    if uuid == "2aa7":
        return length in _record_ends(value)
    if uuid != "2a37" or not value[0] & _RR_PRESENT:
        return False
    first_interval_ends = 2 + (value[0] & 1) + 2 * (value[0] >> 3 & 1) + 2
    return length >= first_interval_ends and (len(value) - length) % 2 == 0


def _record_ends(value):
    end = 0
    while end < len(value) and value[end]:
        end += value[end]
        yield end


def test_every_codec_has_a_vector():
    assert {uuid for uuid, _ in VALID} == set(CODECS_ALL)


@pytest.mark.parametrize(("uuid", "value"), MEASURED_OUT)
def test_every_strict_prefix_is_an_error(uuid, value):
    for length in range(len(value)):
        if is_whole_parts(uuid, value, length):
            continue
        with pytest.raises(DecodeError):
            CODECS_ALL[uuid](value[:length])


@pytest.mark.parametrize(("uuid", "value"), MEASURED_OUT)
def test_a_byte_left_over_is_an_error(uuid, value):
    with pytest.raises(DecodeError):
        CODECS_ALL[uuid](value + b"\x00")


_RESERVED_FLAGS = {"2a35": 0xE0, "2a1c": 0xF8, "2a5e": 0xE0, "2a5f": 0xE0, "2a9d": 0xF0}
_RESERVED_FLAGS |= {"2a18": 0xE0, "2a37": 0xE0, "2a36": 0xE0, "2a1e": 0xF8}
_RESERVED_FLAGS |= {"2a9c": 0xE000}


@pytest.mark.parametrize(("uuid", "value"), [v for v in VALID if v[0] in _RESERVED_FLAGS])
def test_reserved_flag_bits_are_ignored(uuid, value):
    decode = BY_CHARACTERISTIC[uuid]
    flags = int.from_bytes(value, "little") | _RESERVED_FLAGS[uuid]
    assert decode(flags.to_bytes(len(value), "little")) == decode(value)


@pytest.mark.parametrize("uuid", sorted(INTERMEDIATE & set(BY_CHARACTERISTIC)))
def test_an_intermediate_value_has_no_door_from_a_profile(uuid):
    assert BY_CHARACTERISTIC[uuid] not in CODECS.values()


@pytest.mark.parametrize(
    ("uuid", "raw", "offset"),
    [
        ("2a19", "65", 0),
        ("2a29", "41FF42", 1),
        ("2a52", "0103010200", 0),
        ("2a52", "060101", 1),
        ("2a9c", "0224E907081D0A1B21EE0A5432", 2),
        ("2a9c", "1000E600E903", 4),
        ("2aa7", "06000C10050007000C10060000", 6),
        ("2aa7", "08000C100600586F", 6),
    ],
)
def test_an_error_says_which_field_was_wrong(uuid, raw, offset):
    with pytest.raises(DecodeError) as caught:
        BY_CHARACTERISTIC[uuid](bytes.fromhex(raw))
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("uuid", "raw", "offsets"),
    [
        ("sfloat", "7200", [0]),
        ("2a19", "64", [0]),
        ("2a2b", "E707010214160701FF01", [8]),
        ("2a52", "05000201", [2]),
        ("2a36", "14960000000000480000 00", [1, 7]),
        ("2a9c", "1404E600029F01B036", [2, 5, 7]),
        ("2a34", "FF0B0000033CD0025208073201 05C045F0", [5, 9, 11, 13, 15]),
    ],
)
def test_a_quantity_says_where_it_began(uuid, raw, offsets):
    decoded = CODECS_ALL[uuid](bytes.fromhex(raw))
    assert [quantity.offset for quantity in decoded.quantities] == offsets


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
