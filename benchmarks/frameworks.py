"""The three common rules in two frameworks for streams, each used in its own way.

River has rolling statistics: its user keeps the loop, the limits and the civil days, here those of
the plain loop. Bytewax has the loop and keeps state by key: its user brings the rules, here those
of the plain loop. ``pip`` installs them by the extra ``bench``.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bytewax import operators
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from river import stats, utils

from benchmarks.dict_loop import Outcome, Reading, Rule, Slot, Slots, judge_one
from benchmarks.dict_windows import Crossover

_ROUNDING = 1e-6  # river's means are floating point: without this a bound met exactly is passed
_ZERO = datetime(1970, 1, 1)  # noqa: DTZ001 - a civil day has no zone


@dataclass(slots=True)
class RiverCrossover:
    """The crossover on river's rolling means; a time is a civil day."""

    short: utils.TimeRolling
    long: utils.TimeRolling
    exceeds: int
    least: int

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        time = _ZERO + timedelta(days=day)
        self.short.update(value, t=time)
        self.long.update(value, t=time)
        means = self.short.obj, self.long.obj
        gap = means[0].get() - means[1].get()
        return means[1].n >= self.least and gap > self.exceeds + _ROUNDING


def with_river(slots: Slots) -> Slots:
    """Return the slots with river's means in the crossovers."""
    return {
        key: replace(slot, rules=[_rolling(one) for one in slot.rules])
        for key, slot in slots.items()
    }


def _rolling(rule: Rule) -> Rule:
    if not isinstance(rule, Crossover):
        return rule
    short, long = (
        utils.TimeRolling(stats.Mean, timedelta(days=sums.reach))
        for sums in (rule.short, rule.long)
    )
    return RiverCrossover(short, long, rule.exceeds, rule.least)


def bytewax(slots: Slots, given: list[Reading], outcome: Outcome) -> None:
    """Judge readings by a dataflow that keeps a slot by key."""
    flow, out = Dataflow("rules"), []
    readings = operators.input("readings", flow, TestingSource(given, batch_size=1024))
    keyed = operators.key_on("slot", readings, lambda one: f"{one.patient}/{one.code}")
    judged = operators.stateful_map("judge", keyed, partial(_map, slots))
    beyond = operators.filter_value("beyond", judged, bool)
    operators.output("found", beyond, TestingSink(out))
    run_main(flow)
    for _, one in out:
        outcome.found += one.found
        outcome.over += one.over


@dataclass(slots=True)
class _Kept:
    """A slot as bytewax keeps it. It copies every state at a flow's end, for a recovery that
    nobody asked for here: that would be most of its time."""

    slot: Slot

    def __deepcopy__(self, _memo: object) -> "_Kept":
        return self


def _map(slots: Slots, kept: _Kept | None, one: Reading) -> tuple[_Kept, Outcome | None]:
    kept = kept or _Kept(slots[one.patient, one.code])  # what it remembers of the flow before
    outcome = Outcome()
    judge_one(kept.slot, one, outcome)
    return kept, outcome if outcome.found or outcome.over else None
