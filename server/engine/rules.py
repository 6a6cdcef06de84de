"""A confirmed plan version as the engine's numbers: limits, windows, gains and due times by code.

Seven rules can be on at one code: four thresholds (in the order of ``SIDES``), two gains, and
the missing measurement. A rule's *bit* is its place in ``Compiled.names``.
"""

from dataclasses import dataclass, field
from typing import Final

from contract.codes import Code, scaled
from server.domain.plans import SIDES, Plan

THRESHOLDS: Final = 4
GAINS: Final = 2
MISSING_BIT: Final = THRESHOLDS + GAINS
# A limit that is not set: no value reaches it, nor does a comparator (which is 2**30).
UNLIMITED: Final = 2**31 - 1
COMPARATOR: Final = 2**30
SIGNS: Final = (-1, -1, 1, 1)  # low rules judge the negated value, so every rule is "more than"


@dataclass(frozen=True, slots=True)
class Compiled:
    """One code's rules. ``bounds`` are signed limits; ``exceeds`` are strict gains in grams; an
    inner rule holds when ``need`` of the last ``of_last`` values are beyond its limit."""

    names: tuple[str | None, ...] = (None,) * (MISSING_BIT + 1)
    bounds: tuple[int, ...] = (UNLIMITED,) * THRESHOLDS
    hysteresis: int = 0
    need: int = 1
    of_last: int = 1
    gain_days: tuple[int, ...] = (0,) * GAINS
    exceeds: tuple[int, ...] = (UNLIMITED,) * GAINS
    due_minute: int = -1


@dataclass(frozen=True, slots=True)
class Version:
    """One plan version: in force from ``from_at`` until the next version of the patient."""

    number: int
    from_at: int
    zone_name: str
    rules: dict[Code, Compiled] = field(default_factory=dict)


NOTHING: Final = Compiled()


def compile_version(number: int, from_at: int, zone_name: str, plan: Plan) -> Version:
    """Compile a checked plan. The engine sees only what this returns."""
    rules = {code: _compiled(code, plan) for code in Code}
    return Version(
        number, from_at, zone_name, {code: rule for code, rule in rules.items() if rule != NOTHING}
    )


def _compiled(code: Code, plan: Plan) -> Compiled:
    names: list[str | None] = [None] * (MISSING_BIT + 1)
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
    return Compiled(
        tuple(names),
        tuple(bounds),
        hysteresis,
        need,
        of_last,
        tuple(days),
        tuple(exceeds),
        due,
    )


def in_force(versions: list[Version], at: int) -> Version | None:
    """Return the version in force at an instant; ``versions`` are sorted by ``from_at``."""
    current = None
    for version in versions:
        if version.from_at > at:
            break
        current = version
    return current
