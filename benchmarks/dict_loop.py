"""The contender: the same rules as a plain loop over a dictionary of objects."""

from dataclasses import dataclass, field

DAY_MS = 86_400_000


@dataclass(slots=True)
class Slot:
    """One patient's one code: limits, and what the rules remember."""

    low_outer: int
    low_inner: int
    high_inner: int
    high_outer: int
    hysteresis: int
    need: int
    of_last: int
    gain_days: int = 0
    gain_exceeds: int = 0
    holding: list[bool] = field(default_factory=lambda: [False] * 4)
    past: list[list[bool]] = field(default_factory=lambda: [[], [], [], []])
    days: dict[int, int] = field(default_factory=dict)
    at: int = -1


def judge(
    slots: dict[tuple[int, int], Slot], batch: list[tuple[int, int, int, int]], found: list
) -> None:
    """Judge (patient, code, at, value) in order; append (patient, code, rule, at) to ``found``."""
    for patient, code, at, value in batch:
        slot = slots[patient, code]
        limits = (slot.low_outer, slot.low_inner, slot.high_inner, slot.high_outer)
        for rule, limit in enumerate(limits):
            if rule < 2:
                beyond, near = value < limit, value < limit + slot.hysteresis
            else:
                beyond, near = value > limit, value > limit - slot.hysteresis
            inner = rule in (1, 2)
            past = slot.past[rule]
            past.append(beyond)
            if len(past) > (slot.of_last if inner else 1):
                del past[0]
            enough = sum(past) >= (slot.need if inner else 1)
            slot.holding[rule] = enough or (slot.holding[rule] and near)
            if slot.holding[rule] and beyond:
                found.append((patient, code, rule, at))
        if slot.gain_days:
            today = at // DAY_MS
            bases = [
                first for day, first in slot.days.items() if 1 <= today - day <= slot.gain_days
            ]
            if bases and value - min(bases) > slot.gain_exceeds:
                found.append((patient, code, 4, at))
            if today not in slot.days:
                slot.days[today] = value
                if len(slot.days) > 8:
                    del slot.days[min(slot.days)]
        slot.at = at
