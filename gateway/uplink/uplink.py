"""Sends what waits, takes the receipts, and begins again when either fails."""

import asyncio
import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from contract.messages import (
    BATCH_MEASUREMENTS_MAX,
    ENVELOPE_BYTES_MAX,
    Birth,
    Command,
    Configuration,
    Measurements,
    Receipt,
    Refused,
    Up,
    Will,
    down_decoder,
    encoder,
)
from gateway.clock import Moment
from gateway.errors import NotNow
from gateway.outbox import OutboxThread
from gateway.supervision import Loop
from gateway.uplink.flight import Flight, Sent
from gateway.uplink.link import Link

_log = logging.getLogger(__name__)
_ENVELOPE_SPARE_BYTES: Final = 512  # around the measurements: type, gateway, epoch, seq
_RETRY_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 30.0  # a store whose caller was cancelled wakes nobody
# After the network came back a time service sets the clock within seconds: what is sent before
# that, the server can only store as of an unsure time. A judgement, and no more than this.
CLOCK_SECONDS: Final = 30.0
_LONG_AWAY_SECONDS: Final = 600.0
_CLOCK_LOOK_SECONDS: Final = 1.0
_TURN_SECONDS_MAX: Final = 60.0

Order = Configuration | Command


class Uplink:
    """One gateway's exchange with the server, over a ``Link``, out of an ``OutboxThread``."""

    def __init__(
        self,
        *,
        gateway: str,
        version: str,
        link: Link,
        outbox: OutboxThread,
        receipt_seconds: float,
        moment: Callable[[], Moment],
        obey: Callable[[Order], None],
        prompts: bool = False,
    ) -> None:
        self._gateway, self._version, self._prompts = gateway, version, prompts
        self._link, self._outbox = link, outbox
        self._moment, self._obey = moment, obey
        self._flight = Flight(receipt_seconds)
        self._payloads: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._session: str | None = None
        self._reported: str | None = None
        self._epoch, self._next_seq, self._kept_from = "", 1, 1
        self._clock_was_right = False
        self._held_since = 0.0
        self._lost_at = -_LONG_AWAY_SECONDS
        self.loop = Loop("uplink")

    @property
    def is_connected(self) -> bool:
        """Tell whether the broker has our subscription now."""
        return self._session is not None

    @property
    def receipts_are_missing(self) -> bool:
        """Tell whether what was sent got no receipt in time."""
        return self._flight.missing

    def look(self) -> None:
        """Look into the outbox soon: something was stored."""
        self._wake.set()

    def publish(self, message: Up) -> bool:
        """Send one message now; False when there is no connection."""
        return self.is_connected and self._link.publish(encoder.encode(message))

    # What the link tells.

    def connected(self, session: str) -> None:
        """Begin anew: the birth goes first, then what waits, oldest first."""
        self._session = session
        # A link that comes and goes must not hold back for ever what no clock places.
        if time.monotonic() - self._lost_at >= _LONG_AWAY_SECONDS:
            self._held_since = time.monotonic()
        self._flight.reconnected()
        self._wake.set()
        _log.info("connected to the broker")
        self._reported = None
        moment = self._moment()
        self.publish(
            Birth(
                gateway=self._gateway,
                epoch=self._epoch,
                seq=self._next_seq,
                session=session,
                sent_at=moment.wall_ms,
                boot_id=moment.boot_id,
                clock=moment.clock,
                version=self._version,
                kept_from=self._kept_from,
                prompts=self._prompts,
            )
        )

    def lost(self, reason: str) -> None:
        """Note that there is no connection; said once until there is one again."""
        if self._session is not None:
            self._lost_at = time.monotonic()
        self._session = None
        if self._reported is None:
            _log.warning("%s; what is measured waits here", reason)
            self._reported = reason

    def received(self, payload: bytes) -> None:
        """Take one message of the server; it is read in turn."""
        self._payloads.append(payload)
        self._wake.set()

    async def run(self) -> None:
        """Run until cancelled. What fails for now is tried again."""
        await self._wait_for_outbox()
        self._link.start(self, self._will)
        try:
            while True:
                self._wake.clear()
                await self._pause(await self._turn())
        finally:
            await self._link.stop()

    async def _wait_for_outbox(self) -> None:
        """Wait until the outbox can be read: every envelope names its epoch."""
        seconds = await self._turn()
        while not self._epoch:
            await self._pause(seconds)
            seconds = await self._turn()

    async def _turn(self) -> float:
        """Do what there is to do; return how many seconds nothing more can be due."""
        try:
            while self._payloads:
                await self._take(self._payloads.popleft())
            await self._refresh()
            self._check_overdue()
            if not await self._clock_is_settled():
                return _CLOCK_LOOK_SECONDS
            while self.is_connected and self._flight.has_room() and await self._send_next():
                pass
        except NotNow as error:
            _log.error("%s", error)
            return _RETRY_SECONDS
        # While the link is away nothing can be overdue: only its return changes that.
        due = self._flight.wait_seconds(time.monotonic()) if self.is_connected else None
        return _LOOK_SECONDS if due is None else min(due, _LOOK_SECONDS)

    async def _clock_is_settled(self) -> bool:
        """Correct what came before the clock was set; tell whether to wait for that no longer."""
        moment = self._moment()
        right = moment.clock == "synchronised"
        if right and not self._clock_was_right:
            placed = (moment.wall_ms, moment.monotonic_ms, moment.boot_id)
            if count := await self._outbox.correct(*placed):
                _log.info("the clock is set: corrected the time of %d measurements", count)
        self._clock_was_right = right
        return right or time.monotonic() >= self._held_since + CLOCK_SECONDS

    async def _pause(self, seconds: float) -> None:
        self.loop.goes_on_within(seconds + _TURN_SECONDS_MAX)
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _will(self, session: str) -> bytes:
        return encoder.encode(
            Will(gateway=self._gateway, epoch=self._epoch, seq=self._next_seq, session=session)
        )

    async def _refresh(self) -> None:
        state = await self._outbox.state()
        if state.epoch != self._epoch:
            self._flight.again()  # a new file: its numbers begin at 1
        self._epoch, self._next_seq = state.epoch, state.next_seq
        self._kept_from = state.receipted + 1

    def _check_overdue(self) -> None:
        if not self.is_connected or not self._flight.overdue(time.monotonic()):
            return
        if not self._flight.missing:
            _log.warning("no receipt came for what was sent: sending it again")
        self._flight.miss()

    async def _send_next(self) -> bool:
        """Send the next envelope; False when nothing more waits or the link is gone."""
        rows = await self._outbox.waiting(
            self._flight.last, BATCH_MEASUREMENTS_MAX, ENVELOPE_BYTES_MAX - _ENVELOPE_SPARE_BYTES
        )
        if not rows:
            return False
        envelope = encoder.encode(
            Measurements(
                gateway=self._gateway,
                epoch=self._epoch,
                seq=rows[0].seq,
                kept_from=self._kept_from,
                measurements=[msgspec.Raw(row.body) for row in rows],
            )
        )
        if not self._link.publish(envelope):
            return False
        digest = hashlib.sha256(envelope).hexdigest()
        self._flight.add(Sent(rows[0].seq, rows[-1].seq, digest, time.monotonic()))
        return True

    async def _take(self, payload: bytes) -> None:
        try:
            message = down_decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.warning("a message of the server cannot be read: %s", error)
            return
        if message.gateway != self._gateway:
            _log.warning("a message of the server is for gateway %s: ignored", message.gateway)
            return
        match message:
            case Receipt():
                await self._take_receipt(message)
            case Refused():
                await self._take_refusal(message)
            case Configuration() | Command():
                self._obey(message)

    async def _take_receipt(self, receipt: Receipt) -> None:
        if not await self._outbox.forget(receipt.epoch, receipt.seq):
            return
        _log.info("receipt epoch=%s seq=%d", receipt.epoch, receipt.seq)
        if self._flight.receipted(receipt.seq):
            _log.info("receipts are coming again")

    async def _take_refusal(self, refused: Refused) -> None:
        sent = self._flight.find(refused.sha256)
        if sent is None:
            _log.warning("the server refused something that is not on its way: %s", refused.reason)
            return
        _log.warning("refused: seq=%d..%d: %s", sent.first, sent.last, refused.reason)
        await self._outbox.refuse(sent.first, sent.last, refused.reason)
        self._flight.again()
