"""The vectorised engine against a plain loop of the same rules, in one run, in turn."""

import gc
from decimal import Decimal
from itertools import count

import numpy as np

from benchmarks.dict_loop import GAIN, Outcome, Reading, Slot, judge
from benchmarks.table import Row, interleaved
from contract.codes import BY_NUMBER, Code
from server.domain.plans import Gain, Plan, Threshold
from server.engine import gain
from server.engine.rules import SIGNS, Version, compile_version
from server.engine.state import CODES, EXTRA, FOREVER, State, empty_rows, no_limits, write_rules
from server.engine.step import Observations, apply, findings, step

BATCH = 1024
ROUNDS = 25
CODES_WATCHED = (
    Code.SYSTOLIC,
    Code.DIASTOLIC,
    Code.PULSE,
    Code.SPO2,
    Code.TEMPERATURE,
    Code.WEIGHT,
)
_START = 1_780_000_000_000 // 86_400_000 * 86_400_000
_RULE_NUMBER = {"low-outer": 0, "low-inner": 1, "high-inner": 2, "high-outer": 3}


def run(reduced: bool) -> list[Row]:
    """Measure; ``reduced`` takes fewer rounds: with fewer patients the ratio is another."""
    patients, rounds = 100_000, ROUNDS // 2 if reduced else ROUNDS
    version = _version()
    stream = _batches(patients)
    state, slots = _state(patients, version), _slots(patients)
    _must_agree(state, slots, [next(stream) for _ in range(40)])
    batches = [next(stream) for _ in range(rounds * 20)]
    for_numpy, for_dict = iter(batches), iter([_rows(batch) for batch in batches])

    def numpy_engine() -> None:
        for _ in range(20):
            overlay = step(state, next(for_numpy))
            list(findings(state, overlay))  # one by one, as the services take them
            apply(state, overlay, 0)

    def plain_loop() -> None:
        for _ in range(20):
            judge(slots, next(for_dict), Outcome())

    gc.disable()
    ratio, low, high, seconds = interleaved(numpy_engine, plain_loop, rounds)
    gc.enable()
    note = (
        f"{patients} patients, batch {BATCH}, {low:.1f} to {high:.1f}, {seconds / 20 * 1e6:.0f} µs"
    )
    return [Row("engine / plain loop", ratio, 7, at_least=True, note=note)]


def _version() -> Version:
    limits = [
        Threshold(
            code=code,
            source="benchmark",
            low_outer=Decimal(low),
            low_inner=Decimal(low + 2),
            high_inner=Decimal(high - 2),
            high_outer=Decimal(high),
            hysteresis=Decimal(1),
            inner_n=2,
            inner_m=3,
        )
        for code, (low, high) in _limits().items()
    ]
    gain = Gain(name="weight-gain", source="benchmark", days=3, more_than=Decimal(2))
    return compile_version(1, 0, "UTC", Plan(thresholds=limits, gains=[gain]))


def _limits() -> dict[Code, tuple[int, int]]:
    return {code: (100 + 10 * n, 140 + 10 * n) for n, code in enumerate(CODES_WATCHED)}


def _state(patients: int, version: Version) -> State:
    """Make a state of many equal patients: one row a code, copied."""
    used = patients * len(CODES_WATCHED)
    rows, limits, state = empty_rows(used), no_limits(used), State()
    extra, gains = state.tables["extra"], state.tables["gain"]
    extra.rows, gains.rows = np.zeros(patients, EXTRA), gain.empty(patients)
    extra.used = gains.used = patients
    for name in EXTRA.names or ():
        extra.rows[name] = np.arange(patients) if name == "gain" else -1
    for place, code in enumerate(CODES_WATCHED):
        one, limit, row = empty_rows(1), no_limits(1), gain.empty(1)
        write_rules(one[0], limit[0], {"gain": row[0]}, code, [version], 1, 0)
        every = slice(place, used, len(CODES_WATCHED))
        rows[every], limits[every] = one[0], limit[0]
        if code is Code.WEIGHT:
            rows["extra"][every] = np.arange(patients)
            gains.rows[:] = row[0]
    slots = np.full((patients + 1, CODES), -1, np.int32)
    owner = np.zeros((used, 2), np.int32)
    for place, code in enumerate(CODES_WATCHED):
        slots[:-1, BY_NUMBER.index(code)] = np.arange(place, used, len(CODES_WATCHED))
        owner[place :: len(CODES_WATCHED), 0] = np.arange(patients)
        owner[place :: len(CODES_WATCHED), 1] = BY_NUMBER.index(code)
    due_at = np.full(used, FOREVER, np.int64)
    versions = {patient: [version] for patient in range(patients)}
    return State(0, used, rows, limits, due_at, state.tables, owner, slots, ["UTC"], versions)


