"""Rules over a window of one series, as a plan writes them: change, trend, average.

Each has a name that says what it is (``spo2-fall-4pct-24h``), a source and one bound, ``more_than``
or ``at_least``. A rule of the side *fall* has the word in its name, and no other has.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from contract.codes import DEFINITIONS, Code
from server.domain.priorities import Priority

DAYS_MAX: Final = 31
HOURS_MAX: Final = 168
A_DAY: Final = 24
CHANGES_MAX: Final = 2  # a code, each
TRENDS_MAX: Final = 4
AVERAGES_MAX: Final = 2

Days = Annotated[int, Meta(ge=1, le=DAYS_MAX)]
Least = Annotated[int, Meta(ge=2, le=1000)]


class _Windowed(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
):
    name: Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9.]+)+$", max_length=60)]
    code: Code
    source: Annotated[str, Meta(min_length=3, max_length=200)]
    side: Literal["rise", "fall"]
    priority: Priority = Priority.MEDIUM
    more_than: Decimal | None = None
    at_least: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what is no number before anything is compared with it."""
        for bound in (self.more_than, self.at_least):
            if bound is not None and not bound.is_finite():
                raise ValueError(f"{bound} is no number")

    @property
    def bound(self) -> Decimal:
        """The one bound that is given; ``problems`` refused none and both."""
        return self.more_than or self.at_least or Decimal(0)


class Change(_Windowed, frozen=True, tag="change"):
    """A value, minus the lowest (rise) or highest (fall) of the ``hours`` before it.

    ``percent`` takes the bound as a share of that base, else it is in the code's unit.
    """

    hours: Annotated[int, Meta(ge=1, le=HOURS_MAX)]
    percent: bool = False


class Crossover(_Windowed, frozen=True, tag="crossover"):
    """Mean of the last ``short`` civil days minus the mean of the last ``long``, both with today.

    The moving averages of Zhang 2009 (Eur J Heart Fail 11:420); the bound is the dead band. Its
    windows are parameters: published accuracy belongs to other people's parameters.
    """

    short: Days
    long: Days
    least: Least = 3  # values within the long window


class Baseline(_Windowed, frozen=True, tag="baseline"):
    """A value beyond the mean of the ``days`` before its own by so many standard deviations.

    Cooper 2020 (Int J COPD 15:2005): below the 7-day mean less 1.645 SD. The SD is that of the
    sample. A perfectly constant baseline has an SD of zero: then any value off it is beyond.
    """

    days: Days
    least: Least = 5  # values within the window


class Spread(_Windowed, frozen=True, tag="spread"):
    """The standard deviation of the last ``days`` about their own straight line.

    Clarke 2016 (IEEE JBHI 20:1352): the residual SD of SpO2 rises to 4 % on deterioration.
    """

    days: Days
    least: Annotated[int, Meta(ge=3, le=1000)] = 6


class Slope(_Windowed, frozen=True, tag="slope"):
    """A rise or fall a day over the last ``days``, today included; the bound is in units a day.

    Least squares over all values decides where it is clear: beyond one and a half bounds, or
    within half a bound. Between them the majority of all pairs of days' first values decides
    (whether the median of the pairs' slopes is beyond: Theil 1950, Sen 1968).
    """

    days: Days
    least: Annotated[int, Meta(ge=3, le=DAYS_MAX)] = 4  # days with a value


AVERAGE_LEAST: Final = 12  # values: with fewer there is no average


class Average(_Windowed, frozen=True, tag="average"):
    """The mean of seven civil days, two values of each morning and evening, the first day dropped.

    Stergiou 2018 (J Clin Hypertens 20:1116): the first day with a value is dropped, the first two
    values before and after noon count, and fewer than ``least`` is insufficient, not a number.
    """

    least: Annotated[int, Meta(ge=12, le=24)] = AVERAGE_LEAST


WindowRule = Change | Crossover | Baseline | Spread | Slope | Average


def problems(rules: list[WindowRule]) -> Iterator[str]:
    """Yield what is wrong with a plan's rules over windows, named by rule."""
    names = [rule.name for rule in rules]
    if len(names) != len(set(names)):
        yield "rules: a rule is named twice"
    for rule in rules:
        yield from (f"rules {rule.name}: {text}" for text in _of_one(rule))
    for kinds, most in (
        ((Change,), CHANGES_MAX),
        ((Crossover, Baseline, Spread, Slope), TRENDS_MAX),
        ((Average,), AVERAGES_MAX),
    ):
        codes = [rule.code for rule in rules if isinstance(rule, kinds)]
        for code in sorted(set(codes)):
            if codes.count(code) > most:
                words = ", ".join(kind.__name__.lower() for kind in kinds)
                yield f"rules: at most {most} of {words} for {code}"


def is_too_short(rule: WindowRule) -> bool:
    """Tell whether one value a day never fills a rule's window."""
    if isinstance(rule, Change):
        return rule.hours < A_DAY
    # An average's schedule is its own: two values each morning and evening.
    return not isinstance(rule, Average) and rule.least > _days(rule)


def _days(rule: Crossover | Baseline | Spread | Slope) -> int:
    return rule.long if isinstance(rule, Crossover) else rule.days


def _of_one(rule: WindowRule) -> Iterator[str]:
    if (rule.more_than is None) == (rule.at_least is None):
        yield "give more_than or at_least, not both"
    elif rule.bound <= 0:
        yield "the bound is positive"
    if not rule.name.startswith(f"{rule.code}-"):
        yield f"the name begins with {rule.code}-"
    if rule.name.endswith(("-low-outer", "-low-inner", "-high-inner", "-high-outer")):
        yield "the name is that of a threshold"
    if ("-fall" in rule.name) != (rule.side == "fall"):
        yield "a rule that falls says so in its name, and no other does"
    if isinstance(rule, Crossover) and rule.short >= rule.long:
        yield "short is shorter than long"
    if isinstance(rule, Spread) and rule.side != "rise":
        yield "a spread has the side rise"
    if isinstance(rule, Slope) and rule.least > rule.days:
        yield f"at least {rule.least} days do not fit into {rule.days}"
    low, high = DEFINITIONS[rule.code].possible
    share = isinstance(rule, Baseline) or (isinstance(rule, Change) and rule.percent)
    digits = Decimal("0.001") if share else DEFINITIONS[rule.code].step
    if rule.bound % (digits / 1000 if isinstance(rule, Slope) else digits):
        yield "the bound has more digits than are kept"
    if rule.bound > (1000 if share else high - low):
        yield "the bound is beyond what can be"
