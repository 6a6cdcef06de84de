"""What ``vicino-gateway decode`` prints: one JSON object, numbers with the device's digits."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from contract.codes import Code, possible
from contract.messages import DEVICE_RANGE
from gateway.codecs import BARE_NUMBERS, BY_CHARACTERISTIC, VENDOR
from gateway.codecs.decoded import Above, Absent, Below, Decoded, Number, Quantity
from gateway.errors import DecodeError, WrongData
from gateway.observe.conversion import converted, plain

_KEYS: Final = {
    "systolic": "systolic_mmHg",
    "diastolic": "diastolic_mmHg",
    "mean-arterial": "mean_arterial_mmHg",
    "cuff-pressure": "cuff_pressure_mmHg",
    "pulse": "pulse_bpm",
    "pulse-fast": "pulse_fast_bpm",
    "pulse-slow": "pulse_slow_bpm",
    "heart-rate": "heart_rate_bpm",
    "energy": "energy_kJ",
    "spo2": "spo2_pct",
    "spo2-fast": "spo2_fast_pct",
    "spo2-slow": "spo2_slow_pct",
    "pulse-amplitude-index": "pulse_amplitude_index_pct",
    "temperature": "temperature_C",
    "intermediate-temperature": "temperature_C",
    "weight": "weight_kg",
    "bmi": "bmi_kg_m2",
    "height": "height_m",
    "body-fat": "body_fat_pct",
    "basal-metabolism": "basal_metabolism_kJ",
    "muscle": "muscle_pct",
    "muscle-mass": "muscle_mass_kg",
    "fat-free-mass": "fat_free_mass_kg",
    "soft-lean-mass": "soft_lean_mass_kg",
    "body-water-mass": "body_water_mass_kg",
    "impedance": "impedance_ohm",
    "glucose": "glucose_mg_dL",
    "time-offset": "time_offset_min",
    "trend": "trend_mg_dL_min",
    "quality": "quality_pct",
    "carbohydrate": "carbohydrate_g",
    "exercise-duration": "exercise_duration_s",
    "exercise-intensity": "exercise_intensity_pct",
    "medication-mass": "medication_mg",
    "medication-volume": "medication_mL",
    "hba1c": "hba1c_pct",
    "battery": "battery_pct",
    "fraction": "fraction_ms",
    "number-of-records": "number_of_records",
    "value": "value",
}
_INTERVAL: Final = "rr"
_MS_PER_UNIT: Final = Decimal(1000) / 1024
_CODES: Final = frozenset(Code)
_SHARES: Final = {"spo2-fast", "spo2-slow", "hba1c", "quality"}
_WHOLE: Final = 100


def print_line(characteristic: str, text: str) -> bytes:
    """Return the JSON line for a characteristic (16-bit UUID in hex) and its value in hex.

    ``SFLOAT`` and ``FLOAT`` in place of a characteristic are a number by itself; a codec's name
    is that of a maker's own format.
    Raises ``WrongData`` when they are no hex, no characteristic we know or cannot be read.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError as error:
        raise WrongData(f"not hex: {error}") from error
    return msgspec.json.encode(printed(characteristic, value))


def printed(characteristic: str, value: bytes) -> dict[str, Any]:
    """Decode one value into the keys of ``decode``.

    Raises ``WrongData`` for an unknown characteristic, ``DecodeError`` for bytes that cannot be
    read or whose value cannot be true.
    """
    named = characteristic.lower()
    codec = (BARE_NUMBERS | VENDOR).get(named) or BY_CHARACTERISTIC.get(named.removeprefix("0x"))
    if codec is None:
        raise WrongData(f"no codec for characteristic {characteristic}")
    return _keys(codec(value), value)


def _keys(read: Decoded, value: bytes) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for quantity in read.quantities:
        keys |= _printed(quantity, value)
    intervals = [_interval(q.number) for q in read.quantities if q.name == _INTERVAL]
    if intervals:
        keys["rr_ms"] = intervals
    if read.records:
        keys["records"] = [_keys(record, value) for record in read.records]
    return keys | _fields(read)


def _printed(quantity: Quantity, raw: bytes) -> dict[str, Any]:
    if quantity.name == _INTERVAL:
        return {}
    number = converted(quantity)
    _refuse_impossible(quantity, number, raw)
    keys = {_KEYS[quantity.name]: _number(number)}
    if quantity.unit == "mol/L":
        keys["glucose_mmol_L"] = _number(_millimoles(quantity.number))
    return keys


def _refuse_impossible(quantity: Quantity, number: Number, raw: bytes) -> None:
    """Say of a value what the server will say of it: it cannot be true."""
    if not isinstance(number, Decimal):
        return
    if quantity.name in _SHARES:
        true = 0 <= number <= _WHOLE
    else:
        true = quantity.name not in _CODES or possible(Code(quantity.name), number)
    if not true:
        reason = f"{_KEYS[quantity.name]} {plain(number)} cannot be true"
        raise DecodeError(reason, offset=quantity.offset, value=raw)


def _millimoles(number: Number) -> Number:
    match number:
        case Decimal():
            return number.scaleb(3)
        case Above(Decimal() as limit):
            return Above(limit.scaleb(3))
        case Below(Decimal() as limit):
            return Below(limit.scaleb(3))
        case _:
            return number


def _number(number: Number) -> Any:  # noqa: ANN401 - any JSON value
    match number:
        case Absent():
            return {"absent": number.value}
        case Above(limit):
            return {"above": _limit(limit)}
        case Below(limit):
            return {"below": _limit(limit)}
        case _:
            return _digits(number)


def _limit(limit: Decimal | None) -> Any:  # noqa: ANN401 - any JSON value
    return DEVICE_RANGE if limit is None else _digits(limit)


def _digits(value: Decimal) -> msgspec.Raw:
    return msgspec.Raw(plain(value).encode())


def _interval(number: Number) -> Any:  # noqa: ANN401 - any JSON value
    return _digits((number * _MS_PER_UNIT).normalize()) if isinstance(number, Decimal) else None


def _fields(read: Decoded) -> dict[str, Any]:
    fields = {
        "unit": read.unit,
        "time": read.time.isoformat() if isinstance(read.time, datetime) else _absent(read.time),
        "user": _absent(read.user),
        "sequence": read.sequence,
        "flags": read.flags,
        "measuring": None if read.is_final else True,
        **read.words,
    }
    return {key: field for key, field in fields.items() if field is not None}


def _absent(field: object) -> object:
    return {"absent": field.value} if isinstance(field, Absent) else field
