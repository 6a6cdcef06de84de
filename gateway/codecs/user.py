"""The User ID field of blood pressure and weight: which of its users the device took it for."""

from typing import Final

from gateway.codecs.decoded import Absent

_UNKNOWN_USER: Final = (
    0xFF  # Blood Pressure Service 1.1.1 and Weight Scale Service 1.0.1, "User ID"
)


def user_of(raw: int) -> int | Absent:
    """Return the device's user index, or that the device does not know whose it was."""
    return Absent.UNKNOWN if raw == _UNKNOWN_USER else raw
