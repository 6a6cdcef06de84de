"""Asking the home to measure again, in the transaction that writes findings (hazard H5)."""

from collections.abc import Collection

from contract.codes import BY_NUMBER
from server.domain.instants import MINUTE
from server.domain.plans import Plan, repeat_minutes
from server.domain.repeats import Repeat, RepeatState, wait_ends
from server.engine.rules import COMPARATOR
from server.engine.series import Finding
from server.ports.store import Transaction
from server.services.gateway_state import GATEWAY_SILENT_AFTER

COMMAND = "measure-again"


class Asking:
    """One transaction's repeats: which first values wait for one, and what ends a wait."""

    def __init__(self, tx: Transaction, patients: Collection[int], now: int) -> None:
        self._tx, self._now = tx, now
        self._waiting = {(one.patient_id, one.rule): one for one in tx.repeats.waiting(patients)}
        self._commands: dict[tuple[int, int], int] = {}

    def waiting(self, patient: int, rule: str) -> bool:
        """Tell whether a first value of this rule waits."""
        return (patient, rule) in self._waiting

    def may_wait(self, finding: Finding, plan: Plan | None, chc_id: int) -> bool:
        """Ask the home for a repeat and tell whether the finding waits for it.

        It does not where nothing asks for one, the time for it is over, it was asked for already,
        or nobody can be reached. A comparator never waits: it is beyond every limit (hazard H3).
        """
        if abs(finding.value) == COMPARATOR:
            return False
        repeat = self._ask(finding, plan, chc_id, RepeatState.WAITING)
        if repeat is not None:
            self._waiting[finding.patient, finding.rule] = repeat
        return repeat is not None

    def ask_too(self, finding: Finding, plan: Plan | None, chc_id: int) -> None:
        """Ask the home for a repeat of what was raised at once, where it can be reached."""
        self._ask(finding, plan, chc_id, RepeatState.RAISED)

    def end(self, patient: int, rule: str, state: RepeatState) -> Repeat | None:
        """End a wait, with its line on the record; None where nothing of the rule waits."""
        repeat = self._waiting.pop((patient, rule), None)
        if repeat is not None:
            self._tx.repeats.end(repeat, state, self._now)
            self._audit(repeat.chc_id, patient, "repeat-ended", f"{rule} {state}")
        return repeat

    def undo(self, patient: int, rule: str) -> None:
        """Let a first value wait again, its time over, where what stood against it is gone."""
        if (repeat := self._tx.repeats.undone(patient, rule)) is not None:
            self._waiting[patient, rule] = repeat

    def end_of(self, finding: Finding, state: RepeatState) -> None:
        """End the wait of a first value that is no longer in force: there is nothing to raise."""
        repeat = self._waiting.get((finding.patient, finding.rule))
        own = finding.version, finding.epoch, finding.seq
        if repeat is not None and (repeat.version, repeat.epoch_id, repeat.seq) == own:
            self.end(finding.patient, finding.rule, state)

    def all_waiting(self) -> list[Repeat]:
        """Return everything that waits."""
        return list(self._waiting.values())

    def _ask(
        self, finding: Finding, plan: Plan | None, chc_id: int, state: RepeatState
    ) -> Repeat | None:
        minutes = repeat_minutes(finding.rule, plan)
        until_at = wait_ends(finding.at, minutes, self._now) if minutes is not None else None
        if minutes is None or until_at is None:
            return None
        asked = self._now - minutes * MINUTE
        if self._tx.repeats.asked_since(finding.patient, finding.code, asked):
            return None
        command = self._command(finding, chc_id, until_at)
        if command is None:
            return None
        self._audit(chc_id, finding.patient, "home-asked", f"{finding.rule} {state}")
        return self._tx.repeats.add(
            Repeat(
                id=0,
                chc_id=chc_id,
                patient_id=finding.patient,
                code=finding.code,
                rule=finding.rule,
                version=finding.version,
                epoch_id=finding.epoch,
                seq=finding.seq,
                measured_at=finding.at,
                value=finding.value,
                command_id=command,
                asked_at=self._now,
                until_at=until_at if state is RepeatState.WAITING else self._now,
                state=state,
                ended_at=None if state is RepeatState.WAITING else self._now,
            )
        )

    def _command(self, finding: Finding, chc_id: int, until_at: int) -> int | None:
        """Write the command for the gateway that the value came by: one a measurement, so that
        nobody hears twice that a cuff's two numbers are high."""
        key = finding.epoch, finding.seq
        if key not in self._commands:
            since = self._now - GATEWAY_SILENT_AFTER
            gateway = self._tx.repeats.prompting(finding.epoch, since)
            if gateway is None:
                return None
            self._commands[key] = self._tx.commands.add(
                chc_id=chc_id,
                gateway=gateway,
                name=COMMAND,
                code=BY_NUMBER[finding.code],
                now=self._now,
                expires_at=until_at,
            )
        return self._commands[key]

    def _audit(self, chc_id: int, patient: int, what: str, detail: str) -> None:
        self._tx.audit("engine", what, self._now, chc_id=chc_id, patient_id=patient, detail=detail)
