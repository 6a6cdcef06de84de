"""The National Early Warning Score 2 (Royal College of Physicians, 2017), or a named part of it.

The chart has whole numbers (temperature: tenths); a value between two printed bands is rounded
half up to the chart's step first. An input that is not known is never imputed: without all seven
there is a partial score with its missing inputs named, and no aggregate (hazard H11).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from server.errors import WrongInput


class Band(StrEnum):
    """The chart's clinical risk: what the response is to be."""

    LOW = "low"
    LOW_MEDIUM = "low-medium"  # an aggregate of 0 to 4 with a 3 in one parameter
    MEDIUM = "medium"
    HIGH = "high"


class Inputs(Struct, frozen=True, kw_only=True):
    """What the chart asks for; None is not known. Rates per minute, mmHg, % and °C.

    ``spo2_scale`` is 1, or 2 where a doctor confirmed a target of 88 to 92 %;
    ``consciousness`` one of A C V P U: alert, newly confused, to voice, to pain, unresponsive.
    """

    respiration_rate: Decimal | None = None
    spo2_pct: Decimal | None = None
    spo2_scale: int | None = None
    supplemental_oxygen: bool | None = None
    systolic_mmHg: Decimal | None = None
    pulse_bpm: Decimal | None = None
    consciousness: str | None = None
    temperature_C: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Points by parameter. ``aggregate`` and ``band`` are None while ``missing`` names inputs."""

    scores: Mapping[str, int]
    missing: tuple[str, ...]
    aggregate: int | None
    band: Band | None


# (the highest value of the band, its points), the last band without an upper end.
Bands = tuple[tuple[Decimal, int], ...]
_END: Final = Decimal("Infinity")


def _bands(text: str) -> Bands:
    """Read ``8:3 11:1 20:0 24:2 :3``."""
    pairs = (band.split(":") for band in text.split())
    return tuple((Decimal(upper or _END), int(points)) for upper, points in pairs)


RESPIRATION: Final = _bands("8:3 11:1 20:0 24:2 :3")
SPO2_SCALE_1: Final = _bands("91:3 93:2 95:1 :0")
SPO2_SCALE_2_ON_AIR: Final = _bands("83:3 85:2 87:1 :0")
SPO2_SCALE_2_ON_OXYGEN: Final = _bands("83:3 85:2 87:1 92:0 94:1 96:2 :3")
SYSTOLIC: Final = _bands("90:3 100:2 110:1 219:0 :3")
PULSE: Final = _bands("40:3 50:1 90:0 110:1 130:2 :3")
TEMPERATURE: Final = _bands("35.0:3 36.0:1 38.0:0 39.0:1 :2")
CONSCIOUSNESS: Final = MappingProxyType({"A": 0, "C": 3, "V": 3, "P": 3, "U": 3})
OXYGEN_POINTS: Final = 2
_WHOLE: Final = Decimal(1)
_TENTH: Final = Decimal("0.1")
_POSSIBLE: Final = MappingProxyType(
    {
        "respiration_rate": (0, 150),
        "spo2_pct": (0, 100),
        "systolic_mmHg": (0, 450),
        "pulse_bpm": (0, 400),
        "temperature_C": (10, 50),
    }
)


def score(inputs: Inputs) -> Score:
    """Score what is known. Raises ``WrongInput`` for what cannot be true, and for an SpO2 whose
    scale is not known: a wrong scale hides or invents up to three points."""
    _check(inputs)
    scores: dict[str, int] = {}
    missing = [name for name in _NEEDED if getattr(inputs, name) is None]
    if inputs.respiration_rate is not None:
        scores["respiration_rate"] = _points(RESPIRATION, inputs.respiration_rate)
    if (spo2 := _spo2(inputs)) is not None:
        scores["spo2"] = spo2
    if inputs.supplemental_oxygen is not None:
        scores["air_or_oxygen"] = OXYGEN_POINTS if inputs.supplemental_oxygen else 0
    if inputs.systolic_mmHg is not None:
        scores["systolic"] = _points(SYSTOLIC, inputs.systolic_mmHg)
    if inputs.pulse_bpm is not None:
        scores["pulse"] = _points(PULSE, inputs.pulse_bpm)
    if inputs.consciousness is not None:
        scores["consciousness"] = CONSCIOUSNESS[inputs.consciousness]
    if inputs.temperature_C is not None:
        scores["temperature"] = _points(TEMPERATURE, inputs.temperature_C, _TENTH)
    if missing:
        return Score(scores, tuple(missing), None, None)
    aggregate = sum(scores.values())
    return Score(scores, (), aggregate, band_of(aggregate, max(scores.values())))


def band_of(aggregate: int, highest: int) -> Band:
    """Return the band of an aggregate whose highest single parameter has ``highest`` points."""
    if aggregate >= 7:
        return Band.HIGH
    if aggregate >= 5:
        return Band.MEDIUM
    return Band.LOW_MEDIUM if highest == 3 else Band.LOW


_NEEDED: Final = (
    "respiration_rate",
    "spo2_pct",
    "supplemental_oxygen",
    "systolic_mmHg",
    "pulse_bpm",
    "consciousness",
    "temperature_C",
)


def _spo2(inputs: Inputs) -> int | None:
    """Return the points of SpO2, or None where scale 2 would ask for air or oxygen to know."""
    if inputs.spo2_pct is None:
        return None
    if inputs.spo2_scale == 1:
        return _points(SPO2_SCALE_1, inputs.spo2_pct)
    on_air = _points(SPO2_SCALE_2_ON_AIR, inputs.spo2_pct)
    on_oxygen = _points(SPO2_SCALE_2_ON_OXYGEN, inputs.spo2_pct)
    if inputs.supplemental_oxygen is None:
        return on_air if on_air == on_oxygen else None
    return on_oxygen if inputs.supplemental_oxygen else on_air


def _points(bands: Bands, value: Decimal, step: Decimal = _WHOLE) -> int:
    charted = value.quantize(step, rounding=ROUND_HALF_UP)
    return next(points for upper, points in bands if charted <= upper)


def _check(inputs: Inputs) -> None:
    for name, (low, high) in _POSSIBLE.items():
        value = getattr(inputs, name)
        if value is not None and not (value.is_finite() and low <= value <= high):
            raise WrongInput(f"{name}: {value} cannot be true ({low} to {high})")
    if inputs.spo2_scale not in (None, 1, 2):
        raise WrongInput(f"spo2_scale: is 1 or 2, not {inputs.spo2_scale}")
    if inputs.spo2_pct is not None and inputs.spo2_scale is None:
        raise WrongInput("spo2_scale: has to be given beside spo2_pct; it is never assumed")
    if inputs.consciousness is not None and inputs.consciousness not in CONSCIOUSNESS:
        raise WrongInput("consciousness: is one of A C V P U")
