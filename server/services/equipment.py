"""The devices of a patient beside what her plan expects every day.

A device that was taken away leaves a plan that expects and nobody who can measure: without a word
of it a colleague reads "not measured" day by day and looks for the cause at the home (hazard H8).
"""

from collections.abc import Iterable

from contract.codes import Code
from contract.profiles import profiles
from server.domain.devices import MEASURES
from server.domain.plans import Plan


def lacking(names: Iterable[str], plan: Plan | None) -> list[Code]:
    """Return what a plan expects every day that no device of these profiles measures."""
    if plan is None:
        return []
    known = profiles()
    has = {MEASURES[known[name].kind] for name in names if name in known}
    expected = {one.code for one in plan.expectations()}
    return sorted(expected.intersection(MEASURES.values()) - has)
