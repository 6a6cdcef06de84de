"""The intake loop: a batch, its commit, its receipts; the broker is acknowledged last."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Final

from contract import topics
from contract.messages import encoder
from server.errors import StoreUnavailable
from server.intake.connection import Connection, Message
from server.ports.store import Store
from server.services import commanding, storing

BATCH_MESSAGES_MAX: Final = 2000
# One transaction's work: some 4,000 measurements, and at most 50,000 observations. After an outage
# every message is a full envelope; two thousand of them in one commit would hold up everybody.
BATCH_BYTES_MAX: Final = 2 * 1024 * 1024
# What comes is stored after 20 ms at rest. Where the last batch took longer to store, the next is
# gathered as long: under load more messages share a commit, and nobody waits twice as long for it.
LINGER_SECONDS: Final = 0.020
LINGER_SECONDS_MAX: Final = 0.060
_IDLE_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 2.0
_COMMANDS_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


def bounded(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Cut what came into batches, in order; one message may be larger than the bound."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        own = len(message.arrival.payload) if message.arrival is not None else 0
        if batch and size + own > BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += own
    if batch:
        yield batch


class Intake:
    """Owns the connection to the broker and the thread that stores."""

    def __init__(
        self,
        connection: Connection,
        store: Store,
        *,
        now: Callable[[], int],
        stored: Callable[[], None],
        replicate: bool,
    ) -> None:
        self._connection, self._store = connection, store
        self._now, self._stored, self._replicate = now, stored, replicate
        self._stopping = threading.Event()
        self._commands_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether the broker can be reached now."""
        return self._connection.connected

    def run(self) -> None:
        """Work until ``stop``. While the store fails, the broker keeps what comes: intake
        disconnects instead of holding messages unacknowledged."""
        linger = LINGER_SECONDS
        while not self._stopping.is_set():
            messages = self._connection.take(BATCH_MESSAGES_MAX, linger, _IDLE_SECONDS)
            self._send_commands()
            if not messages:
                continue
            start = monotonic()
            try:
                for batch in bounded(messages):
                    self._store_all(batch)
            except StoreUnavailable as error:
                self._wait_for_store(error)
            linger = min(max(LINGER_SECONDS, monotonic() - start), LINGER_SECONDS_MAX)
        self._connection.close()

    def stop(self) -> None:
        """Ask ``run`` to end after the batch in hand."""
        self._stopping.set()

    def _send_commands(self) -> None:
        """Send what gateways are to be told, once a second, and never in the way of storing."""
        if not self._connection.connected or monotonic() < self._commands_at:
            return
        self._commands_at = monotonic() + _COMMANDS_SECONDS
        try:
            commanding.send(self._store, self._connection.publish, self._now())
        except StoreUnavailable as error:
            log.warning("commands wait for the store: %s", error)

    def _store_all(self, messages: list[Message]) -> None:
        """Store a batch; one message that cannot be stored must not stop the others (H7)."""
        try:
            self._store_batch(messages)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, a gateway sent it
            log.error("a batch of %d failed: %s", len(messages), type(error).__name__)
            for message in messages:
                self._store_alone(message)

    def _store_alone(self, message: Message) -> None:
        try:
            self._store_batch([message])
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            log.error("one message cannot be stored: %s", type(error).__name__)
            if message.arrival is not None:
                with self._store.write() as tx:
                    answer = storing.refuse(tx, message.arrival, type(error).__name__, self._now())
                self._connection.publish(topics.down(answer.gateway), encoder.encode(answer))
            self._connection.done([message])

    def _store_batch(self, messages: list[Message]) -> None:
        arrivals = [message.arrival for message in messages if message.arrival is not None]
        with self._store.write() as tx:
            answers = storing.take(tx, arrivals, self._now(), replicate=self._replicate)
        for answer in answers:
            self._connection.publish(topics.down(answer.gateway), encoder.encode(answer))
        self._connection.done(messages)
        self._stored()

    def _wait_for_store(self, error: StoreUnavailable) -> None:
        log.error("nothing can be stored, intake disconnects: %s", error)
        self._connection.close()
        while not self._stopping.wait(_RETRY_SECONDS):
            try:
                with self._store.write() as tx:
                    tx.heartbeat("intake", self._now())
            except StoreUnavailable:
                continue
            log.info("the store is back, intake connects again")
            return
