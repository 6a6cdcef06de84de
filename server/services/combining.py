"""Combinations in commit 2: what a run changed in a patient's findings changes what they meet."""

from collections import defaultdict
from collections.abc import Callable

from server.engine.combined import combined
from server.engine.rules import Version
from server.engine.series import Finding
from server.ports.store import Transaction
from server.services.concluded import Concluded

_Key = tuple[str, int, int, int, int]


def combine(
    tx: Transaction, concluded: Concluded, versions_of: Callable[[int], list[Version]]
) -> None:
    """Add to what was concluded the combinations that are met now, and end those that are not."""
    changed: dict[int, list[Finding]] = defaultdict(list)
    for finding in (*concluded.raised, *concluded.superseded, *concluded.withdrawn):
        changed[finding.patient].append(finding)
    for patient, findings in changed.items():
        versions = versions_of(patient)
        rules = [rule for version in versions for rule in version.combinations]
        members = {name for rule in rules for name in rule.of}
        instants = [finding.at for finding in findings if finding.rule in members]
        if instants:
            reach = max(rule.reach for rule in rules)
            _judge(tx, concluded, patient, versions, min(instants), max(instants), reach)


def _judge(
    tx: Transaction,
    concluded: Concluded,
    patient: int,
    versions: list[Version],
    first: int,
    last: int,
    reach: int,
) -> None:
    """Judge the time that findings from ``first`` to ``last`` can have changed."""
    names = {rule.name for version in versions for rule in version.combinations}
    stored = tx.inputs.findings_between(patient, first - reach, last + reach)
    ended = {_key(one) for one in (*concluded.superseded, *concluded.withdrawn)}
    raised = [
        one
        for one in concluded.raised
        if one.patient == patient and first - reach <= one.at <= last + reach
    ]
    now = [one for one in stored if one.rule not in names and _key(one) not in ended]
    was = {_key(one): one for one in stored if one.rule in names and one.at >= first}
    will = {_key(one): one for one in combined(versions, now + raised) if one.at >= first}
    concluded.raised += [one for key, one in will.items() if key not in was]
    taken = {(one.epoch, one.seq) for one in concluded.withdrawn}
    for key, one in was.items():
        if key not in will:
            own = (one.epoch, one.seq) in taken
            (concluded.withdrawn if own else concluded.superseded).append(one)


def _key(finding: Finding) -> _Key:
    return finding.rule, finding.version, finding.epoch, finding.seq, finding.value
