"""Reading the memory of Omron's older cuffs over one link: unlock, begin, read every slot, end.

All rings are read whole at each contact and nothing is written: neither the cuff's counters of what
is unread nor its clock. What was read before drops out by content id. The key with which a cuff
lets itself be read is this box's own, and given to the cuff when it is paired.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from contract.profiles import Memory, Ring
from gateway.ble import omron_frames as frames
from gateway.ble.link import Link, Notified
from gateway.errors import DecodeError

_UNLOCK: Final = "b305b680aee711e1a7300002a5d5c51b"
_CHANNELS_IN: Final = (
    "49123040aee811e1a74d0002a5d5c51b",
    "4d0bf320aee811e1a0d90002a5d5c51b",
    "5128ce60aee811e1b84b0002a5d5c51b",
    "560f1420aee811e181840002a5d5c51b",
)
_CHANNELS_OUT: Final = (
    "db5b55e0aee711e1965e0002a5d5c51b",
    "e0b8a060aee711e192f40002a5d5c51b",
    "0ae12b00aee811e1a1920002a5d5c51b",
    "10e1ba60aee811e189e50002a5d5c51b",
)
KEY_BYTES: Final = 16
_USE_KEY, _NEW_KEY, _KEY_MODE = b"\x01", b"\x00", b"\x02"
_UNLOCKED, _KEY_TAKEN, _READY_FOR_KEY = b"\x81\x00", b"\x80\x00", b"\x82\x00"
_REPLY_SECONDS: Final = 2.0
_QUIET_SECONDS: Final = 0.5
_LATE_PARTS_MAX: Final = 16
_TRIES: Final = 3
_NEVER_WRITTEN: Final = ({0x00}, {0xFF})


@dataclass(frozen=True, slots=True)
class Slot:
    """One measurement as it lies in the memory, and whose of the cuff's users it is (from 1)."""

    user: int
    raw: bytes


class OmronMemory:
    """A cuff's memory, over a link. Every call may raise ``DeviceUnavailable``."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._is_behind = False

    async def give_key(self, key: bytes) -> None:
        """Make ``key`` the one that unlocks it; it must have been put into pairing mode."""
        await self._link.listen(_UNLOCK)
        ready = await self._unlock_says(_KEY_MODE + bytes(KEY_BYTES))
        if not ready.startswith(_READY_FOR_KEY):
            raise self._link.unavailable("is not in pairing mode (a blinking P)")
        if not (await self._unlock_says(_NEW_KEY + key)).startswith(_KEY_TAKEN):
            raise self._link.unavailable("did not take the key")

    async def slots(self, memory: Memory, key: bytes) -> AsyncIterator[Slot]:
        """Unlock it with the key and read every slot that was written, user by user."""
        for uuid in (_UNLOCK, *_CHANNELS_IN):
            await self._link.listen(uuid)
        if not (await self._unlock_says(_USE_KEY + key)).startswith(_UNLOCKED):
            raise self._link.unavailable("is not paired with this box, run vicino-gateway pair")
        await self._ask(frames.START, frames.STARTED, None)
        for user, ring in enumerate(memory.user, start=1):
            async for raw in self._ring(memory, ring):
                if set(raw) not in _NEVER_WRITTEN:
                    yield Slot(user, raw)
        await self._ask(frames.END, frames.ENDED, None)

    async def _ring(self, memory: Memory, ring: Ring) -> AsyncIterator[bytes]:
        end = ring.start + ring.slots * memory.slot_bytes
        held = b""
        for address in range(ring.start, end, memory.read_bytes):
            size = min(memory.read_bytes, end - address)
            held += await self._ask(frames.read_request(address, size), frames.READ, address)
            while len(held) >= memory.slot_bytes:
                raw, held = held[: memory.slot_bytes], held[memory.slot_bytes :]
                yield raw

    async def _ask(self, request: bytes, kind: int, address: int | None) -> bytes:
        """Write a frame until its reply comes; any other reply is of an earlier try.

        Nothing in a part says which try it answers, and of what is put together wrong one in 256
        xors to zero all the same: after a try that had no answer, what comes late is let go first.
        """
        was_repeated = False
        for _ in range(_TRIES):
            if self._is_behind:
                await self._quiet()
            for channel, part in zip(_CHANNELS_OUT, frames.parts(request), strict=False):
                await self._link.write(channel, part)
            try:
                async with asyncio.timeout(_REPLY_SECONDS):
                    data = await self._reply(kind, address, request)
            except TimeoutError:
                self._is_behind = was_repeated = True
                continue
            self._is_behind = was_repeated
            return data
        raise self._link.unavailable(f"no answer to {request.hex()}")

    async def _reply(self, kind: int, address: int | None, request: bytes) -> bytes:
        assembly = frames.Assembly()
        while True:
            uuid, value = await self._arrived()
            if uuid not in _CHANNELS_IN:
                continue
            frame = assembly.arrived(_CHANNELS_IN.index(uuid), value)
            if frame is None:
                continue
            try:
                reply = frames.reply(frame)
            except DecodeError:
                continue  # asked again when the time is over
            if reply.kind == kind and address in (None, reply.address):
                if address is not None and len(reply.data) != request[5]:
                    raise self._link.unavailable(f"refused {request.hex()}")
                return reply.data

    async def _unlock_says(self, value: bytes) -> bytes:
        await self._link.write(_UNLOCK, value)
        try:
            async with asyncio.timeout(_REPLY_SECONDS * _TRIES):
                while True:
                    uuid, said = await self._arrived()
                    if uuid == _UNLOCK:
                        return said
        except TimeoutError as error:
            raise self._link.unavailable("does not answer the key") from error

    async def _quiet(self) -> None:
        """Let go of what still comes, until nothing does; one that never stops is given up."""
        for _ in range(_LATE_PARTS_MAX):
            try:
                async with asyncio.timeout(_QUIET_SECONDS):
                    await self._arrived()
            except TimeoutError:
                return
        raise self._link.unavailable("never stops answering")

    async def _arrived(self) -> Notified:
        arrived = await self._link.next()
        if arrived is None:
            raise self._link.unavailable("the link was lost")
        return arrived
