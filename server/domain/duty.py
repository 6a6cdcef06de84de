"""When a Community Health Centre's team reads, and who reads at one moment (hazard H9).

*Hours* say when somebody should read: civil hours by weekday in the CHC's zone, written
``Mon-Fri 08:00-20:00, Sat 08:00-14:00``. An end that is not after its start lies on the next day;
a public holiday of Italy counts as a Sunday. *Duty* says who does read: a member of staff comes
on duty by a click and goes off by another, or at the shift's end by itself. Only duty decides
who is told; hours decide when a shift ends, and when what can wait is told.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from server.domain.instants import HOUR, at_local, civil_day
from server.domain.roles import Action, Role, may
from server.errors import WrongInput

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DEFAULT_HOURS: Final = "Mon-Sun 08:00-20:00"
# Judgements, to be confirmed by the CHC. A shift of twelve hours, and the hour one comes early.
SHIFT_LONGEST: Final = 13 * HOUR
STAY: Final = 2 * HOUR
ENDS_SOON: Final = HOUR

_DAY_MINUTES: Final = 24 * 60
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES
_EPOCH: Final = date(1970, 1, 1)
_SATURDAY: Final = 5
_SUNDAY: Final = 6
# The longest way to a weekday of a week that holidays take: no row of them is longer.
_AHEAD_DAYS: Final = 30
_DAYS: Final = "|".join(WEEKDAYS)
_CLOCK: Final = r"([01]\d|2[0-3]):([0-5]\d)"
_PART: Final = re.compile(
    rf"(?P<first>{_DAYS})(?:-(?P<last>{_DAYS}))? {_CLOCK}-(?:{_CLOCK}|(?P<midnight>24:00))"
)
# Month and day; 4 October is one from 2026 on. A patron saint's day is the town's own.
_HOLIDAYS: Final = frozenset(
    {
        (1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (10, 4), (11, 1), (12, 8), (12, 25),
        (12, 26),
    }
)  # fmt: skip


class Span(NamedTuple):
    """From a minute of a weekday (Monday is 0) to one that may lie on a later day."""

    weekday: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Agreed hours of a week, in a zone."""

    spans: tuple[Span, ...]
    zone_name: str

    def until(self, now: int) -> int | None:
        """Return when the hours that run now end, or None while none run."""
        end = None
        for start, stop in self._stretches(civil_day(now, self.zone_name) - 7, 9):
            if start <= (end or now) < stop:
                end = stop
        return end

    def next_start(self, now: int) -> int:
        """Return when the next hours begin, after now."""
        return next(start for start in self._starts(civil_day(now, self.zone_name)) if start > now)

    def next_working_day(self, now: int) -> int:
        """Return when hours begin on the next day from Monday to Friday that is no holiday.

        Hours that run on no such day begin when they next do.
        """
        tomorrow = civil_day(now, self.zone_name) + 1
        starts = self._starts(tomorrow)
        working = (at for at in starts if weekday_of(civil_day(at, self.zone_name)) < _SATURDAY)
        return next(working, next(self._starts(tomorrow)))

    def _starts(self, first_day: int) -> Iterator[int]:
        return (start for start, _ in self._stretches(first_day, _AHEAD_DAYS))

    def _stretches(self, first_day: int, days: int) -> Iterator[tuple[int, int]]:
        """Yield the hours of civil days as instants, by their start."""
        for day in range(first_day, first_day + days):
            weekday = weekday_of(day)
            for span in sorted(span for span in self.spans if span.weekday == weekday):
                yield (
                    at_local(day, span.start, self.zone_name),
                    at_local(day, span.end, self.zone_name),
                )


@dataclass(frozen=True, slots=True)
class Duty:
    """Who of a CHC reads at one moment.

    ``recipient`` is the agreed out-of-hours recipient while its hours run: the last to be told,
    when nobody of the team is there or answers. It is not part of the team then.
    """

    hours: Hours
    team: Mapping[str, Role] = field(default_factory=dict)
    recipient: tuple[str, Role] | None = None

    def has(self, role: Role) -> bool:
        """Tell whether somebody of a role is on duty."""
        return role in self.team.values()

    def reads(self, name: str) -> bool:
        """Tell whether a member of staff is on duty, as one of the team or as recipient."""
        return name in self.team or (self.recipient is not None and self.recipient[0] == name)

    @property
    def nobody(self) -> bool:
        """Nobody reads who cares for patients."""
        return not self.carers and self.recipient is None

    @property
    def carers(self) -> list[str]:
        """Who of the team answers clinical alerts, by name."""
        return [name for name, role in self.team.items() if may(role, Action.WORK_CLINICAL)]


@lru_cache(maxsize=256)
def parse_hours(text: str, zone_name: str) -> Hours:
    """Read hours as they are written. Raises ``WrongInput`` naming the part."""
    return Hours(tuple(span for part in text.split(",") for span in _part(part)), zone_name)


