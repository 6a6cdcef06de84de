"""One patient's series judged by the versions of a plan: findings, grouped to alerts.

Nobody answers in a back-test: an alert is open while its condition holds, and when that begins
anew there is a new alert.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.codes import DEFINITIONS, Code
from server.engine.backtest import judge
from server.engine.backtest_absences import absences
from server.engine.backtest_score import scores
from server.engine.backtest_series import (
    Beyond,
    Episode,
    Series,
    Stretch,
    stretches,
    version_at,
)
from server.engine.backtest_windows import Windows
from server.engine.combined import combined
from server.engine.rules import RULES, CombinedRule, Version
from server.engine.series import Finding
from server.engine.state import FOREVER


class History(NamedTuple):
    """What is known of a patient: believed series, and when anything of a code was held.

    Absences are judged from ``expected_from``; findings are counted from ``from_at`` until before
    ``until_at``. ``known`` keeps what was found out by a plan for the next one: two plans have
    most of their rules in common.
    """

    series: dict[Code, Series]
    windows: dict[Code, Windows]
    held_at: dict[Code, NDArray[np.int64]]
    expected_from: int
    from_at: int
    until_at: int
    known: dict[tuple[Code, tuple[Stretch, ...]], Beyond]


class Judged(NamedTuple):
    """Every alert, before ``from_at`` too, and the findings counted by (rule, version number)."""

    episodes: list[Episode]
    counts: Counter[tuple[str, int]]


_NEVER = np.zeros(0, np.int64)
_NO_SERIES = Series(_NEVER, _NEVER.astype(np.int32), _NEVER.astype(np.bool_))


def judge_patient(versions: list[Version], history: History) -> Judged:
    """Judge everything of one patient by versions sorted by ``from_at``."""
    judged = Judged([], Counter())
    found: list[Finding] = []
    members = {name for one in versions for rule in one.combinations for name in rule.of}
    for code in sorted({code for version in versions for code in version.rules}):
        series = history.series.get(code, _NO_SERIES)
        held_at = history.held_at.get(code, _NEVER)
        missing = absences(
            code, versions, series.at, held_at, history.expected_from, history.until_at
        )
        judged.episodes.extend(missing)
        if not len(series.at):
            continue
        key = code, tuple(stretches(code, versions, series.at))
        if key not in history.known:
            history.known[key] = judge(code, versions, series, history.windows.get(code))
        beyond = history.known[key]
        if len(beyond.place):
            _group(code, versions, series, beyond, judged, history)
        if members:
            every = findings(code, versions, series, beyond)
            found += (finding for finding in every if finding.rule in members)
    if any(version.early_warning for version in versions):
        found += _score(versions, judged, history, members)
    if found:
        _combine(versions, found, judged, history)
    return judged


def _score(
    versions: list[Version], judged: Judged, history: History, members: set[str]
) -> list[Finding]:
    """Add the episodes of NEWS2, and return the findings that combinations ask for."""
    scored = scores(versions, history.series)
    judged.episodes.extend(scored.episodes(versions))
    every = list(scored.findings(versions))
    judged.counts.update(
        (one.rule, one.version) for one in every if history.from_at <= one.at < history.until_at
    )
    return [one for one in every if one.rule in members]


def findings(
    code: Code, versions: list[Version], series: Series, beyond: Beyond
) -> Iterator[Finding]:
    """Yield the findings by name. A chart does not keep which measurement a value is of: its
    instant stands for it."""
    at, value = series.at.take(beyond.place), series.value.take(beyond.place)
    rows = zip(
        version_at(versions, at).tolist(),
        beyond.bit.tolist(),
        at.tolist(),
        value.tolist(),
        strict=True,
    )
    for place, bit, when, number in rows:
        version = versions[place]
        name = version.rules[code].names[bit]
        yield Finding(0, DEFINITIONS[code].number, name, version.number, when, number, 0, when)


def _group(
    code: Code,
    versions: list[Version],
    series: Series,
    beyond: Beyond,
    judged: Judged,
    history: History,
) -> None:
    """Add a series' episodes, and count its findings."""
    at = series.at.take(beyond.place)
    place = version_at(versions, at)
    first = beyond.begins.nonzero()[0]
    counts = np.diff(np.append(first, len(at)))
    ends = np.append(series.at, FOREVER).take(beyond.until.take(first))
    rows = zip(
        place.take(first).tolist(),
        beyond.bit.take(first).tolist(),
        at.take(first).tolist(),
        ends.tolist(),
        counts.tolist(),
        strict=True,
    )
    for index, bit, began_at, ended_at, count in rows:
        version = versions[index]
        name = version.rules[code].names[bit]
        judged.episodes.append(Episode(name, version.number, began_at, ended_at, count))
    inside = (at >= history.from_at) & (at < history.until_at)
    many = np.bincount(place[inside] * RULES + beyond.bit[inside])
    for key in many.nonzero()[0].tolist():
        version = versions[key // RULES]
        judged.counts[version.rules[code].names[key % RULES], version.number] += int(many[key])


def _combine(
    versions: list[Version], found: list[Finding], judged: Judged, history: History
) -> None:
    """Add the combinations that the findings meet.

    Live, one holds until a person closes it; here it is over when too few of its rules hold, as if
    somebody had closed it then.
    """
    rules = {one.number: {rule.name: rule for rule in one.combinations} for one in versions}
    single = list(judged.episodes)
    for finding in sorted(combined(versions, found), key=lambda one: (one.rule, one.at)):
        if history.from_at <= finding.at < history.until_at:
            judged.counts[finding.rule, finding.version] += 1
        last = judged.episodes[-1]
        if last.rule == finding.rule and finding.at < last.ended_at:
            judged.episodes[-1] = last._replace(findings=last.findings + 1)
            continue
        ended_at = _over_at(rules[finding.version][finding.rule], single, finding.at)
        began = Episode(finding.rule, finding.version, finding.at, ended_at, 1)
        judged.episodes.append(began)


def _over_at(rule: CombinedRule, single: list[Episode], at: int) -> int:
    """Return the first instant from ``at`` on at which fewer rules hold than it takes."""
    own = [one for one in single if one.rule in rule.of and one.ended_at > at]
    for instant in sorted({at, *(one.ended_at for one in own)}):
        holding = {one.rule for one in own if one.began_at <= instant < one.ended_at}
        if len(holding) < rule.least:
            return instant
    return FOREVER
