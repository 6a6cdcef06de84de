"""Combinations: several rules of a plan within some hours (weight with heart rate, for example).

A combination watches findings, not values. It is *met* at a finding of one of its rules when at
least ``at_least`` different rules of it have a finding within the ``hours`` up to then, both ends
included. *And* is as many as there are rules, *or* is one.
"""

from collections.abc import Collection, Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct

from server.domain.priorities import Priority
from server.domain.window_rules import HOURS_MAX

PREFIX: Final = "combined-"
RULES_MAX: Final = 12


class Combination(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """At least ``at_least`` of the rules ``of``, as the plan names them, within ``hours``."""

    name: Annotated[str, Meta(pattern=rf"^{PREFIX}[a-z0-9]+([.-][a-z0-9]+)*$", max_length=60)]
    source: Annotated[str, Meta(min_length=3, max_length=200)]
    of: Annotated[list[str], Meta(min_length=2, max_length=RULES_MAX)]
    at_least: Annotated[int, Meta(ge=1, le=RULES_MAX)]
    hours: Annotated[int, Meta(ge=1, le=HOURS_MAX)]
    priority: Priority = Priority.MEDIUM


def problems(combinations: list[Combination], rules: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with a plan's combinations; ``rules`` are what they may combine."""
    names = [one.name for one in combinations]
    if len(names) != len(set(names)):
        yield "combinations: a combination is named twice"
    for one in combinations:
        for name in one.of:
            if name not in rules:
                yield f"combinations {one.name}: of: the plan has no rule {name} with a value"
        if len(set(one.of)) < len(one.of):
            yield f"combinations {one.name}: of: a rule is named twice"
        if one.at_least > len(one.of):
            yield f"combinations {one.name}: at_least is more than there are rules"
