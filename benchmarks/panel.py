"""Many patients with one plan and a month of history, for the engine and for the plain loop.

A few are made by the engine's own code and judge their month; the others are copies of them: what
a batch costs depends on how much memory is touched, not on whose it is.
"""

from decimal import Decimal
from typing import Any, Final

import numpy as np

from benchmarks.dict_loop import Outcome, Slots, copied, judge
from benchmarks.stream import CODES_WATCHED, FEW, START, month, readings
from contract.codes import Code
from server.domain.plans import Gain, Plan, Threshold
from server.domain.window_rules import Average, Baseline, Change, Crossover, Slope, Spread
from server.engine import rebuild
from server.engine.rules import Version, compile_version
from server.engine.state import State, Table
from server.engine.step import apply, step

_SOURCE: Final = "benchmark"
_LIMITS: Final = {
    Code.SYSTOLIC: (80, 90, 160, 170),
    Code.DIASTOLIC: (40, 50, 100, 120),
    Code.PULSE: (40, 50, 100, 110),
    Code.SPO2: (90, 92, 100, 101),
    Code.TEMPERATURE: (34, 35, 38, 39),
    Code.WEIGHT: (40, 50, 100, 110),
}
THRESHOLDS: Final = [
    Threshold(
        code=code,
        source=_SOURCE,
        low_outer=Decimal(bounds[0]),
        low_inner=Decimal(bounds[1]),
        high_inner=Decimal(bounds[2]),
        high_outer=Decimal(bounds[3]),
        hysteresis=Decimal(1),
        inner_n=2,
        inner_m=3,
    )
    for code, bounds in _LIMITS.items()
]
GAIN: Final = Gain(name="weight-gain", source=_SOURCE, days=3, more_than=Decimal(2))
"""With ``THRESHOLDS``: the rules of heart failure."""


def _rule(kind: type, code: Code, side: str, more_than: str, **given: Any) -> Any:
    fall = "-fall" if side == "fall" else ""
    name = f"{code}-{kind.__name__.lower()}{fall}"
    bound = Decimal(more_than)
    return kind(name=name, code=code, source=_SOURCE, side=side, more_than=bound, **given)


CROSSOVERS: Final = [
    _rule(Crossover, code, "rise", bound, short=2, long=7)
    for code, bound in zip(CODES_WATCHED, ("12", "8", "8", "1.1", "0.3", "0.6"), strict=True)
]
WINDOWS: Final = [
    _rule(Change, Code.SPO2, "fall", "3.9", hours=24),
    _rule(Change, Code.PULSE, "rise", "40", hours=24, percent=True),
    CROSSOVERS[-1],
    _rule(Baseline, Code.SPO2, "fall", "1.645", days=7),
    _rule(Spread, Code.SPO2, "rise", "1.9", days=7),
    _rule(Slope, Code.WEIGHT, "rise", "0.3", days=7),
    _rule(Average, Code.SYSTOLIC, "rise", "131"),
]
ALL_RULES: Final = Plan(thresholds=THRESHOLDS, gains=[GAIN], rules=WINDOWS)
LIMITS_AND_GAIN: Final = Plan(thresholds=THRESHOLDS, gains=[GAIN])
THREE_RULES: Final = Plan(thresholds=THRESHOLDS, gains=[GAIN], rules=CROSSOVERS)


def compiled(plan: Plan) -> Version:
    """Compile a plan in force since ever, in Italy."""
    return compile_version(1, 0, "Europe/Rome", plan)


def new_state(version: Version, patients: int) -> State:
    """Make a state of patients whose plan was just confirmed."""
    state = State()
    for patient in range(patients):
        state.versions[patient] = [version]
        for slot in rebuild.slots_of(state, patient, [version]):
            rebuilt = rebuild.rebuild(state, slot, [version], [], [], START)
            apply(state, rebuilt.overlay, 0)
    return state


def full_state(version: Version, patients: int) -> State:
    """Make a state of patients with a month behind them; a multiple of ``FEW`` of them."""
    state = new_state(version, FEW)
    for batch in month():
        overlay = step(state, batch)
        if overlay.rebuild:
            raise AssertionError("a stream in order needs no rebuild")
        apply(state, overlay, 0)
    return many(state, patients // FEW)


def full_slots(slots: Slots, patients: int) -> Slots:
    """Make the same for the plain loop, of the slots of ``FEW`` patients."""
    for batch in month():
        judge(slots, readings(batch), Outcome())
    return copied(slots, patients // FEW)


def many(few: State, copies: int) -> State:
    """Return a state with ``copies`` of every patient of ``few``."""
    patients, used = len(few.versions), few.used
    tables = {}
    for name, table in few.tables.items():
        tables[name] = Table(lambda count, like=table: like.rows[:0])
        tables[name].rows = np.tile(table.rows[: table.used], copies)
        tables[name].used = table.used * copies
    extra = few.tables["extra"]
    for name in extra.rows.dtype.names or ():
        _move(tables["extra"].rows[name], extra.used, few.tables[name].used)
    rows = np.tile(few.rows[:used], copies)
    _move(rows["extra"], used, extra.used)
    owner = np.tile(few.owner[:used], (copies, 1))
    owner[:, 0] += np.repeat(np.arange(copies, dtype=np.int32) * patients, used)
    slots = np.tile(few.slots[:patients], (copies, 1))
    _move(slots, patients, used)
    return State(
        used=used * copies,
        rows=rows,
        limits=np.tile(few.limits[:used], copies),
        due_at=np.tile(few.due_at[:used], copies),
        tables=tables,
        owner=owner,
        slots=np.concatenate([slots, np.full_like(slots[:1], -1)]),
        zones=few.zones,
        versions={one: few.versions[one % patients] for one in range(patients * copies)},
    )


def _move(places: Any, each: int, by: int) -> None:
    """Move the places that are one's (not -1) on, copy by copy."""
    copy = np.arange(len(places)) // max(each, 1)
    moved = copy.reshape(-1, *[1] * (places.ndim - 1)) * by
    places += np.where(places >= 0, moved, 0).astype(places.dtype)


def numbered_from_one(state: State) -> State:
    """Number the patients as a database does."""
    state.slots = np.concatenate([np.full_like(state.slots[:1], -1), state.slots])
    state.owner[:, 0] += 1
    state.versions = {patient + 1: versions for patient, versions in state.versions.items()}
    return state
