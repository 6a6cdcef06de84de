"""What one plan says differently from another, and whether it watches less than is usual."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from server.domain.chains import chains_by_name
from server.domain.plans import Plan, limits_of

Said = object
"""A limit, an hour, or a whole rule: compared, and put into words elsewhere."""


# One value of one, no hysteresis, no step, no repeat asked for.
_AT_ONCE: Final[tuple[object, ...]] = ("1/1", 0, None, None)


class Change(NamedTuple):
    """A rule by name, as it was and as it is to be; None where it is not there."""

    rule: str
    old: Said | None
    new: Said | None


class Unusual(NamedTuple):
    """A limit that watches less than any protocol's; None where there is no limit any more. A rule
    of the plan's own protocol that is left out has neither. ``CODE-when`` is how many values the
    inner level needs, ``chain-NAME`` the longest wait of that chain in minutes."""

    rule: str
    limit: Decimal | None
    usual: Decimal | None


def changes(old: Plan, new: Plan) -> list[Change]:
    """Return what differs, rule by rule."""
    was, will = _said(old), _said(new)
    names = [*was, *(name for name in will if name not in was)]
    return [
        Change(name, was.get(name), will.get(name))
        for name in names
        if was.get(name) != will.get(name)
    ]


def unusual(plan: Plan, protocols: Iterable[Plan]) -> list[Unusual]:
    """Return the limits beyond the usual range (hazard H8): such a plan takes two clinicians.

    Usual is what some protocol with a source says of the code and level; where the plan's own
    protocol has a limit, none at all is beyond it too.
    """
    every = list(protocols)
    known = [(limits_of(one), one.protocol) for one in every]
    limits = limits_of(plan)
    own = next((one for one in every if _name(one.protocol) == _name(plan.protocol)), Plan())
    kept = {one.name for one in (*plan.gains, *plan.rules, *plan.combinations)}
    named = (one.name for one in (*own.gains, *own.rules, *own.combinations))
    found = [Unusual(name, None, None) for name in named if name not in kept]
    for rule in sorted({rule for has, _ in known for rule in has}):
        given = [has[rule] for has, _ in known if rule in has]
        widest = min(given) if "-low-" in rule else max(given)
        limit = limits.get(rule)
        prescribed = any(_name(name) == _name(plan.protocol) and rule in has for has, name in known)
        if limit is None and not prescribed:
            continue
        beyond = limit is None or (limit < widest if "-low-" in rule else limit > widest)
        if beyond:
            found.append(Unusual(rule, limit, widest))
    return [*found, *_rarer(plan, every), *_slower(plan)]


def _rarer(plan: Plan, protocols: list[Plan]) -> Iterator[Unusual]:
    """Yield the codes whose inner level needs more values than any protocol's does."""
    for threshold in plan.thresholds:
        known = (one for other in protocols for one in other.thresholds)
        usual = max((one.inner_n for one in known if one.code == threshold.code), default=1)
        if threshold.inner_n > usual:
            yield Unusual(f"{threshold.code}-when", Decimal(threshold.inner_n), Decimal(usual))


def _slower(plan: Plan) -> Iterator[Unusual]:
    """Yield the chains that wait longer for an answer than the default does, in minutes."""
    usual = chains_by_name(Plan())
    for name, steps in plan.chain.items():
        waits, most = (max(one.minutes for one in steps) for steps in (steps, usual[name]))
        if waits > most:
            yield Unusual(f"chain-{name}", Decimal(waits), Decimal(most))


def _name(protocol: str) -> str:
    """Return a protocol's name without its version."""
    return protocol.partition(" ")[0]


def _said(plan: Plan) -> dict[str, Said]:
    return dict(_every(plan))


def _every(plan: Plan) -> Iterator[tuple[str, Said]]:
    yield from limits_of(plan).items()
    for threshold in plan.thresholds:
        when = f"{threshold.inner_n}/{threshold.inner_m}", threshold.hysteresis, threshold.step
        if (*when, threshold.measure_again) != _AT_ONCE:
            yield f"{threshold.code}-when", (*when, threshold.measure_again)
    if plan.chain:
        yield "chain", plan.chain
    if plan.call_tries is not None:
        yield "call-tries", plan.call_tries
    for one in (*plan.gains, *plan.rules, *plan.combinations):
        yield one.name, one
    if plan.early_warning is not None:
        yield "news2-high", plan.early_warning
    for expected in plan.expectations():
        yield f"missing-{expected.code}", expected.due
