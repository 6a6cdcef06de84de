"""Measure again: whether a first value beyond an inner limit may wait for a repeat (hazard H5).

    first value ──may wait?──no──► alert
        │ yes: the home is asked
     waiting ──second value beyond, outer level, or ``until_at`` passed──► raised
        ├─────condition ended by a value within the limit──► normal
        └─────first value no longer in force──► superseded or withdrawn

The wait counts from when the value was measured, not from when the home is asked: whatever delayed
the value has used the time up. The outer level never waits.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.domain.instants import MINUTE
from server.domain.plans import MEASURE_AGAIN_MINUTES_MAX

OUTER: Final = "-outer"
INNER: Final = "-inner"


class RepeatState(StrEnum):
    """Where a repeat stands that the home was asked for. Only ``WAITING`` holds an alert back."""

    WAITING = "waiting"
    RAISED = "raised"
    NORMAL = "normal"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A repeat the home was asked for after a value of (``epoch_id``, ``seq``) beyond ``rule``.

    ``until_at`` is when the alert is raised on the first value alone; of a rule that raised at
    once it is ``asked_at``.
    """

    id: int
    chc_id: int
    patient_id: int
    code: int
    rule: str
    version: int
    epoch_id: int
    seq: int
    measured_at: int
    value: int
    command_id: int
    asked_at: int
    until_at: int
    state: RepeatState
    ended_at: int | None = None


def wait_ends(measured_at: int, minutes: int, now: int) -> int | None:
    """Return when a wait for a repeat of a value ends, or None where its time is over."""
    # A device's clock may run ahead: the wait is bounded from now, too.
    end = min(measured_at, now) + min(minutes, MEASURE_AGAIN_MINUTES_MAX) * MINUTE
    return end if end > now else None


def outer_of(rule: str) -> str:
    """Return the outer rule on the side of an inner one."""
    return rule.removesuffix(INNER) + OUTER


def inner_of(rule: str) -> str:
    """Return the inner rule on the side of an outer one."""
    return rule.removesuffix(OUTER) + INNER
