"""What a device says of its own measurement, and what follows from it (hazard H3).

Flags travel and show. They keep a value out of averages and trends; they never keep it from being
judged against a limit.
"""

from collections.abc import Iterable
from typing import Final

# The words that the gateway's codecs give for the bits of the GATT Specification Supplement.
# Automated cuffs may be inaccurate where the pulse is irregular: NICE NG136, 1.1.2.
_DOUBTED: Final = frozenset(
    {
        "body-movement",
        "cuff-too-loose",
        "irregular-pulse",
        "improper-position",
        "questionable-measurement",
        "invalid-measurement",
        "demonstration-data",
        "testing-data",
        "calibration-ongoing",
        "equipment-malfunction",
        "signal-processing-irregularity",
        "inadequate-signal",
        "poor-signal",
        "low-perfusion",
        "erratic-signal",
        "nonpulsatile-signal",
        "questionable-pulse",
        "signal-analysis-ongoing",
        "sensor-interference",
        "sensor-unconnected-to-user",
        "unknown-sensor-connected",
        "sensor-displaced",
        "sensor-malfunctioning",
        "sensor-disconnected",
    }
)


def steady(flags: Iterable[str]) -> bool:
    """Tell whether nothing that the device said keeps its value out of averages."""
    return _DOUBTED.isdisjoint(flags)
