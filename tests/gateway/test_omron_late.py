"""A cuff that answers late: its parts say neither what nor which try they answer."""

import asyncio

import pytest

from contract.profiles import Memory, Ring
from gateway.ble import omron
from gateway.ble.omron import OmronMemory
from gateway.ble.omron_frames import PART_BYTES
from tests.gateway.test_omron_frames import WHOLE

SLOT_BYTES = 16
FIRST = bytes(range(1, SLOT_BYTES + 1))
# Of the first part of its answer and the second part of the other's, all bytes xor to zero, too:
# the address, 0x10, is made up for in the first byte.
SECOND = bytes((FIRST[0] ^ SLOT_BYTES, *FIRST[1:10], *reversed(FIRST[10:])))


def answer(address: int, data: bytes) -> list[bytes]:
    """As the captured one is made (``WHOLE``): length, type, address, size, data, 0, xor."""
    frame = bytes((len(data) + 8, *WHOLE[1:3], *address.to_bytes(2, "big"), len(data), *data, 0))
    check = 0
    for byte in frame:
        check ^= byte
    frame += bytes((check,))
    return [frame[at : at + PART_BYTES] for at in range(0, len(frame), PART_BYTES)]


class Late:
    """A link to a cuff of two slots that misses the first request for the first of them.

    It answers the second one twice; of the answer that is too much the second part alone comes.
    """

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.requests: list[bytes] = []

    async def listen(self, uuid: str) -> None:
        """Everything is heard."""

    async def next(self) -> tuple[str, bytes]:
        return await self._arrived.get()

    async def write(self, uuid: str, value: bytes) -> None:
        if value[0] == 0x01:
            self._arrived.put_nowait((uuid, b"\x81\x00"))
            return
        self.requests.append(value)
        kind, address = value[1:3], int.from_bytes(value[3:5], "big")
        if kind != b"\x01\x00":
            body = bytes((8, 0x80 | kind[0], kind[1], 0, 0, 0, 0))
            self._say([body + bytes((8 ^ body[1] ^ body[2],))])
        elif address:
            self._say(answer(address, SECOND))
        elif self.requests.count(value) == 2:
            parts = answer(address, FIRST)
            self._say(parts)
            self._arrived.put_nowait((omron._CHANNELS_IN[1], parts[1]))

    def _say(self, parts: list[bytes]) -> None:
        for channel, part in zip(omron._CHANNELS_IN, parts, strict=False):
            self._arrived.put_nowait((channel, part))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omron, "_REPLY_SECONDS", 0.2)
    monkeypatch.setattr(omron, "_QUIET_SECONDS", 0.05)


async def test_what_comes_late_is_not_put_together_with_what_was_asked_next() -> None:
    link = Late()
    memory = Memory(
        protocol="omron",
        slot_bytes=SLOT_BYTES,
        read_bytes=SLOT_BYTES,
        user=[Ring(start=0, slots=2)],
    )
    found = [slot.raw async for slot in OmronMemory(link).slots(memory, b"k" * 16)]
    assert found == [FIRST, SECOND]
