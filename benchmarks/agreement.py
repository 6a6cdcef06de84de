"""Contenders must find the same before either is timed."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from benchmarks.dict_loop import Judge, Outcome, Slots, judge, names_of
from benchmarks.stream import readings
from contract.codes import BY_NUMBER
from server.engine.state import State
from server.engine.step import Observations, apply, findings, step


class Verdicts(NamedTuple):
    """What one batch came to: (patient, code, rule, at) found, (patient, code, rule) over at its
    end, and the (patient, code) that are to be judged from history."""

    found: list[tuple[int, int, str, int]]
    over: set[tuple[int, int, str]]
    apart: set[tuple[int, int]]


Contender = Callable[[Observations], Verdicts]


def must_agree(first: Contender, second: Contender, batches: Iterable[Observations]) -> int:
    """Raise where two differ; what either judges from history is left out from then on.

    Returns how many were found.
    """
    apart: set[tuple[int, int]] = set()
    count = 0
    for batch in batches:
        ours, theirs = first(batch), second(batch)
        apart |= ours.apart | theirs.apart
        for one, other in ((ours.found, theirs.found), (ours.over, theirs.over)):
            left, right = (sorted(row for row in rows if row[:2] not in apart)
                           for rows in (one, other))  # fmt: skip
            if left != right:
                odd = sorted(set(left) ^ set(right))
                raise AssertionError(f"differ in {len(odd)} of {len(left)}: {odd[:3]}")
        count += len(ours.found)
    if not count:
        raise AssertionError("nothing was found: nothing is proven equal")
    return count


def engine(state: State) -> Contender:
    """Return the engine on a state, which moves on."""

    def judged(batch: Observations) -> Verdicts:
        overlay = step(state, batch)
        owners = [tuple(state.owner[slot].tolist()) for slot in overlay.rebuild]
        apply(state, overlay, 0)
        found = [(one.patient, one.code, one.rule, one.at) for one in findings(state, overlay)]
        over = set()
        for slot, bit in overlay.ended:
            patient, code = state.owner[slot].tolist()
            over.add((patient, code, state.versions[patient][0].rules[BY_NUMBER[code]].names[bit]))
        return Verdicts(found, over, set(owners))

    return judged


def plain_loop(state: State, slots: Slots, judge: Judge = judge) -> Contender:
    """Return the plain loop on its slots, which move on; of the state only the names are asked."""

    def judged(batch: Observations) -> Verdicts:
        outcome = Outcome()
        judge(slots, readings(batch), outcome)
        return named(state, slots, outcome)

    return judged


def named(state: State, slots: Slots, outcome: Outcome) -> Verdicts:
    """Return an outcome with the rules' names."""
    names = {
        (patient, code): names_of(state.versions[patient][0].rules[BY_NUMBER[code]])
        for patient, code, *_ in (*outcome.found, *outcome.over)
    }
    found = [
        (patient, code, names[patient, code][rule], at) for patient, code, rule, at in outcome.found
    ]
    over = {
        (patient, code, names[patient, code][rule])
        for patient, code, rule in outcome.over
        if not slots[patient, code].holding[rule]
    }
    return Verdicts(found, over, {reading[:2] for reading in outcome.late})
