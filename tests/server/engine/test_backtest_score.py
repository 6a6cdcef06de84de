"""NEWS2 over a whole series equals the definition at every instant, and its episodes what would
have been told and ended one instant after the other."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from contract.codes import DEFINITIONS, Code, scaled
from server.domain.instants import HOUR, MINUTE
from server.domain.plans import Plan
from server.engine.backtest_score import scores
from server.engine.backtest_series import Episode, Series
from server.engine.early_warning import INPUTS, scored
from server.engine.rules import COMPARATOR, Version, compile_version, timeline
from server.engine.series import Observation
from server.engine.state import FOREVER

# Values about every edge of the chart, in the code's own unit.
LIKELY = {
    Code.RESPIRATION_RATE: ["7", "8.4", "8.5", "11", "12", "16", "20", "20.5", "24", "25"],
    Code.SPO2: ["82", "83.5", "85", "87", "88", "91.4", "91.5", "92", "93", "95", "96", "97"],
    Code.SUPPLEMENTAL_OXYGEN: ["0", "1"],
    Code.SYSTOLIC: ["89.9", "90.4", "90.5", "100", "110", "120", "219.4", "219.5", "240"],
    Code.PULSE: ["40.4", "40.5", "50", "70", "90", "90.5", "110", "130.4", "131"],
    Code.HEART_RATE: ["39", "75", "120"],
    Code.CONSCIOUSNESS: ["0", "0", "0", "1", "4"],
    Code.TEMPERATURE: ["34.99", "35.04", "35.05", "36.0", "37", "38.04", "38.05", "39.1"],
}


def versions(scale: int) -> list[Version]:
    """A score, then a time without one, then one of another scale and reach."""

    def plan(minutes: int, scale: int) -> Plan:
        news2 = {"source": "RCP", "scale": scale, "minutes": minutes, "doctor": "dora"}
        return msgspec.convert({"early_warning": news2}, Plan)

    return timeline(
        [
            compile_version(1, 0, "Europe/Rome", plan(30, scale)),
            compile_version(2, 40 * HOUR, "Europe/Rome", Plan(), 50 * HOUR),
            compile_version(3, 70 * HOUR, "Europe/Rome", plan(120, 3 - scale)),
        ]
    )


def drawn(random: np.random.Generator) -> dict[Code, list[Observation]]:
    """Rounds of most inputs within minutes of each other, some hours apart; comparators too."""
    found: dict[Code, list[Observation]] = {code: [] for code in INPUTS}
    for number in range(40):
        start = number * 3 * HOUR
        for code, values in LIKELY.items():
            if random.random() < (0.3 if code is Code.HEART_RATE else 0.93):
                value = scaled(code, Decimal(str(random.choice(values))))
                if len(values) > 5 and random.random() < 0.03:
                    value = COMPARATOR if random.random() < 0.5 else -COMPARATOR
                # Pulse and heart rate are one input: never at one instant, where a key decides.
                at = start + 2 * int(random.integers(0, 25)) * MINUTE + (code is Code.HEART_RATE)
                found[code].append(Observation(at, number, value, 0, at))
    return found


def as_series(observations: list[Observation]) -> Series:
    at = np.array([one.at for one in observations], np.int64)
    value = np.array([one.value for one in observations], np.int32)
    return Series(at, value, np.ones(len(at), np.bool_))


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("number", range(12))
def test_the_whole_series_scores_as_instant_after_instant(scale: int, number: int) -> None:
    random = np.random.default_rng([datetime.now(UTC).toordinal(), number, scale])
    own, ruling = drawn(random), versions(scale)
    seen = [(DEFINITIONS[code].number, one) for code, every in own.items() for one in every]
    theirs, _ = scored(0, ruling, seen, 0)
    ours = scores(ruling, {code: as_series(every) for code, every in own.items()})
    found = [(one.rule, one.version, one.at, one.value) for one in ours.findings(ruling)]
    assert found == [(one.rule, one.version, one.at, one.value) for one in theirs]
    assert len({rule for rule, *_ in found}) >= 3
    assert sorted(ours.episodes(ruling)) == sorted(told(ruling, seen))


def told(ruling: list[Version], seen: list) -> list[Episode]:
    """Walk from instant to instant as live: a rule found opens, a whole score below it ends."""
    opened: dict[str, list] = {}
    done: list[Episode] = []
    instants = sorted({one.at for _, one in seen})
    for at in instants:
        known = [one for one in seen if one[1].at <= at]
        found, holding = scored(0, ruling, known, at)
        for one in found:
            if one.rule in opened:
                opened[one.rule][2] += 1
            else:
                opened[one.rule] = [one.version, at, 1]
        for rule in [] if holding is None else [one for one in opened if one not in holding]:
            version, began_at, count = opened.pop(rule)
            done.append(Episode(rule, version, began_at, at, count))
    return done + [
        Episode(rule, version, began_at, FOREVER, count)
        for rule, (version, began_at, count) in opened.items()
    ]