def shift_end(hours: Hours, now: int) -> int:
    """Return when somebody who comes on duty now goes off by itself.

    That is the end of the hours that run in an hour's time, so that who comes early is not sent
    home at the start; outside the hours, and to stay past their end, two hours at a time.
    """
    end = hours.until(now + ENDS_SOON)
    return min(end, now + SHIFT_LONGEST) if end is not None else now + STAY


def uncovered(*agreed: Hours) -> list[Span]:
    """Return the stretches of an ordinary week in which none of the hours run."""
    read = bytearray(_WEEK_MINUTES)
    for span in (span for hours in agreed for span in hours.spans):
        begin = span.weekday * _DAY_MINUTES
        for minute in range(begin + span.start, begin + span.end):
            read[minute % _WEEK_MINUTES] = 1
    first = read.find(1)
    if first < 0:
        return [Span(0, 0, _WEEK_MINUTES)]
    found, minute = [], first
    for is_read, run in groupby(read[first:] + read[:first]):
        length = len(list(run))
        if not is_read:
            weekday, start = divmod(minute % _WEEK_MINUTES, _DAY_MINUTES)
            found.append(Span(weekday, start, start + length))
        minute += length
    return sorted(found)


def grouped(spans: list[Span]) -> list[tuple[int, Span]]:
    """Join equal spans of neighbouring weekdays: (last weekday, the first one's span)."""
    found: list[tuple[int, Span]] = []
    for span in sorted(spans, key=lambda one: (one.end - one.start, one.start, one.weekday)):
        same = found and found[-1][1][1:] == span[1:] and found[-1][0] == span.weekday - 1
        if same and span.end - span.start < _DAY_MINUTES:
            found[-1] = (span.weekday, found[-1][1])
        else:
            found.append((span.weekday, span))
    return sorted(found, key=lambda one: one[1])


def hours_text(spans: list[Span]) -> str:
    """Write spans as hours are written; one of a day or longer names its last day instead."""
    return ", ".join(_said(last, span) for last, span in grouped(spans))


def clock(minute: int) -> str:
    """Write a minute of a day as ``08:00``."""
    return "{:02}:{:02}".format(*divmod(minute % _DAY_MINUTES, 60))


def last_day(span: Span) -> int:
    """Return the weekday on which a span ends."""
    return (span.weekday + span.end // _DAY_MINUTES) % 7


def is_long(span: Span) -> bool:
    """Tell whether a span is a day or longer, so that its clock times alone would mislead."""
    return span.end - span.start >= _DAY_MINUTES


def weekday_of(day: int) -> int:
    """Return the weekday that a civil day counts as: a public holiday of Italy is a Sunday."""
    civil = _EPOCH + timedelta(days=day)
    return _SUNDAY if is_holiday(civil) else civil.weekday()


def is_holiday(civil: date) -> bool:
    """Tell whether a date is a public holiday of Italy."""
    return (civil.month, civil.day) in _HOLIDAYS or civil == _easter(civil.year) + timedelta(1)


def _easter(year: int) -> date:
    """Return Easter Sunday by the anonymous Gregorian computus (Meeus, 1991)."""
    century, of_century = divmod(year, 100)
    leap, leap_rest = divmod(century, 4)
    epact = (19 * (year % 19) + century - leap - (8 * century + 13) // 25 + 15) % 30
    moon = epact - (year % 19 + 11 * epact) // 319
    years, years_rest = divmod(of_century, 4)
    shift = (32 + 2 * leap_rest + 2 * years - years_rest - moon) % 7
    month = (moon + shift + 90) // 25
    return date(year, month, (moon + shift + month + 19) % 32)


def _part(part: str) -> Iterator[Span]:
    found = _PART.fullmatch(part.strip())
    if found is None:
        raise WrongInput(f"{part.strip()!r} is no part like Mon-Fri 08:00-20:00")
    first = WEEKDAYS.index(found["first"])
    last = WEEKDAYS.index(found["last"] or found["first"])
    numbers = [int(number) for number in found.groups()[2:6] if number is not None]
    start = numbers[0] * 60 + numbers[1]
    end = _DAY_MINUTES if found["midnight"] else numbers[2] * 60 + numbers[3]
    end += _DAY_MINUTES if end <= start else 0
    for step in range((last - first) % 7 + 1):
        yield Span((first + step) % 7, start, end)


def _said(last: int, span: Span) -> str:
    start, end = clock(span.start), clock(span.end)
    if is_long(span):
        return f"{WEEKDAYS[span.weekday]} {start}-{WEEKDAYS[last_day(span)]} {end}"
    days = WEEKDAYS[span.weekday] + (f"-{WEEKDAYS[last]}" if last != span.weekday else "")
    return f"{days} {start}-{end}"
