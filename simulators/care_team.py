"""A care team's month, seeded, as moves: what homes send and what members of staff do, and leave.

Nothing here knows the server. A move says who does what at which moment of the month, and
``pick``, a share from 0 up to 1 of what they have before them then, says which alert: so the same
moves can be made against any state. People have habits: one works through the list, one takes on
and forgets, one pauses what rings, one doctor never looks.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
PATIENTS: Final = 3
GATEWAYS: Final = 2
# From this day on somebody is agreed for the nights; before it nobody is.
AGREED_DAY: Final = 10
# On this day one of the team leaves the job, whatever is theirs.
LEAVING_DAY: Final = 20
LEAVER: Final = "carla"
RECIPIENT: Final = "gmedica"
# From a night to another one of the team's doctors stands in for the recipient.
STAND_IN: Final = "ezio"
STANDS_IN_FROM: Final = 13 * DAY + 2 * HOUR
STANDS_IN_UNTIL: Final = 16 * DAY + 3 * HOUR


class Deed(StrEnum):
    """What happens. Of the homes and the server, then of the team."""

    MEASURES = "measures"
    FALLS_SILENT = "falls-silent"
    SPEAKS_AGAIN = "speaks-again"
    SERVER_STOPS = "server-stops"
    SERVER_STARTS = "server-starts"
    DIES_SENDING = "dies-sending"
    POST_FAILS = "post-fails"
    POST_WORKS = "post-works"
    NIGHTS_AGREED = "nights-agreed"
    LEAVES_THE_JOB = "leaves-the-job"
    COMES_ON = "comes-on"
    GOES_OFF = "goes-off"
    HANDS_OVER_AND_GOES = "hands-over-and-goes"
    LOOKS_ONLY = "looks-only"
    CLAIMS = "claims"
    TWO_CLAIM = "two-claim"
    NOTES = "notes"
    PAUSES = "pauses"
    RESUMES = "resumes"
    HANDS_OVER = "hands-over"
    CLOSES = "closes"


class Move(NamedTuple):
    """One thing that happens ``at`` milliseconds after the month's first midnight.

    ``who`` is a member of staff, a gateway's number or a patient's; ``other`` a second member of
    staff, a value in mmHg, or an outcome; ``amount`` hours.
    """

    at: int
    deed: Deed
    who: str = ""
    other: str = ""
    pick: float = 0.0
    amount: int = 0


class Person(NamedTuple):
    """A member of staff: how often they act, what they do then, how much of what they take on they
    finish within the hour, and how they leave."""

    name: str
    full_name: str
    role: str
    acts_every_minutes: int
    habit: Mapping[Deed, int]
    finishes: float
    hands_over: float
    forgets_to_leave: float


_THOROUGH: Final = {
    Deed.CLAIMS: 45,
    Deed.CLOSES: 70,
    Deed.NOTES: 8,
    Deed.PAUSES: 4,
    Deed.HANDS_OVER: 14,
    Deed.RESUMES: 2,
}
_FORGETFUL: Final = {Deed.CLAIMS: 70, Deed.NOTES: 10, Deed.LOOKS_ONLY: 10, Deed.CLOSES: 10}
_HASTY: Final = {Deed.CLAIMS: 40, Deed.PAUSES: 25, Deed.CLOSES: 40, Deed.RESUMES: 12}
_DESK: Final = {Deed.CLAIMS: 50, Deed.CLOSES: 20, Deed.NOTES: 10, Deed.LOOKS_ONLY: 20}
_BUSY: Final = {Deed.LOOKS_ONLY: 20, Deed.CLAIMS: 40, Deed.CLOSES: 40}
PEOPLE: Final = (
    Person("anna", "Anna Neri", "nurse", 110, _THOROUGH, 0.9, 0.8, 0.1),
    Person("bruno", "Bruno Conti", "nurse", 150, _FORGETFUL, 0.2, 0.0, 0.6),
    Person("carla", "Carla Riva", "nurse", 140, _HASTY, 0.5, 0.2, 0.3),
    Person("dora", "Dora Gallo", "doctor", 300, {Deed.LOOKS_ONLY: 1}, 0.0, 0.0, 0.5),
    Person("ezio", "Ezio Costa", "doctor", 200, _BUSY, 0.6, 0.1, 0.2),
    Person("sara", "Sara Bruno", "contact-point", 300, _DESK, 0.7, 0.2, 0.2),
    Person("tito", "Tito Valle", "technical-service", 300, _DESK, 0.7, 0.2, 0.3),
    Person("carmen", "Carmen Sala", "coordinator", 300, _DESK, 0.5, 0.5, 0.3),
    Person(RECIPIENT, "Guardia Medica", "doctor", 180, _BUSY, 0.5, 0.0, 1.0),
)
_OUTCOMES: Final = (
    "treatment-changed", "visit-arranged", "advice-given", "no-action-needed",
    "measuring-mistake", "patient-not-reached",
)  # fmt: skip
_HOURS: Final = (1, 4, 8, 24, 72, 168)


def month(seed: int, days: int = 30) -> Iterator[Move]:
    """Yield a month's moves in the order of their time: the same ones for the same seed."""
    random = Random(seed)
    moves = [*_homes(random, days), *_faults(random, days), *_staff(random, days)]
    yield from sorted(moves, key=lambda move: move.at)


