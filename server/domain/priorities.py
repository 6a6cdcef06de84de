"""How soon somebody is needed."""

from enum import StrEnum


class Priority(StrEnum):
    """IEC 60601-1-8: high needs somebody at once, medium promptly, low some time today."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
