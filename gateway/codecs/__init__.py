"""From the bytes of a characteristic to what they say: pure functions, one module a format.

A codec's name, as device profiles write it, is the only door from data to code. It opens only to
what is a measurement; a context (``CONTEXTS``) is read together with the measurement that it
belongs to. The rest is read by ``decode`` alone: an intermediate value is no measurement, and a
continuous glucose record is part of a monitor's session.
"""

from collections.abc import Callable
from typing import Final

from gateway.codecs import (
    bare_number,
    battery,
    berry,
    blood_pressure,
    body_composition,
    cgm,
    contec,
    current_time,
    device_information,
    glucose,
    glucose_context,
    heart_rate,
    nonin,
    omron,
    pulse_oximeter,
    record_access,
    temperature,
    weight,
    xiaomi_scale,
)
from gateway.codecs.decoded import Decoded

Codec = Callable[[bytes], Decoded]

# Of no characteristic of the SIG: ``decode`` takes these by name.
VENDOR: Final[dict[str, Codec]] = {
    "berry": berry.decode,
    "contec": contec.decode,
    "nonin": nonin.decode,
    "omron-big-14": omron.decode_big_14,
    "omron-little-14": omron.decode_little_14,
    "omron-little-16": omron.decode_little_16,
    "xiaomi-scale-1": xiaomi_scale.decode_v1,
    "xiaomi-scale-2": xiaomi_scale.decode_v2,
}
CODECS: Final[dict[str, Codec]] = {
    **VENDOR,
    "blood-pressure": blood_pressure.decode,
    "body-composition": body_composition.decode,
    "glucose": glucose.decode,
    "heart-rate": heart_rate.decode,
    "pulse-oximeter-continuous": pulse_oximeter.decode_continuous,
    "pulse-oximeter-spot": pulse_oximeter.decode_spot,
    "temperature": temperature.decode,
    "weight": weight.decode,
}
# No measurements: each says more about one.
CONTEXTS: Final[dict[str, Codec]] = {"glucose-context": glucose_context.decode}
BY_CHARACTERISTIC: Final[dict[str, Codec]] = {
    "2a08": current_time.decode_date_time,
    "2a18": CODECS["glucose"],
    "2a19": battery.decode,
    "2a1c": CODECS["temperature"],
    "2a1e": temperature.decode_intermediate,
    "2a23": device_information.decode_system_id,
    "2a24": device_information.text("model_number"),
    "2a25": device_information.text("serial_number"),
    "2a26": device_information.text("firmware_revision"),
    "2a27": device_information.text("hardware_revision"),
    "2a28": device_information.text("software_revision"),
    "2a29": device_information.text("manufacturer_name"),
    "2a2b": current_time.decode,
    "2a34": glucose_context.decode,
    "2a35": CODECS["blood-pressure"],
    "2a36": blood_pressure.decode_intermediate,
    "2a37": CODECS["heart-rate"],
    "2a50": device_information.decode_pnp_id,
    "2a52": record_access.decode,
    "2a5e": CODECS["pulse-oximeter-spot"],
    "2a5f": CODECS["pulse-oximeter-continuous"],
    "2a9c": body_composition.decode,
    "2a9d": CODECS["weight"],
    "2aa7": cgm.decode,
}
# A number that belongs to no characteristic, by the name of its type.
BARE_NUMBERS: Final[dict[str, Codec]] = {
    "sfloat": bare_number.sfloat,
    "float": bare_number.float32,
}
# Sent while the device is still measuring: never a measurement, whatever a profile says.
_INTERMEDIATE: Final = ("2a1e", "2a36")
# A profile may write a UUID in 4 digits or in all 32.
INTERMEDIATE: Final = frozenset(
    {*_INTERMEDIATE, *(f"0000{short}00001000800000805f9b34fb" for short in _INTERMEDIATE)}
)
