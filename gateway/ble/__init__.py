"""Bluetooth: which radio is used, who is in reach, and one session with one peripheral."""

from gateway.ble.bluez import Passkey
from gateway.ble.bounds import within
from gateway.ble.broadcast import Broadcasts, broadcasts
from gateway.ble.device_key import device_key
from gateway.ble.joiner import Arrival
from gateway.ble.link import Link, as_profiles_write
from gateway.ble.outcome import Deliver, Ended, Kept
from gateway.ble.radio import Radio, open_radio
from gateway.ble.recognition import Recogniser, recognise
from gateway.ble.records import LastRecord
from gateway.ble.recovery import Recovery
from gateway.ble.resets import Step
from gateway.ble.scanner import Sighting, scan
from gateway.ble.session import Session

__all__ = [
    "Arrival",
    "Broadcasts",
    "Deliver",
    "Ended",
    "Kept",
    "LastRecord",
    "Link",
    "Passkey",
    "Radio",
    "Recogniser",
    "Recovery",
    "Session",
    "Sighting",
    "Step",
    "as_profiles_write",
    "broadcasts",
    "device_key",
    "open_radio",
    "recognise",
    "scan",
    "within",
]
