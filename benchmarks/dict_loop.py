"""The contender: the same job as a plain loop over a dictionary of objects.

It finds the same, and like the engine it tells apart what came late for its slot (that is judged
from history) and which conditions are over.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from benchmarks import dict_windows as windows
from contract.codes import BY_NUMBER
from server.domain.instants import DAY, MINUTE
from server.engine.instant import NOON, offset
from server.engine.rules import COMPARATOR, SIGNS, Compiled, TrendKind, TrendRule, Version

LIMITS = 4
_QUARTER = 15 * MINUTE


class Rule(Protocol):
    """A rule over a window: remembers a value, and tells whether it is beyond."""

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool: ...


@dataclass(slots=True)
class Slot:
    """One patient's one code: limits, and what the rules remember."""

    limits: tuple[int, int, int, int]
    hysteresis: int
    need: int
    of_last: int
    zone: str
    rules: list[Rule]
    holding: list[bool]
    past: list[list[bool]] = field(default_factory=lambda: [[], [], [], []])
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
    late. Rules 0 to 3 are the limits, then come those over windows."""

    found: list[tuple[int, int, int, int]] = field(default_factory=list)
    over: list[tuple[int, int, int]] = field(default_factory=list)
    late: list[Reading] = field(default_factory=list)


Slots = dict[tuple[int, int], Slot]
Judge = Callable[[Slots, list[Reading], Outcome], None]


def judge(slots: Slots, batch: list[Reading], outcome: Outcome) -> None:
    """Judge a batch in order."""
    for reading in batch:
        judge_one(slots[reading[0], reading[1]], reading, outcome)


def judge_one(slot: Slot, reading: Reading, outcome: Outcome) -> None:
    """Judge one observation."""
    patient, code, at, key, value = reading
    if (at, key) <= slot.last:
        outcome.late.append(reading)
        return
    slot.last = at, key
    for rule, limit in enumerate(slot.limits):
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
        slot.holding[rule] = holds = enough or extreme or (held and near)
        if held and not holds:
            outcome.over.append((patient, code, rule))
        if holds and beyond:
            outcome.found.append((patient, code, rule, at))
    if not slot.rules:
        return
    number = abs(value) != COMPARATOR
    day, within = divmod(at + offset(at // _QUARTER, slot.zone), DAY)
    for rule, one in enumerate(slot.rules, LIMITS):
        held = slot.holding[rule]
        slot.holding[rule] = holds = number and one.beyond(at, day, within >= NOON, value)
        if holds:
            outcome.found.append((patient, code, rule, at))
        elif held:
            outcome.over.append((patient, code, rule))


def slots_of(version: Version, patients: int) -> Slots:
    """Make the slots of patients with one plan."""
    return {
        (patient, BY_NUMBER.index(code)): _slot(rules, version.zone_name)
        for patient in range(patients)
        for code, rules in version.rules.items()
    }


def copied(slots: Slots, copies: int) -> Slots:
    """Make many patients of few, what they remember with them."""
    few = max(patient for patient, _ in slots) + 1
    one, keys = pickle.dumps(list(slots.values())), list(slots)
    return {
        (patient + few * copy, code): slot
        for copy in range(copies)
        for (patient, code), slot in zip(keys, pickle.loads(one), strict=True)  # noqa: S301
    }


def names_of(rules: Compiled) -> list[str]:
    """Return the names of a code's rules in the order of their numbers here."""
    return [*rules.names[:LIMITS], *(name for name in rules.names[LIMITS:] if _judged(name))]


def _judged(name: str) -> bool:
    return bool(name) and not name.startswith("missing-")


def _slot(rules: Compiled, zone: str) -> Slot:
    low_outer, low_inner, high_inner, high_outer = (
        sign * bound for sign, bound in zip(SIGNS, rules.bounds, strict=True)
    )
    made: list[Rule] = [
        windows.Gain(days, exceeds)
        for days, exceeds in zip(rules.gain_days, rules.exceeds, strict=True)
        if days
    ]
    made += [windows.Change(*one) for one in rules.changes]
    made += [_trend(one) for one in rules.trends]
    made += [windows.Average(*one) for one in rules.averages]
    limits = low_outer, low_inner, high_inner, high_outer
    holding = [False] * (LIMITS + len(made))
    return Slot(limits, rules.hysteresis, rules.need, rules.of_last, zone, made, holding)


def _trend(rule: TrendRule) -> Rule:
    sums, bound = windows.Sums(rule.days), (rule.exceeds, rule.inclusive, rule.least)
    if rule.kind == TrendKind.CROSSOVER:
        return windows.Crossover(windows.Sums(rule.short), sums, rule.sign, *bound)
    if rule.kind == TrendKind.BASELINE:
        return windows.Baseline(sums, rule.sign, *bound)
    if rule.kind == TrendKind.SPREAD:
        return windows.Spread(sums, *bound)
    return windows.Slope(sums, rule.sign, *bound)
