"""Plan versions as they are stored, compiled for the engine."""

from collections import defaultdict
from collections.abc import Iterable

from server.engine.rules import Version, compile_version, timeline
from server.ports.inputs import PlanVersion


def versions_of(rows: Iterable[PlanVersion]) -> dict[int, list[Version]]:
    """Return each patient's versions, in the order in which they rule; a version that the log
    names more than once counts once."""
    own: dict[int, dict[int, Version]] = defaultdict(dict)
    for row in rows:
        own[row.patient_id][row.number] = compile_version(
            row.number, row.from_at, row.zone_name, row.plan, row.until_at
        )
    return {patient: timeline(versions.values()) for patient, versions in own.items()}
