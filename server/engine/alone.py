"""An observation whose time or owner is in doubt: judged alone, against the outer level only.

It never enters a series, moves no condition and is no base of a gain (hazards H1, H2).
"""

from contract.codes import BY_NUMBER
from server.engine.rules import SIGNS, in_force
from server.engine.series import Finding, Observation
from server.engine.state import State

_OUTER = (0, 3)


def judge_alone(
    state: State, patient: int, code: int, judged_at: int, observation: Observation
) -> list[Finding]:
    """Judge by the outer limits in force at ``judged_at``: the measured-at, or where that is
    unsure the received-at."""
    version = in_force(state.versions.get(patient, []), judged_at)
    rules = version.rules.get(BY_NUMBER[code]) if version else None
    if version is None or rules is None:
        return []
    return [
        Finding(
            patient,
            code,
            name,
            version.number,
            observation.at,
            observation.value,
            observation.epoch,
            observation.seq,
        )
        for bit in _OUTER
        if (name := rules.names[bit]) and SIGNS[bit] * observation.value > rules.bounds[bit]
    ]
