"""NEWS2 as a rule of a plan: the score of a patient's newest values, or a named part of it.

Royal College of Physicians, National Early Warning Score 2 (2017). All inputs stand within
``minutes`` of each other (hazard H11), and the scale of SpO2 is the plan's, which a doctor
confirmed: scale 2 is for a target of 88 to 92 %.
"""

from datetime import date
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from server.domain.priorities import Priority

PREFIX: Final = "news2-"
# Each band is a rule of its own. The chart asks for an urgent response from 5 points on, or for 3
# in one parameter (low-medium). A part of the score can only grow: what it reaches is certain.
PRIORITIES: Final = {
    "news2-high": Priority.HIGH,
    "news2-medium": Priority.MEDIUM,
    "news2-low-medium": Priority.MEDIUM,
    "news2-partial-high": Priority.HIGH,
    "news2-partial-medium": Priority.MEDIUM,
    "news2-partial-low-medium": Priority.MEDIUM,
}
STEP: Final = 2  # points by which a score gets worse before it is told again; a judgement


AGE_MIN: Final = 16
SCALE_LOW: Final = 2  # for a target of 88 to 92 %


def too_young(born_on: str, today: date) -> bool:
    """Tell whether the chart is not for this person yet (ISO date of birth)."""
    born = date.fromisoformat(born_on)
    return (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) < AGE_MIN


class EarlyWarning(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """That a patient's NEWS2 is watched. ``minutes``: a judgement, to be confirmed.

    ``doctor`` is the sign-in name of who set a target of 88 to 92 %: scale 2 has one (hazard H11).
    """

    source: Annotated[str, Meta(min_length=3, max_length=200)]
    scale: Literal[1, 2]
    minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 30
    doctor: Annotated[str, Meta(max_length=60)] = ""
