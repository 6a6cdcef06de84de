"""The contender: the same job as a plain loop over a dictionary of objects.

It finds the same, and like the engine it tells apart what came late for its slot (that is judged
from history) and which conditions are over.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from server.domain.instants import DAY, MINUTE
from server.engine.instant import offset
from server.engine.rules import COMPARATOR

GAIN = 4
_QUARTER = 15 * MINUTE


@dataclass(slots=True)
class Slot:
    """One patient's one code: limits, and what the rules remember."""

    low_outer: int
    low_inner: int
    high_inner: int
    high_outer: int
    hysteresis: int
    need: int
    of_last: int
    zone: str
    gain_days: int = 0
    gain_exceeds: int = 0
    holding: list[bool] = field(default_factory=lambda: [False] * (GAIN + 1))
    past: list[list[bool]] = field(default_factory=lambda: [[], [], [], []])
    days: dict[int, int] = field(default_factory=dict)
    last: tuple[int, int] = (-1, -1)


class Reading(NamedTuple):
    """One observation; ``key`` orders those of one instant."""

    patient: int
    code: int
    at: int
    key: int
    value: int


@dataclass(slots=True)
class Outcome:
    """What was found: (patient, code, rule, at); what is over: (patient, code, rule); what is
    late."""

    found: list[tuple[int, int, int, int]] = field(default_factory=list)
    over: list[tuple[int, int, int]] = field(default_factory=list)
    late: list[Reading] = field(default_factory=list)


def judge(slots: dict[tuple[int, int], Slot], batch: list[Reading], outcome: Outcome) -> None:
    """Judge a batch in order."""
    for reading in batch:
        patient, code, at, key, value = reading
        slot = slots[patient, code]
        if (at, key) <= slot.last:
            outcome.late.append(reading)
            continue
        slot.last = at, key
        limits = (slot.low_outer, slot.low_inner, slot.high_inner, slot.high_outer)
        for rule, limit in enumerate(limits):
            if rule < 2:
                beyond, near = value < limit, value < limit + slot.hysteresis
            else:
                beyond, near = value > limit, value > limit - slot.hysteresis
            inner = rule in (1, 2)
            past = slot.past[rule]
            past.append(beyond)
            if len(past) > (slot.of_last if inner else 1):
                del past[0]
            enough = sum(past) >= (slot.need if inner else 1)
            held = slot.holding[rule]
            extreme = beyond and abs(value) == COMPARATOR
            slot.holding[rule] = enough or extreme or (held and near)
            if held and not slot.holding[rule]:
                outcome.over.append((patient, code, rule))
            if slot.holding[rule] and beyond:
                outcome.found.append((patient, code, rule, at))
        if slot.gain_days:
            _gain(slot, reading, outcome)


def _gain(slot: Slot, reading: Reading, outcome: Outcome) -> None:
    patient, code, at, _, value = reading
    held, slot.holding[GAIN] = slot.holding[GAIN], False
    if abs(value) != COMPARATOR:
        today = (at + offset(at // _QUARTER, slot.zone)) // DAY
        bases = [first for day, first in slot.days.items() if 1 <= today - day <= slot.gain_days]
        if bases and value - min(bases) > slot.gain_exceeds:
            slot.holding[GAIN] = True
            outcome.found.append((patient, code, GAIN, at))
        if today not in slot.days:
            slot.days[today] = value
            if len(slot.days) > 8:
                del slot.days[min(slot.days)]
    if held and not slot.holding[GAIN]:
        outcome.over.append((patient, code, GAIN))
