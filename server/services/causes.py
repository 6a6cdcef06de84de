"""Why a measurement that was expected is not there (hazards H1, H6, H8).

*Not measured* is said only where everything between the device and the server worked. Which
gateway stands in a home is known by what came through it: a new home, or one whose gateway was
exchanged, is known by nothing yet.
"""

from enum import StrEnum

from contract.codes import BY_NUMBER
from contract.profiles import profiles
from server.domain.attribution import Fate
from server.domain.devices import MEASURES
from server.engine.absences import Absence
from server.ports.measurements import Home
from server.ports.store import Transaction
from server.services.gateway_state import BATTERY_LOW, GATEWAY_SILENT_AFTER


class Cause(StrEnum):
    """Stored with the absence, and said on the pages."""

    HELD = "held"
    UNREADABLE = "arrived-unreadable"
    AWAY = "patient-away"
    NOTHING_YET = "nothing-yet"
    SILENT = "gateway-silent"
    DEAF = "gateway-deaf"
    BEHIND = "gateway-behind"
    BATTERY = "device-battery"
    NOT_MEASURED = "not-measured"


def cause_of(tx: Transaction, absence: Absence, now: int) -> Cause:
    """Return the first cause that applies, in the order of ``Cause``."""
    number = BY_NUMBER.index(absence.code)
    waiting = tx.measurements.waiting_between(absence.patient, number, absence.window_from, now)
    if waiting is not None:
        return Cause.HELD if waiting == Fate.HELD else Cause.UNREADABLE
    if tx.alerts.away(absence.patient, absence.due_at) is not None:
        return Cause.AWAY
    home = tx.measurements.home(absence.patient)
    if home is None or home.last_seen_at is None:
        return Cause.NOTHING_YET
    if _is_silent(home, now):
        return Cause.SILENT
    if home.deaf_at is not None and home.deaf_at >= absence.window_from:
        return Cause.DEAF
    if home.outbox_depth:
        return Cause.BEHIND
    return Cause.BATTERY if _battery_is_flat(tx, absence) else Cause.NOT_MEASURED


def _is_silent(home: Home, now: int) -> bool:
    """Tell whether the gateway is silent, or came back so lately that what it has kept for us
    may still be on its way."""
    since = now - GATEWAY_SILENT_AFTER
    if home.offline_since is not None or (home.back_at or since) > since:
        return True
    return home.last_seen_at is not None and home.last_seen_at < since


def _battery_is_flat(tx: Transaction, absence: Absence) -> bool:
    """Tell whether the patient's device for this code said so last."""
    kinds = {name: profile.kind for name, profile in profiles().items()}
    return any(
        level <= BATTERY_LOW and MEASURES.get(kinds.get(name, "")) is absence.code
        for name, level in tx.measurements.batteries(absence.patient).items()
    )
