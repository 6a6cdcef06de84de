"""How soon somebody is needed."""

from enum import StrEnum


class Priority(StrEnum):
    """IEC 60601-1-8: high needs somebody at once, medium promptly, low some time today."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def is_above(self, other: "Priority") -> bool:
        """Tell whether this one is more urgent than another."""
        order = list(Priority)
        return order.index(self) < order.index(other)
