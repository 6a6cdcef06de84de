"""A patient's monitoring plan: what is watched, between which limits, and who is told.

A plan is a *draft* (watches nothing) or *confirmed* by a named doctor (hazard H8). Its rules are
named by what they say: ``systolic-high-outer``, ``weight-gain-2kg-3d``, ``missing-weight``.
Limits are decimals in the code's unit here, scaled integers in the engine.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contract.codes import DEFINITIONS, Code, scaled
from server.domain import combinations as combining
from server.domain.calls import TRIES_MAX
from server.domain.combinations import Combination
from server.domain.early_warning import PRIORITIES, SCALE_LOW, EarlyWarning
from server.domain.kinds import Kind, works
from server.domain.priorities import Priority as Priority
from server.domain.roles import Role
from server.domain.window_rules import WindowRule, is_too_short, problems
from server.errors import WrongInput

SIDES: Final = ("low-outer", "low-inner", "high-inner", "high-outer")
_GAIN_MAX_KG: Final = 100
WINDOW_MAX: Final = 8  # the last measurements an n-of-m condition may look at
# A judgement of the hazard analysis (H5), to be confirmed by a clinician.
MEASURE_AGAIN_MINUTES_MAX: Final = 15


# Codes that come of one measurement, the one that stands for it first. A pulse comes with either
# of the first two.
_TOGETHER: Final = (
    (Code.SYSTOLIC, Code.DIASTOLIC, Code.MEAN_ARTERIAL),
    (Code.SPO2,),
    (Code.WEIGHT,),
    (Code.TEMPERATURE,),
    (Code.GLUCOSE,),
)


# What devices measure of NEWS2.
_SCORED: Final = {Code.SYSTOLIC, Code.SPO2, Code.TEMPERATURE}


class Threshold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Limits of one code. A value *beyond* a limit is below a low or above a high one.

    The condition ends when a value is back inside by ``hysteresis``. ``inner`` needs n of the
    last m values beyond; ``outer`` needs one, always (hazard H5). ``step`` is by how much a value
    must get worse before an acknowledged alert tells again. ``measure_again`` is for how many
    minutes a first value beyond an inner limit may wait for a repeat that the home is asked for.
    """

    code: Code
    source: Annotated[str, Meta(min_length=3, max_length=200)]
    low_outer: Decimal | None = None
    low_inner: Decimal | None = None
    high_inner: Decimal | None = None
    high_outer: Decimal | None = None
    hysteresis: Decimal = Decimal(0)
    inner_n: Annotated[int, Meta(ge=1, le=WINDOW_MAX)] = 1
    inner_m: Annotated[int, Meta(ge=1, le=WINDOW_MAX)] = 1
    step: Decimal | None = None
    measure_again: Annotated[int, Meta(ge=1, le=MEASURE_AGAIN_MINUTES_MAX)] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no number before anything is compared with it."""
        _finite(*self.limits(), self.hysteresis, self.step)

    def limits(self) -> tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]:
        """Return the four limits in the order of ``SIDES``."""
        return self.low_outer, self.low_inner, self.high_inner, self.high_outer


class Gain(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A weight gain over civil days: own value minus the lowest first weighing of the days before.

    Exactly one of ``more_than`` and ``at_least`` is given, in kg (hazard H13).
    """

    name: Annotated[str, Meta(pattern=r"^weight-[a-z0-9.-]{1,40}$")]
    source: Annotated[str, Meta(min_length=3, max_length=200)]
    days: Annotated[int, Meta(ge=1, le=7)]
    more_than: Decimal | None = None
    at_least: Decimal | None = None
    priority: Priority = Priority.MEDIUM

    def __post_init__(self) -> None:
        """Refuse what is no number before anything is compared with it."""
        _finite(self.more_than, self.at_least)

    def exceeds(self) -> int:
        """Return the scaled integer that a gain must exceed: strict and inclusive in one form."""
        if self.more_than is not None:
            return scaled(Code.WEIGHT, self.more_than)
        assert self.at_least is not None  # noqa: S101 - ``checked`` refused any other
        return scaled(Code.WEIGHT, self.at_least) - 1


