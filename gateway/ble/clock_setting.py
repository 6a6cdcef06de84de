"""Setting a device's clock: what is written where, in local time as devices keep it."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from contract.profiles import Profile
from gateway.codecs import current_time, date_time

# The gateway's local time, or None while nobody knows whether its own clock is right.
LocalTime = Callable[[], datetime | None]
_WRITES: Final = {
    "date-time": ("2a08", date_time.encode),
    "current-time": ("2a2b", current_time.encode),
}


def clock_write(profile: Profile, local_time: LocalTime) -> tuple[str, bytes] | None:
    """Return the characteristic and the bytes that set the clock; None where it is left alone."""
    time = local_time() if profile.set_clock is not None else None
    if profile.set_clock is None or time is None:
        return None
    characteristic, encode = _WRITES[profile.set_clock]
    return characteristic, encode(time)
