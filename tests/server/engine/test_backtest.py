"""A series judged along time says what the definition says, one observation after the other."""

import os
from collections import Counter
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from contract.codes import Code
from server.domain.instants import HOUR, MINUTE, civil_day, utc_offset
from server.domain.plans import Plan
from server.engine import backtest, backtest_numbers, backtest_series
from server.engine.backtest_series import Series
from server.engine.rules import COMPARATOR, NOTHING, compile_version
from tests.server.engine.test_order import PLANS

# The night of 25 October 2026 has its third hour twice in Italy.
BASE = int(datetime(2026, 10, 20, 5, tzinfo=UTC).timestamp() * 1000)
NARROW = {
    "thresholds": [
        {"code": "systolic", "source": "test", "low_inner": "110", "high_inner": "130",
         "hysteresis": "3", "inner_n": 3, "inner_m": 8},
        {"code": "weight", "source": "test", "high_inner": "71.5", "inner_n": 1, "inner_m": 3},
    ],
    "rules": [
        {"kind": "slope", "name": "systolic-fall-slope", "code": "systolic", "source": "test",
         "side": "fall", "days": 9, "at_least": "1", "least": 3},
        {"kind": "average", "name": "systolic-fall-average", "code": "systolic", "source": "test",
         "side": "fall", "more_than": "125"},
        {"kind": "crossover", "name": "systolic-fall-cross", "code": "systolic",
         "source": "test", "side": "fall", "short": 2, "long": 7, "at_least": "1"},
    ],
}  # fmt: skip
EXAMPLES = int(os.environ.get("VICINO_BACKTEST_EXAMPLES", "200"))
EVERY = [*PLANS, NARROW]
CODES = {Code.SYSTOLIC: (1000, 1500, 10), Code.WEIGHT: (69_000, 73_000, 150)}


def compiled(drawn: list[tuple[int, int]], zone: str):
    ordered = sorted(dict(drawn).items())
    return [
        compile_version(number, at, zone, msgspec.convert(EVERY[plan], Plan))
        for number, (at, plan) in enumerate(ordered, 1)
    ]


def series(code: Code, rng: np.random.Generator, count: int, gap: int) -> Series:
    low, high, step = CODES[code]
    at = BASE + np.cumsum(rng.integers(0, gap, count)) * 15 * MINUTE
    wild = rng.choice([1, 1, 6])
    wandering = np.cumsum(rng.integers(-6, 7, count)) * step * wild + (low + high) // 2
    value = np.clip(wandering, low - (high - low), high + (high - low)).astype(np.int32)
    odd = rng.random(count)
    value[odd < 0.02] = COMPARATOR
    value[odd > 0.98] = -COMPARATOR
    return Series(at, value, rng.random(count) > 0.05)


def told(beyond) -> list[tuple[int, int, bool, int]]:
    return list(zip(*(column.tolist() for column in beyond), strict=True))


@pytest.mark.parametrize("code", CODES)
def test_along_time_and_one_by_one_are_equal(code: Code, monkeypatch) -> None:
    """The definition answers for the test only: along time no series here is folded."""
    by_fold = backtest.judge_by_fold
    seen: Counter[tuple[str, bool]] = Counter()

    @seed(datetime.now(UTC).toordinal())
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.integers(0, 2**32),
        st.integers(1, 160),
        st.sampled_from([3, 12, 40, 100]),
        st.lists(
            st.tuples(st.integers(-5, 400).map(lambda h: BASE + h * HOUR), st.integers(0, 2)),
            min_size=1,
            max_size=3,
        ),
        st.sampled_from(["Europe/Rome", "UTC", "Pacific/Auckland"]),
    )
    def equal(number: int, count: int, gap: int, plans: list, zone: str) -> None:
        one = series(code, np.random.default_rng(number), count, gap)
        versions = compiled(plans, zone)
        expected = told(by_fold(code, versions, one))
        assert told(backtest.judge(code, versions, one)) == expected
        place = backtest_series.version_at(versions, one.at)
        for where, bit, begins, _ in expected:
            seen[versions[place[where]].rules[code].names[bit], begins] += 1

    with monkeypatch.context() as patch:
        patch.setattr(backtest, "judge_by_fold", None)
        equal()
    print(dict(sorted(seen.items())))
    # The rules of the plans that watch the code: each was found, and began.
    versions = compiled([(0, 0), (1, 1), (2, 2)], "UTC")
    watched = {name for one in versions for name in one.rules.get(code, NOTHING).names if name}
    watched -= {f"missing-{code}"}
    assert watched == {name for name, begins in seen if begins}


@pytest.mark.parametrize("zone", ["Europe/Rome", "Pacific/Auckland", "UTC", "Asia/Kathmandu"])
def test_the_walls_clock_is_that_of_the_zone(zone: str) -> None:
    at = BASE - 300 * 24 * HOUR + np.arange(0, 400 * 24 * 4) * 15 * MINUTE
    ahead = backtest_numbers.offsets(at, zone)
    assert ahead.tolist() == [utc_offset(one, zone) for one in at.tolist()]
    assert (at[-1] + ahead[-1]) // (24 * HOUR) == civil_day(int(at[-1]), zone)


def test_a_day_that_came_again_is_folded() -> None:
    """Beirut sets its clocks back at midnight."""
    at = int(datetime(2026, 10, 24, 12, tzinfo=UTC).timestamp() * 1000) + np.arange(60) * HOUR // 2
    one = Series(at, (1200 + 10 * (np.arange(60) % 37)).astype(np.int32), np.ones(60, bool))
    versions = compiled([(0, 0)], "Asia/Beirut")
    expected = told(backtest.judge_by_fold(Code.SYSTOLIC, versions, one))
    assert expected
    assert told(backtest.judge(Code.SYSTOLIC, versions, one)) == expected


def test_values_too_far_apart_for_running_sums_are_folded() -> None:
    at = BASE + np.arange(3000) * MINUTE
    value = np.where(np.arange(3000) % 2, 1000, 600_000_000).astype(np.int32)
    one = Series(at, value, np.ones(3000, bool))
    versions = compiled([(0, 1)], "Europe/Rome")
    expected = told(backtest.judge_by_fold(Code.WEIGHT, versions, one))
    assert told(backtest.judge(Code.WEIGHT, versions, one)) == expected
