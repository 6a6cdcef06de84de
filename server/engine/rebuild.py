"""Judging a slot anew from its whole history: late data, withdrawals and changed plans.

The result is what the slot would be had everything come in order, and how the findings in force
differ from that: new ones to raise, and ones that are no longer supported.
"""

from dataclasses import dataclass, field

import numpy as np

from contract.codes import BY_NUMBER, Code
from server.domain.instants import at_local, civil_day
from server.engine.kernel import Touched
from server.engine.rules import MISSING_BIT, NOTHING, Compiled, Version, governing, in_force
from server.engine.series import Finding, Observation, families_of, fold, fresh
from server.engine.state import (
    FOREVER,
    State,
    active,
    empty_rows,
    no_limits,
    write_memory,
    write_rules,
)
from server.engine.step import Overlay


@dataclass(slots=True)
class Rebuilt:
    """One slot's row as it should be, the findings to raise and the ones to supersede.

    ``active`` names the rules whose condition holds after the newest observation.
    """

    overlay: Overlay
    raised: list[Finding] = field(default_factory=list)
    superseded: list[Finding] = field(default_factory=list)
    active: frozenset[str] = frozenset()


def slots_of(state: State, patient: int, versions: list[Version]) -> list[int]:
    """Return the patient's slots that these versions watch; new ones watch nothing yet."""
    slots = []
    for code in sorted({code for version in versions for code in version.rules}):
        slots.append(state.make_slot(patient, code))
        state.make_room(slots[-1], families_of(versions, code))
    return slots


def rebuild(
    state: State,
    slot: int,
    versions: list[Version],
    history: list[Observation],
    in_force_now: list[Finding],
    now: int,
) -> Rebuilt:
    """Judge a slot's whole history and compare with the findings in force.

    ``history`` holds every believed observation attributed to the patient up to the position
    being judged, in any order; ``versions`` are the patient's. ``now`` decides only from when a
    missing measurement is due.
    """
    patient, number = (int(part) for part in state.owner[slot])
    code, places = BY_NUMBER[number], state.places(slot)
    memory = fresh(family for family, _ in places)
    wanted = fold(patient, code, versions, memory, sorted(history))
    rows, limits = empty_rows(1), no_limits(1)
    tables = {family.name: family.empty(1) for family, _ in places}
    windows = {name: table[0] for name, table in tables.items()}
    rows["extra"] = state.rows["extra"][slot]
    version, then = in_force(versions, max(memory.at, now)), in_force(versions, memory.at)
    memory.active = _carried(memory.active, _named(then, code), _named(version, code))
    zone = state.zone_number(version.zone_name if version else "UTC")
    write_rules(rows[0], limits[0], windows, code, versions, max(memory.at, now), zone)
    missing = int(active(state.rows[[slot]])[0]) & 1 << MISSING_BIT
    if missing and memory.at <= int(state.rows["last"][slot, 0]):
        memory.active |= missing
    write_memory(rows[0], windows, memory)
    touched = {
        family.name: Touched(np.zeros(1, np.intp), np.array([place]), tables[family.name])
        for family, place in places
    }
    due_at = np.array([next_due(versions, code, int(state.due_at[slot]), now)])
    overlay = Overlay(np.array([slot]), rows, touched, limits=limits, due_at=due_at)
    was = {_identity(finding): finding for finding in in_force_now}
    will = {_identity(finding): finding for finding in wanted}
    return Rebuilt(
        overlay,
        [finding for key, finding in will.items() if key not in was],
        [finding for key, finding in was.items() if key not in will],
        frozenset(
            name for bit, name in enumerate(_named(version, code)) if memory.active >> bit & 1
        ),
    )


def next_due(versions: list[Version], code: Code, running: int, now: int) -> int:
    """Return when the code's next measurement is due, keeping a due time already running."""
    version, until = governing(versions, now)
    rules = version.rules.get(code, NOTHING) if version else NOTHING
    if version is None or rules.due_minute < 0:
        return until  # look again when the next version begins
    due = min(_following(version, rules, now), until)
    if running < FOREVER and is_due(version, rules, running):
        return min(running, due)  # one that has come already is judged by the next tick
    return due


def is_due(version: Version, rules: Compiled, at: int) -> bool:
    """Tell whether an instant is a due time of these rules, and not only a time to look again."""
    day = civil_day(at, version.zone_name)
    return rules.due_minute >= 0 and at_local(day, rules.due_minute, version.zone_name) == at


def _following(version: Version, rules: Compiled, now: int) -> int:
    day = civil_day(now, version.zone_name)
    due = at_local(day, rules.due_minute, version.zone_name)
    return due if due > now else at_local(day + 1, rules.due_minute, version.zone_name)


def _identity(finding: Finding) -> tuple[str, int, int, int]:
    return finding.rule, finding.version, finding.epoch, finding.seq


def _named(version: Version | None, code: Code) -> tuple[str, ...]:
    return version.rules.get(code, NOTHING).names if version else NOTHING.names


def _carried(active: int, old: tuple[str, ...], new: tuple[str, ...]) -> int:
    """Return which rules of another version hold: those that both know by one name. A rule's bit
    is its place in its own version only."""
    holding = {name for bit, name in enumerate(old) if name and active >> bit & 1}
    return sum(1 << bit for bit, name in enumerate(new) if name in holding)
