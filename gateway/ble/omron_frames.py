"""Frames of Omron's memory protocol: what is written to a cuff, and what it notifies.

A frame is its length, a type (2 bytes), an address (2, big-endian), a size, the data, a zero, and a
byte that makes all of them xor to zero. It travels in parts of 16 bytes, one a channel; a cuff may
also send one whole. Sources: userx14/omblepy; frames captured from cuffs in its issue 57 and in
issues 7 and 13 of eigger/hass-omron.
"""

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from gateway.errors import DecodeError

PART_BYTES: Final = 16
START: Final = bytes.fromhex("0800000000100018")
END: Final = bytes.fromhex("080f000000000007")
STARTED, READ, ENDED = 0x8000, 0x8100, 0x8F00
_READ: Final = bytes.fromhex("080100")
_HEAD_BYTES, _TAIL_BYTES = 6, 2


@dataclass(frozen=True, slots=True)
class Reply:
    """What a cuff answers: the type with its top bit set, the address, the data."""

    kind: int
    address: int
    data: bytes


def read_request(address: int, size: int) -> bytes:
    """Ask for ``size`` bytes of the memory."""
    frame = _READ + address.to_bytes(2, "big") + bytes((size, 0))
    return frame + bytes((reduce(xor, frame),))


def parts(frame: bytes) -> list[bytes]:
    """Cut a frame into what each channel carries."""
    return [frame[at : at + PART_BYTES] for at in range(0, len(frame), PART_BYTES)]


def reply(frame: bytes) -> Reply:
    """Read a whole frame. Raises ``DecodeError`` when it is cut, or does not xor to zero."""
    if len(frame) < _HEAD_BYTES + _TAIL_BYTES or frame[0] != len(frame):
        raise DecodeError("not a whole frame", offset=0, value=frame)
    if reduce(xor, frame):
        raise DecodeError("does not xor to zero", offset=len(frame) - 1, value=frame)
    kind, address = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    size = frame[5]
    if kind == ENDED or size > len(frame) - _HEAD_BYTES - _TAIL_BYTES:
        return Reply(kind, address, b"")
    return Reply(kind, address, frame[_HEAD_BYTES : _HEAD_BYTES + size])


class Assembly:
    """Puts the parts of a reply together, in whatever order their channels speak."""

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}

    def arrived(self, channel: int, part: bytes) -> bytes | None:
        """Take a part; return the frame once all of it is there."""
        self._parts[channel] = part
        first = self._parts.get(0)
        if not first:
            return None
        length = first[0]
        whole = b"".join(self._parts.get(one, b"") for one in range(len(self._parts)))
        contiguous = all(one in self._parts for one in range(len(self._parts)))
        if not contiguous or len(whole) < length:
            return None
        self._parts.clear()
        return whole[:length]