class Expected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A measurement that is due once every civil day until ``due`` (patient's local time)."""

    code: Code
    due: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "20:00"

    def due_minute(self) -> int:
        """Return the minute of the day at which it is judged absent."""
        hours, minutes = self.due.split(":")
        return int(hours) * 60 + int(minutes)


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step of a chain: who is told, and for how many minutes we wait for an answer."""

    role: Role
    minutes: Annotated[int, Meta(ge=1, le=7 * 24 * 60)]


class Plan(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The whole plan, as an administrator writes it and as it is stored.

    ``protocol`` is the name and version of the protocol that it was made of, ``reason`` why it
    differs from that. ``chain`` has an entry for each priority of clinical alerts, and one for
    missing measurements, which otherwise go by that of the low ones.
    """

    protocol: Annotated[str, Meta(max_length=60)] = ""
    reason: Annotated[str, Meta(max_length=400)] = ""

    thresholds: list[Threshold] = []
    gains: Annotated[list[Gain], Meta(max_length=2)] = []
    rules: Annotated[list[WindowRule], Meta(max_length=40)] = []
    combinations: Annotated[list[Combination], Meta(max_length=8)] = []
    early_warning: EarlyWarning | None = None
    expected: list[Expected] = []
    chain: dict[
        Literal["high", "medium", "low", "adherence"], Annotated[list[Step], Meta(min_length=1)]
    ] = {}

    # After how many calls that nobody answers somebody goes there; None is the default.
    call_tries: Annotated[int, Meta(ge=1, le=TRIES_MAX)] | None = None

    def watched(self) -> set[Code]:
        """Return the codes that a limit or a rule watches."""
        watched = {threshold.code for threshold in self.thresholds}
        watched |= {Code.WEIGHT} if self.gains else set()
        return watched | {rule.code for rule in self.rules}

    def expectations(self) -> list[Expected]:
        """Return what is due: as prescribed, else every watched measurement once a day (H8).

        One code stands for each measurement, so that one missed cuff is one absence.
        """
        if self.expected:
            return self.expected
        watched = self.watched() | (_SCORED if self.early_warning else set())
        due = [codes[0] for codes in _TOGETHER if watched & set(codes)]
        alone = watched - {code for codes in _TOGETHER for code in codes}
        return [Expected(code=code) for code in due or sorted(alone)]


def parse_plan(text: str | bytes) -> Plan:
    """Read a plan's JSON and check it whole. Raises ``WrongInput`` naming key and reason."""
    try:
        plan = msgspec.json.decode(text, type=Plan)
    except msgspec.MsgspecError as error:
        raise WrongInput(f"plan: {error}") from error
    for problem in _problems(plan):
        raise WrongInput(f"plan: {problem}")
    return plan


@lru_cache(maxsize=4096)
def stored_plan(text: str) -> Plan:
    """Read a plan that was checked when it was written: a later check must not undo it.

    Kept, because every page of a CHC reads the plans of all its patients, mostly of few protocols.
    """
    return msgspec.json.decode(text, type=Plan)


def plan_json(plan: Plan) -> str:
    """Return the plan as the JSON that ``parse_plan`` reads."""
    return msgspec.json.encode(plan).decode()


PlanRule = Threshold | Gain | WindowRule | Combination | EarlyWarning | Expected


def rule_of(plan: Plan, name: str) -> PlanRule | None:
    """Return what a rule's name stands for in a plan."""
    if name in PRIORITIES:
        return plan.early_warning
    for one in (*plan.gains, *plan.rules, *plan.combinations):
        if one.name == name:
            return one
    for threshold in plan.thresholds:
        if (
            name.startswith(f"{threshold.code}-")
            and name.removeprefix(f"{threshold.code}-") in SIDES
        ):
            return threshold
    return next((one for one in plan.expectations() if name == f"missing-{one.code}"), None)


def has_rule(plan: Plan, name: str) -> bool:
    """Tell whether a rule of that name finds anything: a threshold's only where it has a limit."""
    found = rule_of(plan, name)
    return name in limits_of(plan) if isinstance(found, Threshold) else found is not None


def limit_of(plan: Plan | None, name: str) -> Decimal | None:
    """Return the limit of a threshold's rule in a plan, or None."""
    return limits_of(plan).get(name) if plan else None


def limits_of(plan: Plan) -> dict[str, Decimal]:
    """Return a plan's limits by the names of their rules."""
    return {
        f"{threshold.code}-{side}": limit
        for threshold in plan.thresholds
        for side, limit in zip(SIDES, threshold.limits(), strict=True)
        if limit is not None
    }


def priority_of(rule: str, plan: Plan | None) -> Priority:
    """Return the priority that a rule's name fixes: outer high, inner medium, missing low."""
    for one in (*plan.gains, *plan.rules, *plan.combinations) if plan else ():
        if one.name == rule:
            return one.priority
    if rule in PRIORITIES:
        return PRIORITIES[rule]
    if rule.endswith("-outer"):
        return Priority.HIGH
    return Priority.LOW if rule.startswith("missing-") else Priority.MEDIUM


def repeat_minutes(rule: str, plan: Plan | None) -> int | None:
    """Return for how many minutes a repeat is asked for after a value beyond a threshold's rule."""
    found = rule_of(plan, rule) if plan else None
    return found.measure_again if isinstance(found, Threshold) else None


def _finite(*values: Decimal | None) -> None:
    for value in values:
        if value is not None and not value.is_finite():
            raise ValueError(f"{value} is no number")


def _problems(plan: Plan) -> Iterator[str]:
    for kind in (plan.thresholds, plan.expected):
        codes = [item.code for item in kind]
        if len(codes) != len(set(codes)):
            yield "a code is named twice"
    for threshold in plan.thresholds:
        yield from (
            f"thresholds {threshold.code}: {text}" for text in _threshold_problems(threshold)
        )
    for gain in plan.gains:
        if (gain.more_than is None) == (gain.at_least is None):
            yield f"gains {gain.name}: give more_than or at_least, not both"
        if not 0 < min(gain.more_than or 1, gain.at_least or 1) <= _GAIN_MAX_KG:
            yield f"gains {gain.name}: a gain is positive, and at most {_GAIN_MAX_KG} kg"
        if gain.name.endswith(tuple(SIDES)):
            yield f"gains {gain.name}: the name is that of a threshold"
    if len({gain.name for gain in plan.gains}) < len(plan.gains):
        yield "a gain is named twice"
    for name in {gain.name for gain in plan.gains} & {rule.name for rule in plan.rules}:
        yield f"rules {name}: a gain has that name"
    if (
        plan.early_warning
        and plan.early_warning.scale == SCALE_LOW
        and not (plan.early_warning.doctor)
    ):
        yield "early_warning doctor: scale 2 names the doctor who set a target of 88 to 92 %"
    yield from problems(plan.rules)
    prescribed = {one.code for one in plan.expected}
    for rule in (one for one in plan.rules if one.code in prescribed):
        if is_too_short(rule):
            yield f"rules {rule.name}: the window is too short: {rule.code} is expected once a day"
    yield from combining.problems(plan.combinations, _judging(plan))
    for name, steps in plan.chain.items():
        about = Kind.ADHERENCE if name == "adherence" else Kind.CLINICAL
        for role in sorted({step.role for step in steps if not works(step.role, about, "")}):
            yield f"chain {name}: {role} cannot answer such alerts"


def _judging(plan: Plan) -> set[str]:
    """Return the names of the rules that find values."""
    limits = set(limits_of(plan))
    scores = set(PRIORITIES) if plan.early_warning else set()
    return limits | scores | {rule.name for rule in (*plan.gains, *plan.rules)}


def _threshold_problems(threshold: Threshold) -> Iterator[str]:
    given = [limit for limit in threshold.limits() if limit is not None]
    if not given:
        yield "no limit is given"
    if given != sorted(given) or (
        threshold.low_inner is not None and threshold.low_inner == threshold.high_inner
    ):
        yield "limits are crossed: low_outer <= low_inner < high_inner <= high_outer"
    low, high = DEFINITIONS[threshold.code].possible
    if given and not low <= min(given) <= max(given) <= high:
        yield f"a limit lies outside what can be true ({low} to {high})"
    if threshold.inner_n > threshold.inner_m:
        yield "inner_n is larger than inner_m"
    if threshold.measure_again is not None:
        if threshold.low_inner is None and threshold.high_inner is None:
            yield "measure_again is of an inner limit, and none is given"
        if threshold.inner_m > 1:
            yield "measure_again and n of m both ask for another value: give one"
    steps = (threshold.hysteresis, threshold.step or 0)
    if min(steps) < 0 or threshold.step == 0 or max(steps) > high - low:
        yield f"hysteresis and step are positive, and at most {high - low}"
