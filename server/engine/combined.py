"""Combinations, judged: a patient's findings give further findings.

The result is a function of the set of findings alone, so late, withdrawn and shuffled data need no
memory here: what changed is judged anew.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from server.engine.rules import CombinedRule, Version
from server.engine.series import NO_CODE, Finding


def combined(versions: Sequence[Version], findings: Iterable[Finding]) -> list[Finding]:
    """Return the combinations that one patient's findings meet, each carried by the measurement
    at which it was met; ``value`` is how many of its rules were.

    A finding counts for the combinations of its own plan version. ``findings`` are in any order.
    """
    rules = {version.number: version.combinations for version in versions}
    ordered = sorted(findings, key=lambda one: (one.at, one.epoch, one.seq, one.code, one.rule))
    instants: dict[str, list[int]] = defaultdict(list)
    for finding in ordered:
        instants[finding.rule].append(finding.at)
    found: dict[tuple[str, int, int, int], Finding] = {}
    for finding in ordered:
        for rule in rules.get(finding.version, ()):
            if finding.rule in rule.of and (met := _met(rule, instants, finding.at)) >= rule.least:
                key = rule.name, finding.version, finding.epoch, finding.seq
                found.setdefault(key, _at(finding, rule.name, met))
    return list(found.values())


def _at(finding: Finding, name: str, met: int) -> Finding:
    return finding._replace(code=NO_CODE, rule=name, value=met)


def _met(rule: CombinedRule, instants: dict[str, list[int]], at: int) -> int:
    """Return how many of the rules have a finding in the window that ends at an instant."""
    return sum(
        bisect_left(instants[name], at - rule.reach) < bisect_right(instants[name], at)
        for name in rule.of
        if name in instants
    )
