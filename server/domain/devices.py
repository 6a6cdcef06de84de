"""What stands for a measurement of each kind of device, by the kind in its profile."""

from typing import Final

from contract.codes import Code

MEASURES: Final = {
    "blood-pressure-monitor": Code.SYSTOLIC,
    "thermometer": Code.TEMPERATURE,
    "pulse-oximeter": Code.SPO2,
    "weight-scale": Code.WEIGHT,
    "glucose-meter": Code.GLUCOSE,
    "heart-rate-monitor": Code.HEART_RATE,
}
