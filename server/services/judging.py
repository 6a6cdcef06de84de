"""Commit 2: the engine judges stored input and moves its cursor in the commit that tells.

``Judge`` is the single owner of its partition: it numbers the log, judges a run of inputs of one
kind in one transaction, and takes the result into its state only after the commit.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from contract.codes import BY_NUMBER, Code
from server.domain.plans import Plan
from server.engine.absences import fall_due
from server.engine.alone import judge_alone
from server.engine.rebuild import rebuild, slots_of
from server.engine.rules import MISSING_BIT, NOTHING, Version, in_force
from server.engine.state import State, set_active
from server.engine.step import Overlay, apply, findings, step
from server.errors import StoreUnavailable
from server.ports.inputs import Input, InputKind, NewInput
from server.ports.store import Store, Transaction
from server.services import early_warnings
from server.services.combining import combine
from server.services.concluded import Concluded
from server.services.gateway_state import GATEWAY_SILENT_AFTER
from server.services.matters import tell_not_judged
from server.services.raising import Raising
from server.services.versions import versions_of

BATCH_INPUTS_MAX: Final = 4096
# A row that fails alone this often is set aside, so that one row never stops a district (H7).
TRIES_ALONE: Final = 3
_OBSERVED: Final = frozenset({InputKind.ATTRIBUTED, InputKind.QUESTIONED})

log = logging.getLogger(__name__)


class StateBehind(Exception):
    """The cursor is not where the state is: a commit was lost or done by another."""


@dataclass(slots=True)
class _Run:
    """One run of inputs of one kind, and what became of it."""

    inputs: list[Input]
    concluded: Concluded = field(default_factory=Concluded)
    overlays: list[Overlay] = field(default_factory=list)
    versions: dict[int, list[Version]] = field(default_factory=dict)
    failed: list[tuple[int, Code, str]] = field(default_factory=list)
    scored: early_warnings.Since = field(default_factory=dict)
    unscored: list[tuple[int, Exception]] = field(default_factory=list)

    def versions_of(self, state: State) -> Callable[[int], list[Version]]:
        """Return a look at a patient's plan versions as this run leaves them."""
        return lambda patient: self.versions.get(patient) or state.versions.get(patient, [])

    @property
    def last(self) -> int:
        return self.inputs[-1].position

    @property
    def recorded_at(self) -> int:
        return self.inputs[-1].recorded_at


