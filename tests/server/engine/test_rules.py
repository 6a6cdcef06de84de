"""Each rule's definition against the oracle, and a planted fault in each rule that must be seen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest

from contract.codes import BY_NUMBER, Code, scaled
from server.domain.plans import SIDES, Plan
from server.engine import average, change, gain, series, trend
from server.engine.combined import combined
from server.engine.rules import COMPARATOR, Compiled, Version, compile_version, timeline
from server.engine.series import Finding, Observation, families_of, fold, fresh
from tests.server.engine import oracle
from tests.server.engine.test_order import BASE, HOUR, PLANS
from tests.server.world import decimal

SYSTOLIC = ("79.9", "80", "88", "90.4", "90.5", "95", "120", "136", "140", "140.1", "151", "179",
            "185", "LO", "HI")  # fmt: skip
WEIGHT = ("68", "69.36", "70", "70.64", "71", "71.359", "71.36", "72", "72.001", "72.3", "HI")
EXAMPLES = 600
FAULT_EXAMPLES = 500
Mutation = Callable[[Compiled], Compiled]


def drawn(random: Random) -> tuple[list[oracle.Seen], list[oracle.Version]]:
    """Draw a sorted series of one or two codes, dense or with gaps, and one or two versions."""
    dense = random.random() < 0.4  # what averages and trends need
    pace = random.choice([4, 6] if dense else [1, 3, 6, 12, 13])
    start = BASE + random.randrange(0, 24) * HOUR
    seen, at = [], start
    for number in range(28 if dense else random.randint(1, 30)):
        at += (1 if dense else random.choice([0, 0, 1, 1, 1, 2])) * pace * HOUR
        code = "systolic" if dense else random.choice(["systolic", "weight"])
        value = decimal(random.choice(SYSTOLIC if code == "systolic" else WEIGHT))
        seen.append(oracle.Seen(at, f"{number:032x}", code, value, random.random() < 0.1))
    zone = random.choice(["Europe/Rome", "UTC", "Pacific/Auckland"])
    first = random.choice([0, 0, start + 30 * HOUR])
    versions = [oracle.Version(1, first, zone, PLANS[0])]
    if random.random() < 0.4:
        versions.append(oracle.Version(2, start + random.randrange(72) * HOUR, zone, PLANS[1]))
    return seen, versions


def judged(
    seen: list[oracle.Seen],
    versions: list[oracle.Version],
    mutation: Mutation | None = None,
    combining: dict[str, int] | None = None,
) -> set[tuple[str, int, int, str]]:
    compiled: list[Version] = []
    for version in versions:
        plan = msgspec.convert(version.plan, Plan)
        one = compile_version(version.number, version.from_at, version.zone, plan)
        if mutation is not None:
            rules = {code: mutation(each) for code, each in one.rules.items()}
            one = replace(one, rules=rules)
        for field, by in (combining or {}).items():
            changed = (
                each._replace(**{field: getattr(each, field) + by}) for each in one.combinations
            )
            one = replace(one, combinations=tuple(changed))
        compiled.append(one)
    compiled = timeline(compiled)
    found: list[Finding] = []
    for code in {Code(one.code) for one in seen}:
        observations = [
            Observation(one.at, place, _scaled(code, one.value), 0, place, not one.flagged)
            for place, one in enumerate(seen)
            if one.code == code
        ]
        memory = fresh(families_of(compiled, code))
        for one in fold(0, code, compiled, memory, sorted(observations)):
            assert BY_NUMBER[one.code] is code
            found.append(one)
    found += combined(compiled, found)
    return {(one.rule, one.version, one.at, seen[one.seq].content_id) for one in found}


def _scaled(code: Code, value: Any) -> int:
    if abs(value) == oracle.INFINITY:
        return COMPARATOR if value > 0 else -COMPARATOR
    return scaled(code, value)


def seeded(salt: str) -> Random:
    return Random(f"{datetime.now(UTC).toordinal()} {salt}")


def test_the_definitions_say_what_the_oracle_says() -> None:
    random, rules = seeded("rules"), set()
    for _ in range(EXAMPLES):
        seen, versions = drawn(random)
        expected = oracle.findings(seen, versions)
        assert judged(seen, versions) == expected
        rules |= {rule for rule, *_ in expected}
    sides = {f"systolic-{side}" for side in SIDES} | {"weight-high-outer"}
    assert rules == sides | {
        one["name"]
        for plan in PLANS
        for one in (*plan["gains"], *plan["rules"], *plan["combinations"])
    }


def _each(name: str, **changes: Callable[[int], int]) -> Mutation:
    """Change a field of every rule of one family."""

    def mutate(rules: Compiled) -> Compiled:
        changed = [
            one._replace(**{field: say(getattr(one, field)) for field, say in changes.items()})
            for one in getattr(rules, name)
        ]
        return replace(rules, **{name: tuple(changed)})

    return mutate


def _trends(kind: int, **changes: Callable[[int], int]) -> Mutation:
    def mutate(rules: Compiled) -> Compiled:
        changed = [
            one._replace(**{field: say(getattr(one, field)) for field, say in changes.items()})
            if one.kind == kind
            else one
            for one in rules.trends
        ]
        return replace(rules, trends=tuple(changed))

    return mutate


def more(by: int) -> Callable[[int], int]:
    return lambda value: value + by


def other(value: int) -> int:
    return 1 - value


def opposite(value: int) -> int:
    return -value


COMPILED: dict[str, Mutation] = {
    "threshold: a bound one step off": lambda r: replace(
        r, bounds=tuple(b if b == 2**31 - 1 else b + 1 for b in r.bounds)
    ),
    "threshold: the bound itself counts": lambda r: replace(
        r, bounds=tuple(b if b == 2**31 - 1 else b - 1 for b in r.bounds)
    ),
    "threshold: sides swapped": lambda r: replace(
        r, bounds=tuple(b if b == 2**31 - 1 else -b for b in r.bounds)
    ),
    "threshold: no hysteresis": lambda r: replace(r, hysteresis=0),
    "threshold: one less of m": lambda r: replace(r, need=max(1, r.need - 1)),
    "threshold: n of one less": lambda r: replace(r, of_last=max(r.need, r.of_last - 1)),
    "gain: the bound itself counts": lambda r: replace(
        r, exceeds=tuple(e if e == 2**31 - 1 else e - 1 for e in r.exceeds)
    ),
    "gain: a day more": lambda r: replace(r, gain_days=tuple(d and d + 1 for d in r.gain_days)),
    "gain: a day less": lambda r: replace(r, gain_days=tuple(d and d - 1 for d in r.gain_days)),
    "change: the far end left out": _each("changes", reach=more(-1)),
    "change: an hour more": _each("changes", reach=more(HOUR)),
    "change: the side swapped": _each("changes", sign=opposite),
    "change: percent taken for units": _each("changes", percent=other),
    "change: the bound itself": _each("changes", inclusive=other),
    "crossover: a day less": _trends(1, days=more(-1)),
    "crossover: the short one longer": _trends(1, short=more(1)),
    "crossover: one value more needed": _trends(1, least=more(1)),
    "crossover: the side swapped": _trends(1, sign=opposite),
    "baseline: a day more": _trends(2, days=more(1)),
    "baseline: the side swapped": _trends(2, sign=opposite),
    "baseline: half the deviations": _trends(2, exceeds=lambda k: k // 2),
    "baseline: one value more needed": _trends(2, least=more(1)),
    "spread: a day less": _trends(3, days=more(-1)),
    "spread: a tenth more": _trends(3, exceeds=lambda b: b + b // 10),
    "spread: one value less needed": _trends(3, least=more(-1)),
    "slope: a day less": _trends(4, days=more(-1)),
    "slope: the side swapped": _trends(4, sign=opposite),
    "slope: a tenth steeper": _trends(4, exceeds=lambda b: b + b // 10),
    "average: one value less needed": _each("averages", least=more(-1)),
    "average: a twentieth more": _each("averages", exceeds=lambda b: b + b // 20),
    "average: the side swapped": _each("averages", sign=opposite),
}


def _planted(patch: pytest.MonkeyPatch, name: str) -> None:
    real_now, real_line = series.now, trend._line
    if name == "civil days are those of UTC":
        patch.setattr(series, "now", lambda at, value, _zone, steady: real_now(
            at, value, "UTC", steady))  # fmt: skip
    elif name == "flags are ignored":
        patch.setattr(series, "now", lambda at, value, zone, _: real_now(at, value, zone, True))
    elif name == "a gain's base is the highest":
        patch.setattr(gain, "min", max, raising=False)
    elif name == "a change's base is the lowest, always":
        patch.setattr(change, "max", min, raising=False)
    elif name == "a comparator is a number":
        patch.setattr(series, "COMPARATOR", 2**31)
    elif name == "a spread about the mean, not the line":
        patch.setattr(trend, "_line", lambda *given: (real_line(*given)[0], 0))
    elif name == "a slope without its majority of pairs":
        patch.setattr(trend, "combinations", lambda *_: iter(()))
    elif name == "three values of half a day":
        patch.setattr(average, "A_HALF", 3)
    else:
        assert name == "the first day is not dropped"
        patch.setattr(average, "sorted", lambda days: [None, *sorted(days)], raising=False)


PATCHED = (
    "civil days are those of UTC",
    "flags are ignored",
    "a gain's base is the highest",
    "a change's base is the lowest, always",
    "a comparator is a number",
    "a spread about the mean, not the line",
    "a slope without its majority of pairs",
    "three values of half a day",
    "the first day is not dropped",
)


def _seen_within(
    random: Random, mutation: Mutation | None, combining: dict[str, int] | None = None
) -> int | None:
    """Return the example that showed the fault."""
    for number in range(1, FAULT_EXAMPLES + 1):
        seen, versions = drawn(random)
        if judged(seen, versions, mutation, combining) != oracle.findings(seen, versions):
            return number
    return None


@pytest.mark.parametrize("name", COMPILED)
def test_a_fault_in_a_rules_numbers_is_seen(name: str) -> None:
    assert _seen_within(seeded(name), COMPILED[name]) is not None


@pytest.mark.parametrize(
    "combining", [{"reach": -1}, {"reach": 3 * HOUR}, {"least": 1}, {"least": -1}], ids=str
)
def test_a_fault_in_a_combinations_numbers_is_seen(combining: dict[str, int]) -> None:
    assert _seen_within(seeded(str(combining)), None, combining) is not None


@pytest.mark.parametrize("name", PATCHED)
def test_a_fault_in_a_rules_reckoning_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _planted(monkeypatch, name)
    assert _seen_within(seeded(name), None) is not None
