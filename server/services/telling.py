"""Messages to staff are shown on screen, and owed to their channels in the same commit."""

from typing import Final, Protocol

from server.domain.instants import MINUTE
from server.ports.alerts import Message
from server.ports.store import Store
from server.services.delivering import address

MESSAGES_MAX: Final = 200
_WAIT_FIRST: Final = MINUTE
_WAIT_MAX: Final = 30 * MINUTE


class Display(Protocol):
    """The screens of staff."""

    def deliver(self, message: Message) -> bool:
        """Deliver, and say whether it was; False asks for another try."""
        ...


def deliver_messages(store: Store, display: Display, now: int) -> int:
    """Deliver what is due; return how many were delivered."""
    with store.read() as tx:
        messages = tx.alerts.undelivered(now, MESSAGES_MAX)
    if not messages:
        return 0
    fates = [(message, display.deliver(message)) for message in messages]
    with store.write() as tx:
        address(tx, [message for message, done in fates if done], now)
        for message, done in fates:
            if done:
                tx.alerts.delivered(message.id, now)
            else:
                wait = min(_WAIT_FIRST * 2**message.tries, _WAIT_MAX)
                tx.alerts.retry(message.id, now + wait)
    return sum(done for _, done in fates)
