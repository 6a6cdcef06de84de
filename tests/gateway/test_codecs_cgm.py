"""The E2E-CRC of continuous glucose records, and that one bad record spoils its neighbours."""

import pytest

from gateway.codecs.cgm import crc, decode
from gateway.errors import DecodeError


@pytest.mark.parametrize(
    ("record", "published"),
    [
        # Continuous Glucose Monitoring Service 1.0.1, 3.11: 01 2F on the wire. So quoted by
        # NordicSemiconductor/Android-BLE-Common-Library CRC16Test.java and by
        # tidepool-org/BluetoothCommonKit DataTests.swift, the next two by one of them.
        (bytes.fromhex("3E010203040506070809"), 0x2F01),
        (bytes.fromhex("58251F98"), 0x07F1),
        (bytes.fromhex("7822E40703150E0703000001"), 0x41AB),
    ],
)
def test_the_crc_of_a_published_message(record, published):
    assert crc(record) == published


def test_any_single_bit_that_flips_is_noticed():
    record = bytes.fromhex("0FE3D2E405000214FF02F0E5F38E3F")
    for bit in range(len(record) * 8):
        flipped = bytearray(record)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DecodeError):
            decode(bytes(flipped))


@pytest.mark.parametrize("flag", [4, 8, 16])
def test_reserved_flag_bits_are_ignored(flag):
    assert decode(bytes([6, flag, 0x0C, 0x10, 6, 0])) == decode(bytes([6, 0, 0x0C, 0x10, 6, 0]))


def test_a_size_of_nothing_ends():
    with pytest.raises(DecodeError, match="size 0"):
        decode(bytes(12))
