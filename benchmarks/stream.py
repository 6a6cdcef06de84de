"""What patients at home measure: six quantities, at a device's resolution, time going on.

A weight stays within a kilogram or two of the patient's own, as weights do (docs/real-series.md);
about one value in forty is beyond a rule.
"""

from collections.abc import Iterator
from itertools import count
from typing import Final

import numpy as np

from benchmarks.dict_loop import Reading
from contract.codes import BY_NUMBER, Code
from server.domain.instants import DAY, HOUR, MINUTE
from server.engine.step import Observations

CODES_WATCHED: Final = (
    Code.SYSTOLIC,
    Code.DIASTOLIC,
    Code.PULSE,
    Code.SPO2,
    Code.TEMPERATURE,
    Code.WEIGHT,
)
FEW: Final = 50  # patients who are told apart; the others are like one of them
START: Final = 1_780_000_000_000 // DAY * DAY
_DAYS: Final = 30
_BATCH_MS: Final = 10 * MINUTE
_NUMBERS: Final = np.array([BY_NUMBER.index(code) for code in CODES_WATCHED])
# By the code's number: mean, deviation and resolution, in scaled integers.
_SHAPES: Final = np.zeros((len(BY_NUMBER), 3))
_SHAPES[_NUMBERS] = [
    (1250, 130, 10),
    (750, 90, 10),
    (700, 90, 10),
    (960, 12, 10),
    (3660, 40, 10),
    (75_000, 500, 100),
]
_OWN_KG: Final = np.random.default_rng(1).normal(0, 7, FEW)


def batches(patients: int, size: int, seed: int = 7) -> Iterator[Observations]:
    """Yield distinct batches for ever, of random patients and codes, in order of time."""
    random = np.random.default_rng(seed)
    for number in count():
        patient = random.integers(0, patients, size)
        at = START + number * _BATCH_MS + np.sort(random.integers(0, _BATCH_MS, size))
        yield _observations(random, patient, random.choice(_NUMBERS, size), at, number * size)


def month() -> Iterator[Observations]:
    """Yield what the few measured in the month before: everything each morning and evening."""
    random = np.random.default_rng(3)
    patient, code = np.repeat(np.arange(FEW), len(_NUMBERS)), np.tile(_NUMBERS, FEW)
    for half in range(-2 * _DAYS, 0):
        at = START + half * DAY // 2 + 6 * HOUR + np.sort(random.integers(0, HOUR, len(code)))
        yield _observations(random, patient, code, at, half * len(code))


def readings(batch: Observations) -> list[Reading]:
    """Return a batch as the plain loop takes it."""
    columns = (batch.patient, batch.code, batch.at, batch.key, batch.value)
    return list(map(Reading._make, zip(*(column.tolist() for column in columns), strict=True)))


def _observations(
    random: np.random.Generator,
    patient: np.ndarray,
    code: np.ndarray,
    at: np.ndarray,
    first: int,
) -> Observations:
    serial = np.arange(len(code), dtype=np.int64) + first
    steady = np.ones(len(code), np.bool_)
    value = measured(random, patient, code)
    return Observations(patient, code, at, serial, value, serial, serial, steady)


def measured(random: np.random.Generator, patient: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return values of patients' codes, in scaled integers."""
    mean, deviation, resolution = _SHAPES[code].T
    own = np.where(code == BY_NUMBER.index(Code.WEIGHT), _OWN_KG[patient % FEW] * 1000, 0)
    value = mean + own + deviation * random.normal(0, 1, len(code))
    return (np.round(value / resolution) * resolution).astype(np.int32)
