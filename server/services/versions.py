"""Plan versions as they are stored, compiled for the engine."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from server.engine.rules import Version, compile_version, timeline
from server.ports.inputs import PlanVersion


def versions_of(rows: Sequence[PlanVersion]) -> dict[int, list[Version]]:
    """Return each patient's versions, in the order in which they rule; a version that the log
    names more than once counts once."""
    own: dict[int, dict[int, Version]] = defaultdict(dict)
    # Most of a district's patients have a protocol as it is: the store gives them one plan.
    compiled: dict[tuple[int, str], Version] = {}
    for row in rows:
        key = id(row.plan), row.zone_name
        if (version := compiled.get(key)) is None:
            version = compiled[key] = compile_version(0, 0, row.zone_name, row.plan)
        own[row.patient_id][row.number] = replace(
            version, number=row.number, from_at=row.from_at, until_at=row.until_at
        )
    return {patient: timeline(versions.values()) for patient, versions in own.items()}
