"""What nats-server says in its log and nowhere else.

A line is ``[pid] date time [LEVEL] text``; one about a client goes on as
``address:port - mid:number - "client id" - what happened``. The client id is what the client calls
itself: it names a gateway only if it has the contract's form, and may be a lie, so an event tells
whom to look at, not who did it.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

TEXT_LENGTH_MAX: Final = 200
READY: Final = "Server is ready"
RELOADED: Final = "Reloaded server configuration"
NOT_RELOADED: Final = "Failed to reload server configuration"
_CLIENT: Final = re.compile(r'\S+ - mid:\d+ - "(?P<client>.*?)" - (?P<what>.*)')
_CLIENT_ID: Final = re.compile(r"(?P<gateway>[a-z0-9-]{1,63})-[0-9a-f]{32}")


class Kind(StrEnum):
    """What happened, as far as somebody should look at it."""

    DENIED = "denied"
    """A client published or subscribed what it may not; its publish got a good PUBACK."""
    REPLACED = "replaced"
    """A second client took the client id of a connected one, which was disconnected."""
    OVERSIZED = "oversized"
    """A message beyond the broker's limit; the connection was closed and will come again."""
    REFUSED = "refused"
    """A certificate of our authority that has no entry (any more)."""
    DIED = "died"
    """The broker ended by itself and is being started again."""


class Event(NamedTuple):
    """One thing that the broker's log says about a client."""

    kind: Kind
    gateway: str | None
    text: str


_SIGNS: Final = (
    ("Publish Violation", Kind.DENIED),
    ("Subscription Violation", Kind.DENIED),
    ("Replacing old client", Kind.REPLACED),
    ("maximum payload exceeded", Kind.OVERSIZED),
    ("authentication error", Kind.REFUSED),
)


def text_of(line: str) -> str:
    """Return a line's text without process, time and level."""
    return line.partition("] ")[2].partition("] ")[2].strip()


def event_of(line: str) -> Event | None:
    """Read one line; None when nobody needs to know."""
    match = _CLIENT.match(text_of(line))
    if match is None:
        return None
    for sign, kind in _SIGNS:
        if match["what"].startswith(sign):
            gateway = _CLIENT_ID.fullmatch(match["client"])
            return Event(kind, gateway["gateway"] if gateway else None, _printable(match[0]))
    return None


def _printable(text: str) -> str:
    """Bound what a client can make us store and show."""
    return "".join(c if c.isprintable() else "?" for c in text)[:TEXT_LENGTH_MAX]
