"""A device's clock, in local time as devices keep it: what it shows, and how it is set.

Only the clock that the profile has us set is read: another device may want a bond for that.
"""

from collections.abc import Callable
from datetime import MAXYEAR, datetime, timedelta
from typing import Final, NamedTuple

from contract.profiles import Profile
from gateway.codecs import current_time, date_time
from gateway.errors import DecodeError

# The gateway's local time, or None while nobody knows whether its own clock is right.
LocalTime = Callable[[], datetime | None]
_CHARACTERISTIC: Final = {"date-time": "2a08", "current-time": "2a2b"}
_ENCODE: Final = {"date-time": date_time.encode, "current-time": current_time.encode}
_DECODE: Final = {"date-time": current_time.decode_date_time, "current-time": current_time.decode}


class Shown(NamedTuple):
    """What a device's clock showed, at a time of the event loop's clock (s)."""

    time: datetime
    at: float

    def then(self, at: float) -> datetime:
        """Return what it shows at another time, to the second, if nobody sets it meanwhile."""
        return (self.time + timedelta(seconds=at - self.at)).replace(microsecond=0)


def clock_characteristic(profile: Profile) -> str | None:
    """Return where the clock is read and set; None where it is left alone."""
    return None if profile.set_clock is None else _CHARACTERISTIC[profile.set_clock]


def clock_shown(profile: Profile, value: bytes) -> datetime | None:
    """Return what the clock's characteristic says; None where that is no time."""
    if profile.set_clock is None:
        return None
    try:
        time = _DECODE[profile.set_clock](value).time
    except DecodeError:
        return None
    # The calendar's last year is no time that goes on.
    return time if isinstance(time, datetime) and time.year < MAXYEAR else None


def clock_write(profile: Profile, local_time: LocalTime) -> tuple[str, bytes] | None:
    """Return the characteristic and the bytes that set the clock; None where it is left alone."""
    time = local_time() if profile.set_clock is not None else None
    if profile.set_clock is None or time is None:
        return None
    return _CHARACTERISTIC[profile.set_clock], _ENCODE[profile.set_clock](time)
