"""From the bytes of a characteristic to what they say: pure functions, one module a format.

A codec's name, as device profiles write it, is the only door from data to code.
"""

from collections.abc import Callable
from typing import Final

from gateway.codecs import (
    blood_pressure,
    glucose,
    heart_rate,
    pulse_oximeter,
    temperature,
    weight,
)
from gateway.codecs.decoded import Decoded

Codec = Callable[[bytes], Decoded]

CODECS: Final[dict[str, Codec]] = {
    "blood-pressure": blood_pressure.decode,
    "glucose": glucose.decode,
    "heart-rate": heart_rate.decode,
    "pulse-oximeter-continuous": pulse_oximeter.decode_continuous,
    "pulse-oximeter-spot": pulse_oximeter.decode_spot,
    "temperature": temperature.decode,
    "weight": weight.decode,
}
BY_CHARACTERISTIC: Final[dict[str, Codec]] = {
    "2a18": CODECS["glucose"],
    "2a1c": CODECS["temperature"],
    "2a35": CODECS["blood-pressure"],
    "2a37": CODECS["heart-rate"],
    "2a5e": CODECS["pulse-oximeter-spot"],
    "2a5f": CODECS["pulse-oximeter-continuous"],
    "2a9d": CODECS["weight"],
}
