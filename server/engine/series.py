"""Judging one slot's series, one observation after the other: the definition of every rule.

The vectorised kernel must agree with this; this must agree with the oracle of the tests, which
shares no line with it. It serves late data, long backlogs of one slot, and ``rebuild``.

Threshold (each side and level a rule of its own): the condition begins when at least n of the
last m values are beyond the limit, or with one comparator beyond it, and holds while the value is
beyond the limit less the hysteresis. A finding is a value beyond the limit while the condition
holds.

Rules over windows are defined in the modules of their families (``families``). A comparator has
no part in any of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from contract.codes import DEFINITIONS, Code
from server.domain.plans import WINDOW_MAX
from server.engine.families import FAMILIES, Family
from server.engine.instant import Now, now
from server.engine.rules import (
    COMPARATOR,
    LIMITS,
    NOTHING,
    SIGNS,
    THRESHOLDS,
    Compiled,
    Version,
    governing,
)

REGISTER: Final = (1 << WINDOW_MAX) - 1
BEGINNING: Final = -(2**62)
# A family's definition, and what it remembers.
_Window = tuple[Callable[[Compiled, Any, Now], list[int]], Any]


class Observation(NamedTuple):
    """One coded quantity as the engine sees it.

    ``key`` orders observations of one instant (from the content id); ``value`` is a scaled
    integer, ±2**30 for a comparator; ``epoch`` and ``seq`` say which measurement it is of. It is
    not ``steady`` where the device flagged it (movement, irregular pulse): averages do without it.
    """

    at: int
    key: int
    value: int
    epoch: int
    seq: int
    steady: bool = True


NO_CODE: Final = -1
SCORE_CODE: Final = -2


class Finding(NamedTuple):
    """A value beyond a rule, at its measured-at, under the plan version in force then.

    Of a combination ``code`` is ``NO_CODE``, and ``value`` how many of its rules are met; of a
    score they are ``SCORE_CODE`` and its points.
    """

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
    one bit a rule; ``windows`` what each family of the slot remembers, by its name.
    """

    shift: list[int] = field(default_factory=lambda: [0] * THRESHOLDS)
    active: int = 0
    at: int = BEGINNING
    key: int = BEGINNING
    windows: dict[str, Any] = field(default_factory=dict)


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
    version, rules, zone_name, until = None, NOTHING, "UTC", BEGINNING
    windows = [
        (family.judge, memory.windows[family.name])
        for family in FAMILIES
        if family.name in memory.windows
    ]
    for observation in observations:
        if observation.at >= until:
            version, until = governing(versions, observation.at)
            rules = version.rules.get(code, NOTHING) if version else NOTHING
            zone_name = (version or versions[0]).zone_name if versions else "UTC"
        for bit in _judge(rules, zone_name, memory, windows, observation):
            assert version is not None  # noqa: S101 - a bit is only set by a version's rule
            findings.append(
                Finding(
                    patient,
                    DEFINITIONS[code].number,
                    rules.names[bit],
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
    rules: Compiled,
    zone_name: str,
    memory: Memory,
    windows: list[_Window],
    observation: Observation,
) -> list[int]:
    """Return the bits of the rules that this observation is beyond, and move the memory on."""
    found: list[int] = []
    held, memory.active = memory.active & LIMITS, 0
    low, high = rules.calm
    if held or any(memory.shift) or not low <= observation.value <= high:
        found = _thresholds(rules, memory, held, observation.value)
    if windows and abs(observation.value) != COMPARATOR:
        one = now(observation.at, observation.value, zone_name, observation.steady)
        for judge, remembered in windows:
            for bit in judge(rules, remembered, one):
                memory.active |= 1 << bit
                found.append(bit)
    return found


def _thresholds(rules: Compiled, memory: Memory, held: int, given: int) -> list[int]:
    """Return the bits of the limits that a value is beyond while their condition holds."""
    found: list[int] = []
    for bit in range(THRESHOLDS):
        value, bound = SIGNS[bit] * given, rules.bounds[bit]
        beyond = value > bound
        need, of_last = (rules.need, rules.of_last) if bit in (1, 2) else (1, 1)
        # Kept whole: the next plan version may look further back than this one.
        shift = (memory.shift[bit] << 1 | beyond) & REGISTER
        memory.shift[bit] = shift
        holds_on = held >> bit & 1 and value > bound - rules.hysteresis
        extreme = beyond and value == COMPARATOR
        if (shift & (1 << of_last) - 1).bit_count() >= need or holds_on or extreme:
            memory.active |= 1 << bit
            if beyond:
                found.append(bit)
    return found


def families_of(versions: Iterable[Version], code: Code) -> list[Family]:
    """Return the families that any version's rules of a code need."""
    rules = [version.rules[code] for version in versions if code in version.rules]
    return [family for family in FAMILIES if any(map(family.wanted, rules))]


def fresh(families: Iterable[Family]) -> Memory:
    """Return the memory of a slot that saw nothing yet."""
    return Memory(windows={family.name: family.fresh() for family in families})
