"""Measurements that the plan expected and nobody took, judged at their due time (hazard H8)."""

from dataclasses import dataclass, field

import numpy as np

from contract.codes import BY_NUMBER, Code
from server.domain.instants import DAY, at_local, civil_day
from server.engine.packed import take
from server.engine.rebuild import is_due, next_due
from server.engine.rules import MISSING_BIT, NOTHING, in_force
from server.engine.state import FOREVER, State, set_active
from server.engine.step import Overlay


@dataclass(frozen=True, slots=True)
class Absence:
    """Nothing of ``code`` measured from ``window_from`` (the civil day's start) to ``due_at``."""

    patient: int
    code: Code
    version: int
    window_from: int
    due_at: int


@dataclass(slots=True)
class Fallen:
    """What fell due at one clock tick; ``overlay`` moves each slot on to its next due time.

    ``failed`` names (patient, code, error) of the slots that could not be judged: they are looked
    at again a day later, and everybody else's absence is not held up by them (hazard H7).
    """

    overlay: Overlay
    absences: list[Absence] = field(default_factory=list)
    failed: list[tuple[int, Code, str]] = field(default_factory=list)


def fall_due(state: State, now: int) -> Fallen:
    """Judge every slot whose due time has come, on what was received until now."""
    slots = np.flatnonzero(state.due_at[: state.used] <= now)
    rows, due_at = take(state.rows, slots), state.due_at[slots]
    fallen = Fallen(Overlay(slots, rows, due_at=due_at))
    for index, slot in enumerate(slots):
        patient, number = state.owner[slot].tolist()
        code, due = BY_NUMBER[number], int(due_at[index])
        try:
            absence, due_at[index] = _fall(state, rows[index], patient, code, due)
        except Exception as error:  # noqa: BLE001 - one poisonous slot must not stop a district
            fallen.failed.append((patient, code, f"{type(error).__name__}: {error}"))
            due_at[index] = due + DAY
            continue
        if absence is not None:
            set_active(rows, index, MISSING_BIT)
            fallen.absences.append(absence)
    return fallen


def _fall(
    state: State, row: np.void, patient: int, code: Code, due: int
) -> tuple[Absence | None, int]:
    """Return the absence, if there is one, and when the slot is due next."""
    versions = state.versions.get(patient, [])
    absence, version = None, in_force(versions, due)
    if version is not None and is_due(version, version.rules.get(code, NOTHING), due):
        window_from = at_local(civil_day(due, version.zone_name), 0, version.zone_name)
        if int(row["last"][0]) < window_from:
            absence = Absence(patient, code, version.number, window_from, due)
    return absence, next_due(versions, code, FOREVER, due)
