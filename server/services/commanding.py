"""Commands to gateways leave with what is at hand: the connection that intake has to the broker."""

from collections.abc import Callable
from typing import Final

import msgspec

from contract import topics
from contract.messages import Command, encoder
from server.ports.store import Store

COMMANDS_MAX: Final = 200


def send(store: Store, publish: Callable[[str, bytes], None], now: int) -> int:
    """Publish the commands that wait and have not expired; return how many.

    Each is noted as sent first, so at most once: somebody at home who is asked over and over does
    not measure at all, and what waits for an answer has an end without it.
    """
    with store.read() as tx:
        waiting = tx.commands.unsent(now, COMMANDS_MAX)
    if not waiting:
        return 0
    with store.write() as tx:
        taken = tx.commands.take(waiting, now)
    for command in taken:
        said = {name: value for name, value in command._asdict().items() if value is not None}
        payload = encoder.encode(msgspec.convert(said, Command))
        publish(topics.down(command.gateway), payload)
    return len(taken)
