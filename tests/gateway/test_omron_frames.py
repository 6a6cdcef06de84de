"""Frames of Omron's memory protocol: bytes that were captured from cuffs and from their app."""

import pytest

from gateway.ble.omron_frames import END, START, Assembly, parts, read_request, reply
from gateway.errors import DecodeError

# eigger/hass-omron issue 7: one whole notification of a HEM-7380T1.
WHOLE = bytes.fromhex("16810002f60e6754411af1074b13000015008100003f")
# eigger/hass-omron issue 13: a HEM-7322T-E, one part a channel.
PARTS = [
    bytes.fromhex(part)
    for part in (
        "40810002e4385261154a20531e3b0071",
        "6b80f93a4c6a154820b61af200736980",
        "92514954155420b61b59006a4e804b88",
        "465b1550210a100600465a80a46700f5",
    )
]


@pytest.mark.parametrize(
    ("address", "size", "captured"),
    [
        (0x260, 0x26, "080100026026004d"),
        (0x31C, 0x38, "080100031c38002e"),
        (0x2E8, 14, "08010002e80e00ed"),
    ],
)
def test_a_request_is_the_one_that_was_captured(address, size, captured):
    """userx14/omblepy issue 57, eigger/hass-omron issues 13 and 7."""
    assert read_request(address, size).hex() == captured


def test_begin_and_end_are_those_of_the_app():
    """userx14/omblepy issue 57."""
    assert (START.hex(), END.hex()) == ("0800000000100018", "080f000000000007")
    assert parts(START) == [START]


def test_a_reply_that_came_whole_is_read():
    found = reply(Assembly().arrived(0, WHOLE))
    assert (found.kind, found.address, found.data) == (0x8100, 0x2F6, WHOLE[6:20])


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2)])
def test_parts_are_put_together_in_whatever_order_they_come(order):
    assembly, frames = Assembly(), []
    for channel in order:
        frames.append(assembly.arrived(channel, PARTS[channel]))
    assert frames[:3] == [None, None, None]
    found = reply(frames[3])
    assert (found.kind, found.address, len(found.data)) == (0x8100, 0x2E4, 56)


def test_the_end_carries_no_data_of_the_memory():
    """userx14/omblepy issue 57: padded to sixteen bytes on its channel."""
    frame = Assembly().arrived(0, bytes.fromhex("088f0000000000870000000000000000"))
    assert reply(frame).kind == 0x8F00


@pytest.mark.parametrize("place", range(22))
def test_a_changed_byte_is_an_error(place):
    changed = bytearray(WHOLE)
    changed[place] ^= 0x10
    with pytest.raises(DecodeError):
        reply(bytes(changed))


@pytest.mark.parametrize("length", range(22))
def test_a_cut_frame_is_an_error(length):
    with pytest.raises(DecodeError):
        reply(WHOLE[:length])
