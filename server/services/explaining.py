"""Why there is an alert, judged again: the same call that judged it live, on what is stored.

Every finding of the alert is computed anew from the patient's history and plan versions. A finding
in force must be found again, one that was superseded or withdrawn must not be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from contract.codes import BY_NUMBER, DEFINITIONS, Code
from contract.messages import Measurement, element_decoder
from server.domain.alerts import Alert
from server.domain.plans import Plan, rule_of
from server.engine.combined import combined
from server.engine.early_warning import NUMBERS, Seen, scored, scored_alone
from server.engine.rules import NOTHING, SIGNS, Version
from server.engine.series import NO_CODE, SCORE_CODE, Finding, Observation, families_of, fold, fresh
from server.engine.state import NEVER
from server.errors import NotFound
from server.ports.store import Transaction
from server.ports.views import EvidenceRow
from server.services.deciding import scaled_value
from server.services.versions import versions_of

IN_FORCE: Final = "in-force"


@dataclass(frozen=True, slots=True)
class Explained:
    """One finding, with the plan it was judged by, and whether the verdict is the same again."""

    finding: EvidenceRow
    plan: Plan
    equal: bool


def explain(tx: Transaction, alert_id: int) -> tuple[Alert, list[Explained]]:
    """Return an alert with its findings judged again; none where no value raised it.

    Raises ``NotFound``.
    """
    alert = tx.alerts.get(alert_id)
    if alert is None:
        raise NotFound(f"alert {alert_id}")
    if alert.patient_id is None:
        return alert, []
    cursor = tx.inputs.cursor()
    rows = tx.inputs.plan_versions([alert.patient_id], cursor)
    plans = {row.number: row.plan for row in rows}
    versions = versions_of(rows).get(alert.patient_id, [])
    again: dict[int, list[Finding]] = {}
    explained = []
    evidence = tx.views.evidence(alert_id)
    epochs = tx.measurements.epochs(sorted({(one.gateway, one.epoch) for one in evidence}))
    for finding in evidence:
        if finding.code not in again:
            again[finding.code] = _found(tx, alert.patient_id, finding.code, versions, cursor)
        epoch = epochs[finding.gateway, finding.epoch].id
        key = (finding.rule, finding.version, epoch, finding.seq, finding.value)
        series = {
            (one.rule, one.version, one.epoch, one.seq, one.value) for one in again[finding.code]
        }
        found = key in series if finding.in_series else _alone(finding, versions)
        equal = found == (finding.state == IN_FORCE) or (not finding.in_series and found)
        explained.append(Explained(finding, plans[finding.version], equal))
    return alert, explained


def source_of(explained: Explained) -> str | None:
    """Return the source that the rule names."""
    rule = rule_of(explained.plan, explained.finding.rule)
    return getattr(rule, "source", None)


def _found(
    tx: Transaction, patient_id: int, code: int, versions: list[Version], cursor: int
) -> list[Finding]:
    if code == SCORE_CODE:
        seen = tx.inputs.seen(patient_id, NUMBERS, NEVER, cursor)
        return scored(patient_id, versions, seen, NEVER)[0]
    if code == NO_CODE:
        watched = {DEFINITIONS[word].number for version in versions for word in version.rules}
        codes = SCORE_CODE, *sorted(watched)
        every = (_found(tx, patient_id, one, versions, cursor) for one in codes)
        return combined(versions, chain.from_iterable(every))
    word = BY_NUMBER[code]
    history = sorted(tx.inputs.history(patient_id, code, cursor))
    memory = fresh(families_of(versions, word))
    return fold(patient_id, word, versions, memory, history)


def _alone(finding: EvidenceRow, versions: list[Version]) -> bool:
    """Judge a doubted value again: against the limit of its rule, and nothing else."""
    version = next(one for one in versions if one.number == finding.version)
    if finding.code == SCORE_CODE:
        seen = list(_sent(finding.element))
        found = scored_alone(0, [version], max(version.from_at, 0), seen)
        return [(one.rule, one.value) for one in found] == [(finding.rule, finding.value)]
    rules = version.rules.get(BY_NUMBER[finding.code], NOTHING)
    bit = rules.names.index(finding.rule)
    return SIGNS[bit] * finding.value > rules.bounds[bit]


def _sent(element: bytes) -> Iterator[Seen]:
    """Yield the score's inputs that a measurement said, as they were stored."""
    measurement = element_decoder.decode(element)
    assert isinstance(measurement, Measurement)  # noqa: S101 - it has findings
    for quantity in measurement.quantities:
        number = DEFINITIONS[Code(quantity.code)].number
        if number in NUMBERS and quantity.absent is None:
            yield number, Observation(0, 0, scaled_value(quantity), 0, measurement.seq)