class Judge:
    """The engine at work on a store. Not safe for two threads: its owner is one."""

    def __init__(self, store: Store, state: State, listening_since: int = 0) -> None:
        """Judge absences only once we have listened for as long as makes a gateway silent: what
        was measured while we were away is on its way."""
        self._store = store
        self._listening_since = listening_since
        self.state = state
        self._limit = BATCH_INPUTS_MAX
        self._failures = 0

    def run_once(self, now: int) -> int:
        """Judge the next run of inputs; return how many alerts it raised, or -1 for nothing to do.

        Raises ``StoreUnavailable`` when the database is away, ``StateBehind`` when the state
        must be restored first. Any other failure is tried again alone and then set aside.
        """
        listened = now >= self._listening_since + GATEWAY_SILENT_AFTER
        if listened and self.state.next_due() <= now:
            with self._store.write() as tx:
                tx.inputs.append([NewInput(InputKind.TICK, None, None, None, 0, now)])
        try:
            raised = self._judge(now)
        except (StoreUnavailable, StateBehind):
            raise
        except Exception as error:  # noqa: BLE001 - one poisonous row must not stop a district
            self._after_failure(error, now)
            return 0
        self._failures, self._limit = 0, BATCH_INPUTS_MAX
        return raised

    def _judge(self, now: int) -> int:
        with self._store.write() as tx:
            if tx.inputs.number() != self.state.position:
                raise StateBehind
            if not (rows := tx.inputs.after(self.state.position, self._limit)):
                return -1
            run = _Run(_same_kind(rows))
            self._conclude(tx, run)
            versions_of = run.versions_of(self.state)
            for patient, since in run.scored.items():
                versions = versions_of(patient)
                try:
                    early_warnings.judge(tx, run.concluded, patient, versions, since, run.last)
                except early_warnings.UNJUDGEABLE as wrong:
                    run.unscored.append((patient, wrong))
            for patient, error in run.unscored:
                why = type(error).__name__  # its text names values: those stay out of logs
                log.error("no score of patient %d could be judged: %s", patient, why)
                tell_not_judged(tx, patient, "NEWS2", now)
            combine(tx, run.concluded, versions_of)
            raised = self._write(tx, run, now)
            for patient, code, said in run.failed:
                log.error("no absence of patient %d %s could be judged: %s", patient, code, said)
                tell_not_judged(tx, patient, f"missing-{code}", now)
            tx.inputs.move_cursor(run.last, now)
        for overlay in run.overlays:
            apply(self.state, overlay, run.last)
        self.state.versions |= run.versions
        self.state.position = run.last
        return raised

    def _write(self, tx: Transaction, run: _Run, now: int) -> int:
        if not (patients := run.concluded.patients()):
            return 0
        plans: dict[tuple[int, int], Plan] = {
            (version.patient_id, version.number): version.plan
            for version in tx.inputs.plan_versions(sorted(patients), run.last)
        }
        return Raising(tx, run.concluded, plans, now).write()

    def _conclude(self, tx: Transaction, run: _Run) -> None:
        kind = run.inputs[0].kind
        if kind in _OBSERVED:
            self._observed(tx, run)
        elif kind is InputKind.PLAN:
            self._planned(tx, run)
        elif kind is InputKind.WITHDRAWN:
            self._withdrawn(tx, run)
        else:
            fallen = fall_due(self.state, run.recorded_at)
            run.overlays.append(fallen.overlay)
            run.concluded.absences, run.failed = fallen.absences, fallen.failed

    def _observed(self, tx: Transaction, run: _Run) -> None:
        first = run.inputs[0].position
        batch = tx.inputs.observations(first, run.last)
        run.scored = early_warnings.touched(batch, run.versions_of(self.state))
        overlay = step(self.state, batch)
        run.overlays.append(overlay)
        run.concluded.raised += findings(self.state, overlay)
        for slot, bit in overlay.ended:
            if name := self._rule(slot, bit):
                run.concluded.ended.append((int(self.state.owner[slot, 0]), name))
        for slot in overlay.rebuild:
            self._rebuild(tx, run, slot)
        if any(row.kind is InputKind.QUESTIONED for row in run.inputs):
            questioned = tx.inputs.questioned(first, run.last)
            versions_of = run.versions_of(self.state)
            run.unscored += early_warnings.judge_alone(run.concluded, questioned, versions_of)
            for one in questioned:
                found = judge_alone(
                    self.state, one.patient_id, one.code, one.judged_at, one.observation
                )
                run.concluded.doubted += [(finding, one.confirmed) for finding in found]

    def _planned(self, tx: Transaction, run: _Run) -> None:
        patients = {row.patient_id for row in run.inputs if row.patient_id is not None}
        run.versions = versions_of(tx.inputs.plan_versions(sorted(patients), run.last))
        run.scored = early_warnings.everything(patients, run.versions_of(self.state))
        for patient, versions in run.versions.items():
            for slot in slots_of(self.state, patient, versions):
                self._rebuild(tx, run, slot)

    def _withdrawn(self, tx: Transaction, run: _Run) -> None:
        patients = {row.patient_id for row in run.inputs if row.patient_id is not None}
        run.scored = early_warnings.everything(patients, run.versions_of(self.state))
        slots: dict[int, set[tuple[int, int]]] = {}
        for row in run.inputs:
            if row.patient_id is None or row.epoch_id is None or row.seq is None:
                continue
            for code in tx.inputs.codes_of(row.epoch_id, row.seq):
                slot = self.state.slot(row.patient_id, BY_NUMBER[code])
                if slot >= 0:
                    slots.setdefault(slot, set()).add((row.epoch_id, row.seq))
        # Once a slot: what is in force is read from the database, not from this run.
        for slot, withdrawn in slots.items():
            self._rebuild(tx, run, slot, withdrawn)

    def _rebuild(
        self,
        tx: Transaction,
        run: _Run,
        slot: int,
        withdrawn: Collection[tuple[int, int]] = (),
    ) -> None:
        patient, code = (int(part) for part in self.state.owner[slot])
        history = tx.inputs.history(patient, code, run.last)
        current = tx.inputs.findings_in_force(patient, code)
        versions = run.versions_of(self.state)(patient)
        rebuilt = rebuild(self.state, slot, versions, history, current, run.recorded_at)
        run.overlays.append(rebuilt.overlay)
        run.concluded.raised += rebuilt.raised
        run.concluded.rebuilt.append((patient, BY_NUMBER[code], rebuilt.active))
        for finding in rebuilt.superseded:
            own = (finding.epoch, finding.seq) in withdrawn
            (run.concluded.withdrawn if own else run.concluded.superseded).append(finding)

    def _rule(self, slot: int, bit: int) -> str:
        patient, code = (int(part) for part in self.state.owner[slot])
        number = int(self.state.limits["version"][slot])
        for version in self.state.versions.get(patient, []):
            if version.number == number:
                return version.rules.get(BY_NUMBER[code], NOTHING).names[bit]
        return ""

    def _after_failure(self, error: Exception, now: int) -> None:
        """Try the run again row by row; a row that fails alone three times is set aside."""
        log.error("judging failed after position %d", self.state.position, exc_info=error)
        if self._limit > 1:
            self._limit = 1
            return
        self._failures += 1
        if self._failures < TRIES_ALONE:
            return
        self._failures = 0
        with self._store.write() as tx:
            tx.inputs.number()
            (row,) = tx.inputs.after(self.state.position, 1)
            tx.inputs.set_aside(row.position, f"{type(error).__name__}: {error}")
            tx.inputs.move_cursor(row.position, now)
            tell_not_judged(tx, row.patient_id, f"input {row.position}", now)
        self.state.position = row.position


