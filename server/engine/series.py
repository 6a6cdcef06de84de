"""Judging one slot's series, one observation after the other: the definition of every rule.

The vectorised kernel must agree with this; this must agree with the oracle of the tests, which
shares no line with it. It serves late data, long backlogs of one slot, and ``rebuild``.

Threshold (each side and level a rule of its own): the condition begins when at least n of the
last m values are beyond the limit, or with one comparator beyond it, and holds while the value is
beyond the limit less the hysteresis. A finding is a value beyond the limit while the condition
holds.

Gain over n civil days (patient's zone): a weighing, minus the lowest of the *first* weighings of
the 1 to n days before its own day (hazard H13), exceeds the limit. A comparator has no gain.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from contract.codes import DEFINITIONS, Code
from server.domain.instants import civil_day
from server.engine.rules import (
    COMPARATOR,
    GAINS,
    NOTHING,
    SIGNS,
    THRESHOLDS,
    UNLIMITED,
    Compiled,
    Version,
    in_force,
)

DAYS_KEPT: Final = 8  # a gain looks back seven days


class Observation(NamedTuple):
    """One coded quantity as the engine sees it.

    ``key`` orders observations of one instant (from the content id); ``value`` is a scaled
    integer, ±2**30 for a comparator; ``epoch`` and ``seq`` say which measurement it is of.
    """

    at: int
    key: int
    value: int
    epoch: int
    seq: int


class Finding(NamedTuple):
    """A value beyond a rule, at its measured-at, under the plan version in force then."""

    patient: int
    code: int
    rule: str
    version: int
    at: int
    value: int
    epoch: int
    seq: int


@dataclass(slots=True)
class Memory:
    """What a slot remembers after its newest observation.

    ``shift[i]`` has a 1 for each of the last values beyond limit i, newest in bit 0; ``active``
    one bit a rule; ``days`` the first weighing of each of the last civil days, as (day, value) by
    the day modulo ``DAYS_KEPT``.
    """

    shift: list[int] = field(default_factory=lambda: [0] * THRESHOLDS)
    active: int = 0
    at: int = -(2**62)
    key: int = -(2**62)
    days: dict[int, tuple[int, int]] = field(default_factory=dict)


def fold(
    patient: int,
    code: Code,
    versions: list[Version],
    memory: Memory,
    observations: Iterable[Observation],
) -> list[Finding]:
    """Judge observations in order of (at, key), all newer than ``memory``, which is changed.

    Each is judged by the plan version in force at its own instant; before the first version
    nothing is watched, but what a later rule looks back on is remembered.
    """
    findings: list[Finding] = []
    for observation in observations:
        version = in_force(versions, observation.at)
        rules = version.rules.get(code, NOTHING) if version else NOTHING
        zone_name = version.zone_name if version else versions[0].zone_name if versions else "UTC"
        for bit in _judge(rules, zone_name, code, memory, observation):
            name = rules.names[bit]
            assert version is not None  # noqa: S101 - a bit is only set by a version's rule
            assert name is not None  # noqa: S101
            findings.append(
                Finding(
                    patient,
                    DEFINITIONS[code].number,
                    name,
                    version.number,
                    observation.at,
                    observation.value,
                    observation.epoch,
                    observation.seq,
                )
            )
        memory.at, memory.key = observation.at, observation.key
    return findings


def _judge(
    rules: Compiled, zone_name: str, code: Code, memory: Memory, observation: Observation
) -> list[int]:
    """Return the bits of the rules that this observation is beyond, and move the memory on."""
    found: list[int] = []
    active = 0
    for bit in range(THRESHOLDS):
        value, bound = SIGNS[bit] * observation.value, rules.bounds[bit]
        beyond = value > bound
        need, of_last = (rules.need, rules.of_last) if bit in (1, 2) else (1, 1)
        shift = ((memory.shift[bit] << 1) | beyond) & (1 << of_last) - 1
        memory.shift[bit] = shift
        held = memory.active >> bit & 1 and value > bound - rules.hysteresis
        extreme = beyond and value == COMPARATOR
        if shift.bit_count() >= need or held or extreme:
            active |= 1 << bit
            if beyond:
                found.append(bit)
    if code is Code.WEIGHT and abs(observation.value) != COMPARATOR:
        for place in _gains(rules, zone_name, memory, observation):
            active |= 1 << THRESHOLDS + place
            found.append(THRESHOLDS + place)
    memory.active = active
    return found


def _gains(rules: Compiled, zone_name: str, memory: Memory, observation: Observation) -> list[int]:
    day = civil_day(observation.at, zone_name)
    found = []
    for place in range(GAINS):
        reach, exceeds = rules.gain_days[place], rules.exceeds[place]
        bases = [first for past, first in memory.days.values() if day - reach <= past < day]
        if exceeds != UNLIMITED and bases and observation.value - min(bases) > exceeds:
            found.append(place)
    if (known := memory.days.get(day % DAYS_KEPT)) is None or known[0] < day:
        memory.days[day % DAYS_KEPT] = day, observation.value
    return found