def _slots(patients: int) -> dict[tuple[int, int], Slot]:
    made = {}
    for number, code in enumerate(CODES_WATCHED):
        version = _version().rules[code]
        limits = [sign * bound for sign, bound in zip(SIGNS, version.bounds, strict=True)]
        for patient in range(patients):
            gain = (3, 2000) if code is Code.WEIGHT else (0, 0)
            slot = Slot(*limits, version.hysteresis, 2, 3, "UTC", *gain)
            made[patient, BY_NUMBER.index(code)] = slot
        del number
    return made


def _batches(patients: int):
    """Yield distinct batches for ever: random patients and codes, time going on.

    About one value in fifty is beyond a rule; a weight stays within a kilogram or two of the
    patient's own, as weights do (docs/real-series.md), every other value may be anything.
    """
    random = np.random.default_rng(7)
    numbers = np.array([BY_NUMBER.index(code) for code in CODES_WATCHED])
    low = np.zeros(CODES, np.int64)
    step_of = np.ones(CODES, np.int64)
    for code, (least, _) in _limits().items():
        low[BY_NUMBER.index(code)] = least
        step_of[BY_NUMBER.index(code)] = {Code.WEIGHT: 1000, Code.TEMPERATURE: 100}.get(code, 10)
    own = 20 + random.normal(0, 5, patients)
    steady = np.ones(BATCH, np.bool_)
    for number in count():
        code = random.choice(numbers, BATCH)
        patient = random.integers(0, patients, BATCH)
        noise = random.normal(0, 1, BATCH)
        weighed = code == BY_NUMBER.index(Code.WEIGHT)
        near = np.where(weighed, own[patient] + 0.8 * noise, 20 + 8.5 * noise)
        value = ((low[code] + near) * step_of[code]).astype(np.int32)
        at = _START + number * 600_000 + np.sort(random.integers(0, 600_000, BATCH))
        serial = np.arange(BATCH, dtype=np.int64) + number * BATCH
        yield Observations(patient, code, at, serial, value, serial, serial, steady)


def _rows(batch: Observations) -> list[Reading]:
    columns = (batch.patient, batch.code, batch.at, batch.key, batch.value)
    return list(map(Reading._make, zip(*(column.tolist() for column in columns), strict=True)))


def _must_agree(state: State, slots: dict, batches: list[Observations]) -> None:
    """Both contenders must find the same before either is timed."""
    theirs, ours = Outcome(), Outcome()
    for batch in batches:
        overlay = step(state, batch)
        if overlay.rebuild:
            raise AssertionError("a stream in order needs no rebuild")
        apply(state, overlay, 0)
        for finding in findings(state, overlay):
            suffix = finding.rule.removeprefix(f"{BY_NUMBER[finding.code]}-")
            rule = _RULE_NUMBER.get(suffix, GAIN)
            ours.found.append((finding.patient, finding.code, rule, finding.at))
        for slot, bit in overlay.ended:
            patient, code = state.owner[slot].tolist()
            ours.over.append((patient, code, bit))
        judge(slots, _rows(batch), theirs)
    if not ours.found or sorted(ours.found) != sorted(theirs.found):
        raise AssertionError(f"differ: {len(ours.found)} and {len(theirs.found)} findings")
    if not ours.over or sorted(ours.over) != sorted(theirs.over):
        raise AssertionError(f"differ: {len(ours.over)} and {len(theirs.over)} over")
