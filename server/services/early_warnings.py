"""NEWS2 in commit 2: what a run changed in a patient's inputs changes the score."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from server.domain.early_warning import PRIORITIES
from server.engine.early_warning import NUMBERS, scored, scored_alone
from server.engine.rules import Version
from server.engine.series import Finding
from server.engine.state import FOREVER, NEVER
from server.engine.step import Observations
from server.errors import WrongInput
from server.ports.inputs import Questioned
from server.ports.store import Transaction
from server.services.concluded import Concluded

# What an impossible input raises: the limits of the same measurement are judged all the same (H7).
UNJUDGEABLE: Final = (WrongInput, ValueError, LookupError, ArithmeticError)
VersionsOf = Callable[[int], list[Version]]
Since = dict[int, int]
"""From when on a patient's score must be judged anew, by patient."""


def touched(batch: Observations, versions_of: VersionsOf) -> Since:
    """Return the patients with a score whose inputs came, each with the earliest of them."""
    since: Since = {}
    places = np.isin(batch.code, list(NUMBERS)).nonzero()[0]
    for patient, at in zip(batch.patient[places].tolist(), batch.at[places].tolist(), strict=True):
        if at < since.get(patient, FOREVER) and _reach(versions_of(patient)):
            since[patient] = at
    return since


def everything(patients: Iterable[int], versions_of: VersionsOf) -> Since:
    """Return those of the patients who have a score, to be judged from their first value on."""
    return {patient: NEVER for patient in patients if _reach(versions_of(patient))}


def judge(
    tx: Transaction,
    concluded: Concluded,
    patient: int,
    versions: list[Version],
    first: int,
    until: int,
) -> None:
    """Add to what was concluded the patient's scores that are beyond a rule from ``first`` on, and
    end those that are not. ``until`` is the log's position up to which is judged."""
    seen = tx.inputs.seen(patient, NUMBERS, max(first - _reach(versions), NEVER), until)
    found, holding = scored(patient, versions, seen, first)
    stored = tx.inputs.findings_between(patient, first, FOREVER)
    was = {_key(one): one for one in stored if one.rule in PRIORITIES}
    will = {_key(one): one for one in found}
    concluded.raised += [one for key, one in will.items() if key not in was]
    left = {(one.epoch, one.seq) for _, one in seen}
    for key, one in was.items():
        if key not in will:
            own = (one.epoch, one.seq) not in left
            (concluded.withdrawn if own else concluded.superseded).append(one)
    if holding is not None:
        concluded.ended += [(patient, rule) for rule in PRIORITIES if rule not in holding]


def judge_alone(
    concluded: Concluded, questioned: Iterable[Questioned], versions_of: VersionsOf
) -> list[tuple[int, Exception]]:
    """Score each measurement whose time or owner is in doubt by itself; return (patient, why) of
    those that cannot be."""
    failed: list[tuple[int, Exception]] = []
    measurements: dict[tuple[int, int, int], list[Questioned]] = defaultdict(list)
    for one in questioned:
        if one.code in NUMBERS:
            key = one.patient_id, one.observation.epoch, one.observation.seq
            measurements[key].append(one)
    for (patient, _, _), inputs in measurements.items():
        first, seen = inputs[0], [(one.code, one.observation) for one in inputs]
        try:
            found = scored_alone(patient, versions_of(patient), first.judged_at, seen)
        except UNJUDGEABLE as wrong:
            failed.append((patient, wrong))
            continue
        concluded.doubted += [(finding, first.confirmed) for finding in found]
    return failed


def _reach(versions: list[Version]) -> int:
    """Return how far back the score looks, 0 where no version has one."""
    return max((one.early_warning.reach for one in versions if one.early_warning), default=0)


def _key(finding: Finding) -> tuple[str, int, int, int, int]:
    return finding.rule, finding.version, finding.epoch, finding.seq, finding.value