def restore(store: Store, state: State) -> None:
    """Bring a state (empty, or from a snapshot) to the database's cursor, writing nothing."""
    with store.read() as tx:
        cursor = tx.inputs.cursor()
        if state.position > cursor:
            raise ValueError("a snapshot ahead of its database was not discarded")
        # Due times run from the last tick that was judged, or from when the plan was learned of:
        # what fell due since is still to be judged.
        ticked = tx.inputs.last_tick(cursor)
        since: dict[int, int] = {}
        rows = tx.inputs.plan_versions([], cursor)
        for row in rows:
            since[row.patient_id] = max(since.get(row.patient_id, ticked), row.recorded_at)
        state.versions = versions_of(rows)
        for patient in tx.inputs.touched(state.position, cursor):
            versions = state.versions.get(patient, [])
            for slot in slots_of(state, patient, versions):
                history = tx.inputs.history(patient, int(state.owner[slot, 1]), cursor)
                rebuilt = rebuild(state, slot, versions, history, [], since[patient])
                apply(state, rebuilt.overlay, cursor)
        for patient, rule in tx.alerts.open_missing():
            _mark_missing(state, patient, rule)
        state.position = cursor


def _mark_missing(state: State, patient: int, rule: str) -> None:
    version = in_force(state.versions.get(patient, []), 2**62)
    for code, rules in version.rules.items() if version else ():
        if rules.names[MISSING_BIT] == rule and (slot := state.slot(patient, code)) >= 0:
            set_active(state.rows, slot, MISSING_BIT)


def _same_kind(rows: list[Input]) -> list[Input]:
    """Return the longest run from the start that one transaction may judge together."""
    kind = rows[0].kind
    if kind is InputKind.TICK:
        return rows[:1]
    kinds = _OBSERVED if kind in _OBSERVED else frozenset({kind})
    return list(takewhile(lambda row: row.kind in kinds, rows))