def _homes(random: Random, days: int) -> Iterator[Move]:
    for patient in range(1, PATIENTS + 1):
        ill = 0.0
        for day in range(days):
            # Illness comes in days that follow one another.
            ill = max(0.0, min(1.0, ill * 0.7 + random.choice((0, 0, 0, 0, 0.5, 0.9))))
            if random.random() < 0.1:
                continue  # nobody measured
            at = day * DAY + random.randrange(6 * HOUR, 11 * HOUR)
            for _ in range(1 + (random.random() < ill) + (random.random() < ill / 2)):
                value = str(round(random.gauss(130 + 60 * ill, 12)))
                yield Move(at, Deed.MEASURES, str(patient), value)
                at += random.randrange(10 * MINUTE, 9 * HOUR)


def _faults(random: Random, days: int) -> Iterator[Move]:
    yield Move(AGREED_DAY * DAY + 9 * HOUR, Deed.NIGHTS_AGREED, RECIPIENT)
    yield Move(LEAVING_DAY * DAY + 12 * HOUR, Deed.LEAVES_THE_JOB, LEAVER)
    spans = (
        (4, Deed.FALLS_SILENT, Deed.SPEAKS_AGAIN, 60 * HOUR),
        (4, Deed.SERVER_STOPS, Deed.SERVER_STARTS, 9 * HOUR),
        (4, Deed.POST_FAILS, Deed.POST_WORKS, 5 * HOUR),
    )
    for times, begins, ends, longest in spans:
        for turn in range(times):
            who = str(turn % GATEWAYS + 1) if begins is Deed.FALLS_SILENT else ""
            # One after another: each has its own part of the month.
            share = days * DAY // times
            at = turn * share + random.randrange(max(share - longest, 1))
            yield Move(at, begins, who)
            yield Move(at + random.randrange(5 * MINUTE, longest), ends, who)
    for _ in range(days // 3):
        yield Move(random.randrange(days * DAY), Deed.DIES_SENDING)


def _staff(random: Random, days: int) -> Iterator[Move]:
    for person in PEOPLE:
        for day in range(days):
            if person.name == LEAVER and day >= LEAVING_DAY:
                break
            if person.name == RECIPIENT:
                # At night, by agreement: comes and goes by no click of its own.
                begin = (day * 24 + 20) * HOUR
                yield from _acts(random, person, begin, begin + 12 * HOUR)
            elif random.random() < (0.75 if day % 7 < 5 else 0.35):
                yield from _shift(random, person, day)
    nurses = [person.name for person in PEOPLE if person.role == "nurse"]
    for day in range(days):
        first, second = random.sample(nurses[: 3 if day < LEAVING_DAY else 2], 2)
        at = day * DAY + random.randrange(9 * HOUR, 17 * HOUR)
        yield Move(at, Deed.TWO_CLAIM, first, second, random.random())


def _shift(random: Random, person: Person, day: int) -> Iterator[Move]:
    begin = day * DAY + random.randrange(7 * HOUR, 14 * HOUR)
    end = min(begin + random.randrange(4 * HOUR, 10 * HOUR), day * DAY + 21 * HOUR)
    yield Move(begin, Deed.COMES_ON, person.name)
    yield from _acts(random, person, begin, end)
    if random.random() < person.forgets_to_leave:
        return
    leaves = Deed.HANDS_OVER_AND_GOES if random.random() < person.hands_over else Deed.GOES_OFF
    yield Move(end, leaves, person.name, _colleague(random, person), random.random())


def _acts(random: Random, person: Person, begin: int, end: int) -> Iterator[Move]:
    at = begin
    while True:
        at += round(random.expovariate(1 / (person.acts_every_minutes * MINUTE)))
        if at >= end:
            return
        deed = random.choices(tuple(person.habit), tuple(person.habit.values()))[0]
        yield _act(random, person, deed, at)
        if deed is Deed.CLAIMS and random.random() < person.finishes:
            soon = at + random.randrange(5 * MINUTE, 55 * MINUTE)
            yield _act(random, person, Deed.CLOSES, soon)


def _act(random: Random, person: Person, deed: Deed, at: int) -> Move:
    other = random.choice(_OUTCOMES) if deed is Deed.CLOSES else _colleague(random, person)
    # Whoever looks at a list begins at its top.
    return Move(at, deed, person.name, other, random.random() ** 2, random.choice(_HOURS))


def _colleague(random: Random, person: Person) -> str:
    return random.choice([one.name for one in PEOPLE if one.name not in (person.name, RECIPIENT)])
