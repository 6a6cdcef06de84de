"""The server's clock: the only place that reads it. Everything below takes the time as a number."""

import time


def now_ms() -> int:
    """Return milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000
