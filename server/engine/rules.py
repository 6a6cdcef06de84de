"""A confirmed plan version as the engine's numbers: limits, windows, gains and due times by code.

At one code can be on: four thresholds (in the order of ``SIDES``), two gains, the missing
measurement, and rules over windows. A rule's *bit* is its place in ``Compiled.names``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import count
from typing import Final, NamedTuple

from contract.codes import BY_NUMBER, DEFINITIONS, Code, scaled
from server.domain.instants import HOUR, MINUTE
from server.domain.plans import SIDES, Plan
from server.domain.timeline import FOREVER, pieces
from server.domain.window_rules import (
    AVERAGES_MAX,
    CHANGES_MAX,
    TRENDS_MAX,
    Average,
    Baseline,
    Change,
    Crossover,
    Slope,
    Spread,
    WindowRule,
)

THRESHOLDS: Final = 4
GAINS: Final = 2
MISSING_BIT: Final = THRESHOLDS + GAINS
CHANGE_BIT: Final = MISSING_BIT + 1
TREND_BIT: Final = CHANGE_BIT + CHANGES_MAX
AVERAGE_BIT: Final = TREND_BIT + TRENDS_MAX
RULES: Final = AVERAGE_BIT + AVERAGES_MAX
# A limit that is not set: no value reaches it, nor does a comparator (which is 2**30).
UNLIMITED: Final = 2**31 - 1
COMPARATOR: Final = 2**30
NO_VERSION: Final = -1
# A row's bits: the inner limits' shift registers, a byte each, and then one active bit a rule.
ACTIVE_SHIFT: Final = 16
REGISTERS: Final = 0xFEFE  # both registers moved on by one place, and room for the newest
# Of the four limits, a bit each: all, the outer and the inner ones.
LIMITS: Final = 0b1111
OUTER: Final = 0b1001
INNER: Final = 0b0110
SIGNS: Final = (-1, -1, 1, 1)  # low rules judge the negated value, so every rule is "more than"


class TrendKind(IntEnum):
    """Which trend a compiled rule is; 0 in an array is none."""

    CROSSOVER = 1
    BASELINE = 2
    SPREAD = 3
    SLOPE = 4


class ChangeRule(NamedTuple):
    """Over ``reach`` ms. ``exceeds`` is in scaled integers, or in thousandths of a percent;
    ``sign`` is 1 for a rise, -1 for a fall; ``inclusive`` is 1 where the bound itself counts."""

    reach: int
    sign: int
    exceeds: int
    inclusive: int
    percent: int


class TrendRule(NamedTuple):
    """Over ``days`` civil days (``short`` of them too, for a crossover). ``exceeds`` is in scaled
    integers; for a baseline in thousandths of a standard deviation, for a slope in thousandths of
    a scaled integer a day."""

    kind: int
    days: int
    short: int
    sign: int
    exceeds: int
    inclusive: int
    least: int


class AverageRule(NamedTuple):
    """``exceeds`` is a scaled integer, ``least`` the values that make it sufficient."""

    sign: int
    exceeds: int
    inclusive: int
    least: int


class CombinedRule(NamedTuple):
    """At least ``least`` of the rules ``of`` within ``reach`` ms."""

    name: str
    of: frozenset[str]
    least: int
    reach: int


class ScoreRule(NamedTuple):
    """NEWS2 by a scale of SpO2, of inputs within ``reach`` ms."""

    scale: int
    reach: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """One code's rules. ``bounds`` are signed limits; ``exceeds`` are strict gains; an inner rule
    holds when ``need`` of the last ``of_last`` values are beyond its limit."""

    names: tuple[str, ...] = ("",) * RULES
    bounds: tuple[int, ...] = (UNLIMITED,) * THRESHOLDS
    hysteresis: int = 0
    need: int = 1
    of_last: int = 1
    gain_days: tuple[int, ...] = (0,) * GAINS
    exceeds: tuple[int, ...] = (UNLIMITED,) * GAINS
    changes: tuple[ChangeRule, ...] = ()
    trends: tuple[TrendRule, ...] = ()
    averages: tuple[AverageRule, ...] = ()
    due_minute: int = -1
    calm: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        """Keep between which values, both ends included, no limit is passed."""
        calm = -min(self.bounds[:2]), min(self.bounds[2:])
        object.__setattr__(self, "calm", calm)


@dataclass(frozen=True, slots=True)
class Version:
    """One plan version: in force from ``from_at`` until ``until_at`` or until the next version of
    the patient begins."""

    number: int
    from_at: int
    zone_name: str
    rules: dict[Code, Compiled] = field(default_factory=dict)
    combinations: tuple[CombinedRule, ...] = ()
    early_warning: ScoreRule | None = None
    until_at: int = FOREVER


NOTHING: Final = Compiled()


def compile_version(
    number: int, from_at: int, zone_name: str, plan: Plan, until_at: int = FOREVER
) -> Version:
    """Compile a checked plan. The engine sees only what this returns."""
    watched = plan.watched() | {one.code for one in plan.expectations()}
    rules = {code: _compiled(code, plan) for code in sorted(watched, key=BY_NUMBER.index)}
    combinations = tuple(
        CombinedRule(one.name, frozenset(one.of), one.at_least, one.hours * HOUR)
        for one in plan.combinations
    )
    rules = {code: rule for code, rule in rules.items() if rule != NOTHING}
    news2 = plan.early_warning
    warning = ScoreRule(news2.scale, news2.minutes * MINUTE) if news2 else None
    return Version(number, from_at, zone_name, rules, combinations, warning, until_at)


def _compiled(code: Code, plan: Plan) -> Compiled:
    names = [""] * RULES
    bounds, need, of_last, hysteresis = [UNLIMITED] * 4, 1, 1, 0
    for threshold in (one for one in plan.thresholds if one.code == code):
        hysteresis = scaled(code, threshold.hysteresis)
        for bit, limit in enumerate(threshold.limits()):
            if limit is not None:
                names[bit] = f"{code}-{SIDES[bit]}"
                bounds[bit] = SIGNS[bit] * scaled(code, limit)
        need, of_last = threshold.inner_n, threshold.inner_m
    days, exceeds = [0] * GAINS, [UNLIMITED] * GAINS
    for place, gain in enumerate(plan.gains if code is Code.WEIGHT else ()):
        names[THRESHOLDS + place] = gain.name
        days[place], exceeds[place] = gain.days, gain.exceeds()
    due = -1
    for expected in (one for one in plan.expectations() if one.code == code):
        names[MISSING_BIT], due = f"missing-{code}", expected.due_minute()
    own = [rule for rule in plan.rules if rule.code == code]
    changes = [rule for rule in own if isinstance(rule, Change)]
    averages = [rule for rule in own if isinstance(rule, Average)]
    trends = [rule for rule in own if not isinstance(rule, Change | Average)]
    for first, rules in ((CHANGE_BIT, changes), (TREND_BIT, trends), (AVERAGE_BIT, averages)):
        for bit, rule in zip(count(first), rules, strict=False):
            names[bit] = rule.name
    return Compiled(
        tuple(names),
        tuple(bounds),
        hysteresis,
        need,
        of_last,
        tuple(days),
        tuple(exceeds),
        tuple(map(_change, changes)),
        tuple(map(_trend, trends)),
        tuple(AverageRule(*_bound(rule), rule.least) for rule in averages),
        due,
    )


def _bound(rule: WindowRule) -> tuple[int, int, int]:
    """Return sign, scaled bound and whether the bound itself counts."""
    sign = 1 if rule.side == "rise" else -1
    return sign, scaled(rule.code, rule.bound), int(rule.at_least is not None)


def _change(rule: Change) -> ChangeRule:
    sign, exceeds, inclusive = _bound(rule)
    exceeds = int(rule.bound * 1000) if rule.percent else exceeds
    return ChangeRule(rule.hours * HOUR, sign, exceeds, inclusive, int(rule.percent))


def _trend(rule: Crossover | Baseline | Spread | Slope) -> TrendRule:
    sign, exceeds, inclusive = _bound(rule)
    if isinstance(rule, Crossover):
        kind, days, short = TrendKind.CROSSOVER, rule.long, rule.short
    else:
        kind, days, short = _KINDS[type(rule)], rule.days, 0
    if isinstance(rule, Baseline):
        exceeds = int(rule.bound * 1000)
    elif isinstance(rule, Slope):
        exceeds = int(rule.bound * 1000 / DEFINITIONS[rule.code].step)
    return TrendRule(kind, days, short, sign, exceeds, inclusive, rule.least)


_KINDS: Final = {
    Baseline: TrendKind.BASELINE,
    Spread: TrendKind.SPREAD,
    Slope: TrendKind.SLOPE,
}


def timeline(versions: Iterable[Version]) -> list[Version]:
    """Return a patient's versions in the order in which they rule, none overlapping another.

    One that rules again after a later one has ended stands there again; where none rules, one
    that watches nothing.
    """
    by_number = sorted(versions, key=lambda one: one.number)
    if len(by_number) == 1 and by_number[0].until_at == FOREVER:
        return by_number
    cut = pieces([(one.from_at, one.until_at) for one in by_number])
    zone_name = by_number[-1].zone_name if by_number else "UTC"
    gap = Version(NO_VERSION, 0, zone_name)
    return [
        replace(gap if at is None else by_number[at], from_at=start, until_at=end)
        for at, start, end in cut
    ]


def governing(versions: list[Version], at: int) -> tuple[Version | None, int]:
    """Return the version in force at an instant, and from when on it no longer is.

    ``versions`` are those of a ``timeline``.
    """
    current = None
    for version in versions:
        if version.from_at > at:
            return current, version.from_at
        current = version
    return current, FOREVER


def in_force(versions: list[Version], at: int) -> Version | None:
    """Return the version in force at an instant; ``versions`` are those of a ``timeline``."""
    return governing(versions, at)[0]
