"""NEWS2 over a patient's whole series at once: what ``early_warning.scored`` says of each instant.

The chart's points are looked up for all values together; a test holds both forms equal.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.codes import DEFINITIONS, Code
from server.domain.early_warning import PREFIX, SCALE_LOW
from server.engine import news2
from server.engine.backtest_series import Episode, Series, version_at
from server.engine.early_warning import INPUTS
from server.engine.news2 import Band, Bands
from server.engine.rules import COMPARATOR, Version
from server.engine.series import SCORE_CODE, Finding
from server.engine.state import FOREVER

_BANDS: Final = (Band.LOW_MEDIUM, Band.MEDIUM, Band.HIGH)
_NAMES: Final = (
    *(f"{PREFIX}{band}" for band in _BANDS),
    *(f"{PREFIX}partial-{band}" for band in _BANDS),
)
_PARTIAL: Final = len(_BANDS)
_NONE: Final = -1
_CHARTS: Final = {
    "respiration_rate": news2.RESPIRATION,
    "systolic_mmHg": news2.SYSTOLIC,
    "pulse_bpm": news2.PULSE,
    "temperature_C": news2.TEMPERATURE,
}
_A_STEP: Final = 10  # of these codes ten scaled integers are one step of the chart
_ALWAYS: Final = -(2**61)

Points = NDArray[np.int64]


class _Newest(NamedTuple):
    """One input's newest value at each instant, and when it was measured."""

    at: NDArray[np.int64]
    value: NDArray[np.int64]


class Scores(NamedTuple):
    """Each instant at which an input came: its points, its rule (a place in ``_NAMES`` or -1),
    whether all inputs were known, and the version in force; only where that has a score."""

    at: NDArray[np.int64]
    points: Points
    rule: NDArray[np.int64]
    whole: NDArray[np.bool_]
    version: NDArray[np.intp]

    def findings(self, versions: Sequence[Version]) -> Iterator[Finding]:
        """Yield the findings; a chart does not keep which measurement a value is of."""
        where = (self.rule != _NONE).nonzero()[0]
        columns = (self.rule, self.version, self.at, self.points)
        for rule, place, at, points in zip(*(c[where].tolist() for c in columns), strict=True):
            number = versions[place].number
            yield Finding(0, SCORE_CODE, _NAMES[rule], number, at, points, 0, at)

    def episodes(self, versions: Sequence[Version]) -> Iterator[Episode]:
        """Yield each rule's episodes: only a whole score below a rule ends it."""
        for rule, name in enumerate(_NAMES):
            found = (self.rule == rule).nonzero()[0]
            over = (self.whole & (self.rule != rule)).nonzero()[0]
            stretch = over.searchsorted(found)
            first = np.unique(stretch, return_index=True)[1].tolist()
            ends = np.append(self.at[over], FOREVER)
            for place, end in pairwise([*first, len(found)]):
                at = int(self.at[found[place]])
                number = versions[int(self.version[found[place]])].number
                yield Episode(name, number, at, int(ends[stretch[place]]), end - place)


def scores(versions: list[Version], series: Mapping[Code, Series]) -> Scores:
    """Score a patient's series by versions of a timeline."""
    own = {code: series[code] for code in INPUTS if code in series}
    every = [one.at for one in own.values()]
    when = np.unique(np.concatenate(every)) if every else np.zeros(0, np.int64)
    newest = {name: _newest(name, own, when) for name in sorted(set(INPUTS.values()))}
    place = version_at(versions, when)
    points, rule = np.zeros(len(when), np.int64), np.full(len(when), _NONE)
    whole, kept = np.zeros(len(when), np.bool_), np.zeros(len(when), np.bool_)
    for number, version in enumerate(versions):
        if version.early_warning is not None:
            mine = place == number
            known = {n: one.at >= when - version.early_warning.reach for n, one in newest.items()}
            reached = _points(newest, known, version.early_warning.scale)
            total, highest = reached.sum(axis=0), reached.max(axis=0)
            all_known = np.logical_and.reduce(list(known.values()))
            points[mine], whole[mine], kept[mine] = total[mine], all_known[mine], True
            rule[mine] = _rules(total, highest, all_known)[mine]
    return Scores(when[kept], points[kept], rule[kept], whole[kept], place[kept])


def _newest(name: str, series: Mapping[Code, Series], when: NDArray[np.int64]) -> _Newest:
    own = [code for code in series if INPUTS[code] == name]
    at = np.concatenate([[_ALWAYS], *(series[code].at for code in own)])
    value = np.concatenate([[0], *(_numbers(code, series[code].value) for code in own)])
    order = np.argsort(at, kind="stable")
    at, value = at[order], value[order]
    place = at.searchsorted(when, side="right") - 1
    return _Newest(at[place], value[place])


def _numbers(code: Code, value: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the values; of a comparator the end of what can be true on its side (hazard H3)."""
    definition = DEFINITIONS[code]
    low, high = (int(end / definition.step) for end in definition.possible)
    return np.where(value == COMPARATOR, high, np.where(value == -COMPARATOR, low, value))


def _points(newest: dict[str, _Newest], known: dict[str, NDArray[np.bool_]], scale: int) -> Points:
    """Return each parameter's points, a row each; 0 where it is not known."""
    found = [
        np.where(known[name], _charted(chart, newest[name].value), 0)
        for name, chart in _CHARTS.items()
    ]
    has_oxygen, oxygen = known["supplemental_oxygen"], newest["supplemental_oxygen"].value != 0
    found.append(np.where(has_oxygen & oxygen, news2.OXYGEN_POINTS, 0))
    woken = np.array(list(news2.CONSCIOUSNESS.values()))[newest["consciousness"].value]
    found.append(np.where(known["consciousness"], woken, 0))
    value = newest["spo2_pct"].value
    if scale == SCALE_LOW:
        on_air = _charted(news2.SPO2_SCALE_2_ON_AIR, value)
        on_oxygen = _charted(news2.SPO2_SCALE_2_ON_OXYGEN, value)
        certain = np.where(on_air == on_oxygen, on_air, 0)
        spo2 = np.where(has_oxygen, np.where(oxygen, on_oxygen, on_air), certain)
    else:
        spo2 = _charted(news2.SPO2_SCALE_1, value)
    found.append(np.where(known["spo2_pct"], spo2, 0))
    return np.stack(found)


def _charted(bands: Bands, value: NDArray[np.int64]) -> Points:
    """Look the points up, rounding half up to the chart's step first."""
    tenth = bands is news2.TEMPERATURE
    uppers = [int(upper * 10 if tenth else upper) for upper, _ in bands[:-1]]
    charted = (value + _A_STEP // 2) // _A_STEP
    return np.array([points for _, points in bands])[np.searchsorted(uppers, charted)]


def _rules(total: Points, highest: Points, whole: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rule of each score, see ``news2.band_of``."""
    band = np.where(total >= 7, 2, np.where(total >= 5, 1, np.where(highest == 3, 0, _NONE)))
    return np.where((band != _NONE) & ~whole, band + _PARTIAL, band)
