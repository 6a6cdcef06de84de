"""Instants are integers: milliseconds since 1970 in UTC. Civil days belong to the patient's zone.

A device's own time is local and has no zone. This module turns it into an instant, and says how
far it can be believed: a time that cannot be is never corrected by guess and never refused; it
is *unsure*, and the gateway's clock stands in (hazard H2).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
EPOCH_DAY: Final = 719_163  # its ordinal: civil days count from 1970-01-01
DAY: Final = 24 * HOUR

# A device's clock drifts by minutes between two settings; more than this ahead is no drift.
AHEAD_TOLERATED: Final = 5 * MINUTE
# Older records in a device's memory are rarer than clocks that fell back to the first of January.
BEHIND_TOLERATED: Final = 92 * DAY
# The mark of a time that was set right by what the device's clock showed.
CORRECTED: Final = "device-clock-corrected"
_MS: Final = timedelta(milliseconds=1)
# Before this the gateway's own clock was never set, whatever it says: the software is younger.
_SOFTWARE_MADE: Final = 1_767_225_600_000  # 2026-01-01


class Quality(StrEnum):
    """How far a measured-at can be believed; ``unsure`` stays out of series and trends."""

    TRUSTED = "trusted"
    RECEIVED = "received"  # the device sent no time: the gateway's clock at arrival stands in
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class MeasuredAt:
    """When a measurement was taken, how sure that is, and a word why where it is not."""

    at: int
    quality: Quality
    mark: str | None = None


@cache
def zone(name: str) -> ZoneInfo:
    """Return the IANA zone; raises ``ZoneInfoNotFoundError`` for a name that is none."""
    return ZoneInfo(name)


def to_datetime(instant: int) -> datetime:
    """Return the instant as an aware datetime in UTC."""
    return datetime.fromtimestamp(instant / 1000, UTC)


def from_datetime(moment: datetime) -> int:
    """Return the instant of an aware datetime, in whole milliseconds."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def end_of_day(iso_date: str, zone_name: str) -> int:
    """Return when a day ends that a person wrote. Raises ``ValueError`` for no day of ours."""
    try:
        number = date.fromisoformat(iso_date).toordinal() - EPOCH_DAY
        return at_local(number + 1, 0, zone_name)
    except OverflowError as error:
        raise ValueError(f"{iso_date} is beyond the calendar") from error


def civil_day(instant: int, zone_name: str) -> int:
    """Return the civil day in the zone, as days since 1970-01-01."""
    local = to_datetime(instant).astimezone(zone(zone_name))
    return local.toordinal() - EPOCH_DAY


def utc_offset(instant: int, zone_name: str) -> int:
    """Return by how many milliseconds the zone's wall clock is ahead of UTC at an instant."""
    offset = to_datetime(instant).astimezone(zone(zone_name)).utcoffset()
    return offset // timedelta(milliseconds=1) if offset else 0


def at_local(day: int, minute: int, zone_name: str) -> int:
    """Return the instant of the ``minute``-th minute of a civil day, by the zone's wall clock."""
    midnight = datetime.fromordinal(day + EPOCH_DAY)
    local = midnight + timedelta(minutes=minute)
    return from_datetime(local.replace(tzinfo=zone(zone_name)))


def measured_at(
    *,
    device_time: str | None,
    received_at: int,
    stored_at: int,
    clock_synchronised: bool,
    time_unset: bool,
    zone_name: str,
    corrected: bool = False,
    device_now: str | None = None,
) -> MeasuredAt:
    """Decide when a measurement was taken.

    ``device_time`` is ISO 8601 without a zone, as the device sent it; ``time_unset`` is the
    device's own word that its clock was never set, which wins over the date beside it.
    ``corrected``: the gateway's clock was set after it came, and ``received_at`` corrected then.
    ``device_now`` is what the device's clock showed at ``received_at``, where that was read.
    """
    arrived = _arrival(received_at, stored_at, clock_synchronised, corrected)
    if device_time is None or arrived.quality is Quality.UNSURE:
        return arrived
    if time_unset:
        return MeasuredAt(arrived.at, Quality.UNSURE, "device-clock-unset")
    try:
        claimed, doubled = _local_to_instant(device_time, arrived.at, zone_name)
    except ValueError:
        return MeasuredAt(arrived.at, Quality.UNSURE, "device-time-impossible")
    if device_now is not None:
        by_clock = _by_its_clock(device_time, device_now, arrived, zone_name)
        if by_clock is not None:
            return by_clock
    if abs(claimed - arrived.at - HOUR) <= AHEAD_TOLERATED:
        # Left on summer time: an hour ahead to the minutes is the other half-year's offset.
        return MeasuredAt(claimed - HOUR, Quality.TRUSTED, "device-clock-hour-ahead")
    if claimed > arrived.at + AHEAD_TOLERATED:
        return MeasuredAt(arrived.at, Quality.UNSURE, "device-clock-ahead")
    if claimed < arrived.at - BEHIND_TOLERATED:
        return MeasuredAt(arrived.at, Quality.UNSURE, "device-clock-behind")
    return MeasuredAt(claimed, Quality.TRUSTED, "doubled-hour" if doubled else arrived.mark)


def _arrival(
    received_at: int, stored_at: int, clock_synchronised: bool, corrected: bool
) -> MeasuredAt:
    if received_at > stored_at + AHEAD_TOLERATED:
        return MeasuredAt(stored_at, Quality.UNSURE, "gateway-clock-ahead")
    if received_at < _SOFTWARE_MADE:
        return MeasuredAt(stored_at, Quality.UNSURE, "gateway-clock-unset")
    if not clock_synchronised:
        return MeasuredAt(received_at, Quality.UNSURE, "gateway-clock-unsynchronised")
    mark = "gateway-clock-corrected" if corrected else None
    return MeasuredAt(received_at, Quality.RECEIVED, mark)


def _by_its_clock(
    device_time: str, device_now: str, arrived: MeasuredAt, zone_name: str
) -> MeasuredAt | None:
    """Place a measurement by its age on a clock that is known to be wrong; None: it is right.

    Two times of one clock that nobody touched between differ by the age, whatever the clock says.
    Whether it was touched nobody knows: were it, the mistake is as large as the clock is wrong, so
    one that is wrong by days is believed for the last day only.
    """
    try:
        shown, _ = _local_to_instant(device_now, arrived.at, zone_name)
    except ValueError:
        return None
    wrong_by = shown - arrived.at
    if abs(wrong_by) <= AHEAD_TOLERATED:
        return None
    age = (datetime.fromisoformat(device_now) - datetime.fromisoformat(device_time)) // _MS
    oldest = BEHIND_TOLERATED if abs(wrong_by) <= DAY else DAY
    if -MINUTE <= age <= oldest:  # seconds are whole: what was just taken may lie ahead by one
        return MeasuredAt(arrived.at - max(age, 0), Quality.TRUSTED, CORRECTED)
    said = "device-clock-ahead" if wrong_by > 0 else "device-clock-behind"
    return MeasuredAt(arrived.at, Quality.UNSURE, said)


def _local_to_instant(text: str, near: int, zone_name: str) -> tuple[int, bool]:
    """Place a local time; in the doubled autumn hour take the fold nearest to ``near``."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone(zone_name))
    first, second = (from_datetime(local.replace(fold=fold)) for fold in (0, 1))
    doubled = second > first  # in the spring gap fold 1 lies before fold 0: not two real times
    return (min((first, second), key=lambda at: abs(at - near)) if doubled else first), doubled
