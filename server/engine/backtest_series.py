"""What a back-test judges, and how it says what it found."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.codes import Code
from server.engine.rules import NOTHING, Compiled, Version


class Series(NamedTuple):
    """One slot's believed observations, in order of (at, key): see ``series.Observation``."""

    at: NDArray[np.int64]
    value: NDArray[np.int32]
    steady: NDArray[np.bool_]


class Stretch(NamedTuple):
    """The places from ``first`` until before ``end``, judged by one version's rules."""

    first: int
    end: int
    rules: Compiled


class Places(NamedTuple):
    """One rule's findings in order of time: their places in the series; whether the condition
    *begins* at each, which is the first since it last did not hold; and from which place on it
    does not hold any more (the series' length while it holds)."""

    place: NDArray[np.intp]
    begins: NDArray[np.bool_]
    until: NDArray[np.intp]


class Beyond(NamedTuple):
    """A series' findings, bit after bit: see ``Places``."""

    place: NDArray[np.intp]
    bit: NDArray[np.intp]
    begins: NDArray[np.bool_]
    until: NDArray[np.intp]


class Episode(NamedTuple):
    """One condition from its first finding to its end (``FOREVER`` while it holds): one alert, if
    nobody does anything with it. ``version`` is the plan's at its beginning."""

    rule: str
    version: int
    began_at: int
    ended_at: int
    findings: int


def stretches(code: Code, versions: list[Version], at: NDArray[np.int64]) -> list[Stretch]:
    """Cut a series where another version comes into force; before the first nothing is watched."""
    starts = np.array([version.from_at for version in versions], np.int64)
    edges = [0, *at.searchsorted(starts).tolist(), len(at)]
    rules = [NOTHING, *(version.rules.get(code, NOTHING) for version in versions)]
    every = zip(edges[:-1], edges[1:], rules, strict=True)
    return [Stretch(first, end, rule) for first, end, rule in every if first < end]


def version_at(versions: list[Version], at: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the place of the version in force at each instant, or -1 before the first."""
    starts = np.array([version.from_at for version in versions], np.int64)
    return np.asarray(starts.searchsorted(at, side="right") - 1)
