"""NEWS2 over a patient's series: what the score was at each instant at which an input came.

The result is a function of the set of observations alone and keeps no memory: what a run changed is
judged anew. ``news2`` holds the chart.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from contract.codes import BY_NUMBER, CONSCIOUSNESS, DEFINITIONS, Code, unscaled
from server.domain.early_warning import PREFIX
from server.engine.news2 import Band, Inputs, Score, band_of, score
from server.engine.rules import COMPARATOR, ScoreRule, Version, in_force
from server.engine.series import SCORE_CODE, Finding, Observation

INPUTS: Final = {
    Code.RESPIRATION_RATE: "respiration_rate",
    Code.SPO2: "spo2_pct",
    Code.SUPPLEMENTAL_OXYGEN: "supplemental_oxygen",
    Code.SYSTOLIC: "systolic_mmHg",
    Code.PULSE: "pulse_bpm",
    Code.HEART_RATE: "pulse_bpm",
    Code.CONSCIOUSNESS: "consciousness",
    Code.TEMPERATURE: "temperature_C",
}
NUMBERS: Final = frozenset(DEFINITIONS[code].number for code in INPUTS)
Seen = tuple[int, Observation]
"""The code's number, and what was observed."""


def scored(
    patient: int, versions: list[Version], seen: Iterable[Seen], since: int
) -> tuple[list[Finding], set[str] | None]:
    """Return the findings from ``since`` on, and the rules that hold after the newest instant:
    None where that has a part of the score only, for less that is known ends nothing.

    ``seen`` are the patient's inputs in any order, from before ``since`` as far back as the score
    looks. A finding is carried by a measurement of its instant; its value is the score.
    """
    found: list[Finding] = []
    holding: set[str] | None = None
    for instant, known in _instants(seen):
        version = in_force(versions, instant)
        watched = version.early_warning if version else None
        holding = None
        if version is None or watched is None:
            continue
        within = [one for one in known if one[1].at >= instant - watched.reach]
        now = score(_inputs(within, watched.scale))
        rule = rule_of(now)
        if now.band is not None:
            holding = {rule} if rule else set()
        if rule is None:
            continue
        carrier = min((one for one in within if one[1].at == instant), key=_order)[1]
        if instant >= since:
            points = sum(now.scores.values())
            key = carrier.at, points, carrier.epoch, carrier.seq
            found.append(Finding(patient, SCORE_CODE, rule, version.number, *key))
    return found, holding


def newest(rule: ScoreRule, seen: Iterable[Seen]) -> tuple[int, Score] | None:
    """Return the newest instant at which an input came, and the score there."""
    instants = list(_instants(seen))
    if not instants:
        return None
    instant, known = instants[-1]
    within = [one for one in known if one[1].at >= instant - rule.reach]
    return instant, score(_inputs(within, rule.scale))


def rule_of(now: Score) -> str | None:
    """Return the rule that a score is beyond. A part is judged by what it has reached already."""
    if now.band is not None:
        return None if now.band is Band.LOW else f"{PREFIX}{now.band}"
    least = band_of(sum(now.scores.values()), max(now.scores.values(), default=0))
    return None if least is Band.LOW else f"{PREFIX}partial-{least}"


def scored_alone(
    patient: int, versions: list[Version], judged_at: int, seen: Sequence[Seen]
) -> list[Finding]:
    """Score one measurement by itself, whose time or owner is in doubt: by the plan in force at
    ``judged_at``, with nothing beside it (hazards H1, H2)."""
    version = in_force(versions, judged_at)
    if version is None or version.early_warning is None:
        return []
    now = score(_inputs(seen, version.early_warning.scale))
    if (rule := rule_of(now)) is None:
        return []
    one = seen[0][1]
    points = sum(now.scores.values())
    key = one.at, points, one.epoch, one.seq
    return [Finding(patient, SCORE_CODE, rule, version.number, *key)]


def _instants(seen: Iterable[Seen]) -> Iterator[tuple[int, Sequence[Seen]]]:
    """Yield each instant, with the newest of each input as known then."""
    newest: dict[str, Seen] = {}
    ordered = sorted(seen, key=lambda one: (one[1].at, *_order(one)))
    for place, one in enumerate(ordered):
        newest[INPUTS[BY_NUMBER[one[0]]]] = one
        if place + 1 == len(ordered) or ordered[place + 1][1].at > one[1].at:
            yield one[1].at, list(newest.values())


def _order(one: Seen) -> tuple[int, int]:
    return one[1].key, one[0]


def _inputs(within: Iterable[Seen], scale: int) -> Inputs:
    given: dict[str, object] = {}
    for number, observation in within:
        code = BY_NUMBER[number]
        given[INPUTS[code]] = _said(code, _number(code, observation.value))
    return Inputs(**given, spo2_scale=scale)  # type: ignore[arg-type]


def _said(code: Code, value: Decimal) -> Decimal | bool | str:
    if code is Code.CONSCIOUSNESS:
        return CONSCIOUSNESS[int(value)]
    return bool(value) if code is Code.SUPPLEMENTAL_OXYGEN else value


def _number(code: Code, value: int) -> Decimal:
    """Return the value; of a comparator the end of what can be true on its side (hazard H3)."""
    if abs(value) != COMPARATOR:
        return unscaled(code, value)
    low, high = DEFINITIONS[code].possible
    return high if value > 0 else low
