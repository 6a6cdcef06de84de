"""How warm the board is: a box in a cupboard throttles, then fails."""

from pathlib import Path
from typing import Final

_SENSOR: Final = Path("/sys/class/thermal/thermal_zone0/temp")


def board_celsius(sensor: Path = _SENSOR) -> int | None:
    """Return the board's temperature in whole °C; None where the kernel tells none."""
    try:
        return round(int(sensor.read_text(encoding="ascii")) / 1000)
    except (OSError, ValueError):
        return None
