"""Free TCP ports for servers that are killed and come back on the same port.

Not from the range that the kernel gives to outgoing connections: a client that keeps trying the
port of a dead server may otherwise be given that very port, connect to itself, and hold it.
"""

import socket
from contextlib import suppress
from secrets import randbelow
from typing import Final

_FIRST: Final = 20_000
_LAST: Final = 32_000
_TRIES: Final = 200


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now, or raise ``OSError``."""
    for _ in range(_TRIES):
        port = _FIRST + randbelow(_LAST - _FIRST)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no free port from {_FIRST} to {_LAST}")
