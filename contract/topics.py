"""The two topics of a gateway. The contract's version is in the topic."""

import re
from typing import Final

VERSION: Final = 1
GATEWAY_ID: Final = r"^[a-z0-9-]{1,63}$"
ALL_UP: Final = f"vicino/{VERSION}/+/up"
_UP: Final = re.compile(rf"vicino/{VERSION}/([a-z0-9-]{{1,63}})/up")


def up(gateway: str) -> str:
    """Name the topic on which ``gateway`` publishes."""
    return f"vicino/{VERSION}/{gateway}/up"


def down(gateway: str) -> str:
    """Name the topic to which ``gateway`` subscribes."""
    return f"vicino/{VERSION}/{gateway}/down"


def gateway_of(topic: str) -> str | None:
    """Return the gateway whose ``up`` topic this is, or None for any other topic."""
    match = _UP.fullmatch(topic)
    return match[1] if match else None
