"""From findings to alerts, in the engine's own transaction (commit 2)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from contract.codes import BY_NUMBER, Code, scaled
from server.domain import alerts as life
from server.domain.alerts import Alert, Change, Evidence, Kind, Telling
from server.domain.attribution import Fate
from server.domain.chains import chain_of
from server.domain.combinations import PREFIX as COMBINED
from server.domain.duty import Duty
from server.domain.early_warning import PRIORITIES, STEP
from server.domain.instants import HOUR
from server.domain.plans import Plan, Priority, limit_of, priority_of
from server.domain.repeats import INNER, OUTER, Repeat, RepeatState, inner_of, outer_of
from server.domain.timeline import FOREVER
from server.domain.undoing import ENTERED_IN_ERROR, LATE_DATA
from server.engine.absences import Absence
from server.engine.rules import COMPARATOR
from server.engine.series import Finding
from server.ports.alerts import FindingRow
from server.ports.store import Transaction
from server.services.absent import write_absences
from server.services.asking import Asking
from server.services.causes import Cause
from server.services.concluded import Concluded
from server.services.duty import duty_of
from server.services.matters import chains_of, keep, raise_matter
from server.services.undoing import end_evidence


class Raising:
    """One transaction's alerts: loads the open ones once, and changes them finding by finding."""

    def __init__(
        self, tx: Transaction, concluded: Concluded, plans: dict[tuple[int, int], Plan], now: int
    ) -> None:
        self._tx, self._concluded, self._plans, self._now = tx, concluded, plans, now
        patients = concluded.patients()
        self._open = tx.alerts.open_of([_subject(patient) for patient in patients])
        self._pauses = {
            (pause.patient_id, pause.rule): pause.until_at
            for pause in tx.alerts.pauses(patients, now)
        }
        self._asking = Asking(tx, patients, now)
        self._ended = set(concluded.ended)
        self._holding = {(patient, code): rules for patient, code, rules in concluded.rebuilt}
        self._duties: dict[int, Duty] = {}
        self._people = {one: found for one in patients if (found := tx.directory.patient(one))}

    def write(self) -> int:
        """Write findings, alerts, absences, messages and audit; return the alerts raised."""
        raised = self._gather()
        raised += sum(self._unrepeated(*one) for one in self._concluded.unrepeated)
        missing = write_absences(self._tx, self._concluded.absences, self._people, self._now)
        missing += self._concluded.left
        raised += sum(self._absent(absence, cause) for absence, cause in missing)
        self._end_waits()
        raised += sum(self._undone(*one) for one in self._concluded.rebuilt)
        for patient, rule in self._concluded.ended:
            self._clear(patient, rule)
        for patient, code, holding in self._concluded.rebuilt:
            for subject, rule in list(self._open):
                own = subject == _subject(patient) and rule.startswith(f"{code}-")
                if own and rule not in holding:
                    self._clear(patient, rule)
                elif own:
                    self._resume(self._open[subject, rule])
        self._end(self._concluded.superseded, "superseded")
        self._end(self._concluded.withdrawn, "withdrawn")
        return raised

    def _gather(self) -> int:
        groups: dict[tuple[int, str], list[tuple[Finding, bool, bool]]] = defaultdict(list)
        for finding in self._concluded.raised:
            groups[finding.patient, finding.rule].append((finding, True, True))
        for finding, sure in self._concluded.doubted:
            groups[finding.patient, finding.rule].append((finding, False, sure))
        rows: list[FindingRow] = []
        raised = 0
        for (patient, rule), found in sorted(groups.items(), key=lambda item: item[0]):
            found.sort(key=lambda one: one[0].at)
            plan, chc_id = self._plan_of(found[-1][0]), self._people[patient].chc_id
            alert_id = None
            outer_too = (patient, outer_of(rule)) in groups
            if outer_too or len(found) > 1 or not found[0][1] or not self._waits(found[0][0], plan):
                known = (_subject(patient), rule) in self._open
                evidence = [_evidence(finding, sure, self._now) for finding, _, sure in found]
                alert_id = self._told(patient, rule, plan, evidence).id
                raised += not known
            if rule.endswith(OUTER):
                raised += self._unrepeated(patient, inner_of(rule))
                self._ask_too(found, plan)
            rows += [
                FindingRow(
                    finding, chc_id, in_series, _late(finding, self._now), self._now, alert_id
                )
                for finding, in_series, _ in found
            ]
        self._tx.alerts.write_findings(rows)
        self._urge()
        return raised

    def _waits(self, finding: Finding, plan: Plan | None) -> bool:
        """Tell whether a first value may wait for a repeat, and ask the home for it (hazard H5)."""
        key = finding.patient, finding.rule
        return (
            finding.rule.endswith(INNER)
            and (_subject(finding.patient), finding.rule) not in self._open
            and key not in self._pauses
            and not self._asking.waiting(*key)
            and not self._is_over(*key, finding.code)
            and self._asking.may_wait(finding, plan, self._people[finding.patient].chc_id)
        )

    def _ask_too(self, found: Sequence[tuple[Finding, bool, bool]], plan: Plan | None) -> None:
        """Ask for a repeat of an outer value that is surely the patient's, told all the same."""
        newest, in_series, _ = found[-1]
        key = newest.patient, newest.rule
        repeated = len(found) > 1 or self._is_over(*key, newest.code)
        if in_series and not repeated and key not in self._pauses:
            self._asking.ask_too(newest, plan, self._people[newest.patient].chc_id)

    def _unrepeated(self, patient: int, rule: str) -> int:
        """Raise a rule's alert on the first value alone, where one waits; return how many."""
        if not self._asking.waiting(patient, rule):
            return 0
        self._told(patient, rule, None, [])
        return 1

    def _told(self, patient: int, rule: str, plan: Plan | None, evidence: list[Evidence]) -> Alert:
        """Tell of findings, and of the first value that has waited for them."""
        first = self._asking.end(patient, rule, RepeatState.RAISED)
        if first is not None:
            plan = plan or self._plans.get((patient, first.version))
            evidence = [Evidence(first.measured_at, first.value), *evidence]
            evidence.sort(key=lambda one: one.measured_at)
        alert = self._tell(patient, rule, plan, Kind.CLINICAL, evidence, None)
        if first is not None:
            self._tx.repeats.attach(first, alert.id)
        return alert

    def _undone(self, patient: int, _code: Code, holding: frozenset[str]) -> int:
        """Raise on a first value whose repeat within the limit was taken away: withdrawn, it may
        have been somebody else's."""
        raised = 0
        for rule in sorted(holding):
            waits = self._asking.waiting(patient, rule)
            if rule.endswith(INNER) and not waits and (_subject(patient), rule) not in self._open:
                self._asking.undo(patient, rule)
                raised += self._unrepeated(patient, rule)
        return raised

    def _end_waits(self) -> None:
        """End the waits of first values that are no longer in force, or that a repeat undid."""
        for finding in self._concluded.superseded:
            self._asking.end_of(finding, RepeatState.SUPERSEDED)
        for finding in self._concluded.withdrawn:
            self._asking.end_of(finding, RepeatState.WITHDRAWN)
        for repeat in self._asking.all_waiting():
            if self._is_over(repeat.patient_id, repeat.rule, repeat.code) and self._calmed(repeat):
                self._asking.end(repeat.patient_id, repeat.rule, RepeatState.NORMAL)

    def _calmed(self, repeat: Repeat) -> bool:
        """Tell whether the newest value is a repeat within the limit that the first was beyond.

        A changed plan is none, nor is LO or HI, nor a value that the device doubts: then the wait
        runs on, and its end raises on the first value alone.
        """
        seen = self._tx.inputs.seen(
            repeat.patient_id, {repeat.code}, repeat.measured_at + 1, FOREVER
        )
        newest = max((one for _, one in seen), default=None)
        if newest is None or not newest.steady or abs(newest.value) == COMPARATOR:
            return False
        plan = self._plans.get((repeat.patient_id, repeat.version))
        limit = limit_of(plan, repeat.rule)
        if limit is None:
            return False
        bound = scaled(BY_NUMBER[repeat.code], limit)
        return newest.value >= bound if "-low-" in repeat.rule else newest.value <= bound

    def _is_over(self, patient: int, rule: str, code: int) -> bool:
        """Tell whether the rule's condition does not hold after the newest observation."""
        holding = self._holding.get((patient, BY_NUMBER[code]))
        return (patient, rule) in self._ended or (holding is not None and rule not in holding)

    def _urge(self) -> None:
        """Make it urgent to say whose a held measurement beyond the outer limit is (hazard H1)."""
        keys = {(one.epoch, one.seq) for one, sure in self._concluded.doubted if not sure}
        found = (self._tx.measurements.get(*key) for key in sorted(keys))
        held = {row.device: row for row in found if row is not None and row.fate == Fate.HELD}
        for device, row in held.items():
            raise_matter(
                self._tx,
                chc_id=row.chc_id,
                subject=f"device:{device}",
                rule="measurement-held",
                priority=Priority.HIGH,
                detail=row.reason or "",
                now=self._now,
            )

    def _tell(
        self,
        patient: int,
        rule: str,
        plan: Plan | None,
        kind: Kind,
        evidence: Sequence[Evidence],
        detail: str | None,
    ) -> Alert:
        """Raise the rule's alert, or add to the open one: at most one telling a reason."""
        priority = priority_of(rule, plan)
        chain = chain_of(plan, kind, rule, priority)
        duty = self._duty(self._people[patient].chc_id)
        alert = self._open.get((_subject(patient), rule))
        tellings: tuple[Telling, ...] = ()
        if alert is None:
            alert = self._opened(patient, rule, kind, priority, evidence[0], detail)
            for one in evidence[1:]:
                alert = life.with_evidence(alert, one)
            alert, tellings = _parts(life.raised(alert, chain, self._now, duty))
            what = "alert-raised"
        else:
            worse_by, paused = _worse_by(rule, plan), alert.paused_until is not None
            for one in evidence:
                alert, more = _parts(life.gathered(alert, one, chain, self._now, duty, worse_by))
                tellings = tuple(dict.fromkeys((*tellings, *more)))
            alert = replace(alert, detail=detail or alert.detail)
            what = "alert-gathered"
            if paused and alert.paused_until is None:
                self._tx.alerts.end_pauses(alert, self._now)
        alert = keep(self._tx, Change(alert, tellings), self._now)
        self._open[alert.subject, alert.rule] = alert
        self._tx.audit(
            "engine",
            what,
            self._now,
            chc_id=alert.chc_id,
            patient_id=patient,
            detail=f"alert {alert.id} {rule}",
        )
        return alert

    def _opened(
        self,
        patient: int,
        rule: str,
        kind: Kind,
        priority: Priority,
        first: Evidence,
        detail: str | None,
    ) -> Alert:
        subject = _subject(patient)
        return Alert(
            id=0,
            chc_id=self._people[patient].chc_id,
            subject=subject,
            patient_id=patient,
            kind=kind,
            rule=rule,
            priority=priority,
            raised_at=self._now,
            began_at=first.measured_at,
            newest_at=first.measured_at,
            deadline_at=None,
            paused_until=self._pauses.get((patient, rule)),
            previous_id=self._tx.alerts.last_closed(subject, rule),
            worst=first.value,
            newest=first.value,
            comparator=first.comparator,
            late=first.late,
            confirmed=first.confirmed,
            detail=detail,
        )

    def _absent(self, absence: Absence, cause: Cause) -> int:
        rule = f"missing-{absence.code}"
        known = (_subject(absence.patient), rule) in self._open
        plan = self._plans.get((absence.patient, absence.version))
        evidence = [Evidence(absence.due_at)]
        self._tell(absence.patient, rule, plan, Kind.ADHERENCE, evidence, cause)
        return int(not known)

    def _clear(self, patient: int, rule: str) -> None:
        alert = self._open.get((_subject(patient), rule))
        if alert is not None and alert.cleared_at is None:
            self._open[alert.subject, rule] = keep(
                self._tx, life.cleared(alert, self._now), self._now
            )

    def _resume(self, alert: Alert) -> None:
        """Tell again of a condition that holds, as it turns out: what cleared it was withdrawn."""
        if alert.cleared_at is None or alert.superseded:
            return
        known = Evidence(
            alert.newest_at, alert.newest, alert.comparator, alert.late, alert.confirmed
        )
        chain = chains_of(self._tx, [alert], self._now)[alert.id]
        change = life.gathered(alert, known, chain, self._now, self._duty(alert.chc_id), None)
        self._open[alert.subject, alert.rule] = keep(self._tx, change, self._now)

    def _end(self, findings: Sequence[Finding], state: str) -> None:
        plans = {finding.patient: self._plan_of(finding) for finding in findings}
        for alert_id in sorted(self._tx.alerts.end_findings(findings, state, self._now)):
            alert = self._tx.alerts.get(alert_id)
            if alert is None or alert.closed_at is not None:
                continue
            plan = plans.get(alert.patient_id or 0)
            chain = chain_of(plan, alert.kind, alert.rule, alert.priority)
            why = ENTERED_IN_ERROR if state == "withdrawn" else LATE_DATA
            end_evidence(self._tx, alert, why, chain, self._now)

    def _duty(self, chc_id: int) -> Duty:
        if chc_id not in self._duties:
            self._duties[chc_id] = duty_of(self._tx, chc_id, self._now)
        return self._duties[chc_id]

    def _plan_of(self, finding: Finding) -> Plan | None:
        return self._plans.get((finding.patient, finding.version))


def _parts(change: Change) -> tuple[Alert, tuple[Telling, ...]]:
    return change.alert, change.tellings


def _subject(patient: int) -> str:
    return f"patient:{patient}"


def _late(finding: Finding, now: int) -> bool:
    return finding.at < now - HOUR


def _evidence(finding: Finding, sure: bool, now: int) -> Evidence:
    comparator = 0
    if abs(finding.value) == COMPARATOR:
        comparator = 1 if finding.value > 0 else -1
    return Evidence(finding.at, finding.value, comparator, _late(finding, now), sure)


def _worse_by(rule: str, plan: Plan | None) -> int | None:
    """Return by how much a value must get worse to tell again: in scaled steps, in points of a
    score, in rules of a combination."""
    if rule in PRIORITIES:
        return STEP
    if rule.startswith(COMBINED):
        return 1
    for threshold in plan.thresholds if plan else ():
        if rule.startswith(f"{threshold.code}-") and threshold.step is not None:
            return scaled(threshold.code, threshold.step)
    return None
