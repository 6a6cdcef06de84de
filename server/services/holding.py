"""Held and quarantined measurements: what a person says of them, and takes back.

A held measurement that is given to a patient is judged then. What a person said is kept, and can
be taken back: the attribution is withdrawn in the open and the measurement held again.
"""

from typing import Final

import msgspec

from server.domain import alerts as life
from server.domain.attribution import Fate, Said, is_judged
from server.domain.chains import default_chain
from server.domain.instants import Quality
from server.domain.plans import Priority
from server.domain.undoing import ENTERED_IN_ERROR
from server.errors import NotFound, WrongInput
from server.ports.directory import User
from server.ports.inputs import InputKind, NewInput
from server.ports.measurements import Decision, MeasurementRow
from server.ports.store import Transaction
from server.services.matters import keep, raise_matter
from server.services.undoing import end_evidence

NOTE_MAX: Final = 250
WAITS: Final = "measurement-held"


class _Sent(msgspec.Struct):
    profile: str


_sent: Final = msgspec.json.Decoder(_Sent)
_AUDITED: Final = {
    Said.GIVEN: "measurement-released",
    Said.REJECTED: "measurement-rejected",
    Said.TAKEN_BACK: "attribution-withdrawn",
    Said.SEEN: "quarantined-seen",
}


def release(tx: Transaction, user: User, epoch_id: int, seq: int, reference: str, now: int) -> None:
    """Give a held measurement to the patient of that reference; the engine judges it then."""
    held = _find(tx, user, epoch_id, seq, Fate.HELD)
    patient = tx.directory.patient_by_reference(reference)
    if patient is None or patient.chc_id != user.chc_id:
        raise NotFound(f"patient {reference}")
    number = _say(tx, user, held, Said.GIVEN, patient.id, now)
    if held.patient_id != patient.id:
        _withdraw(tx, held, number, now)
    tx.measurements.release(epoch_id, seq, patient.id)
    tx.replica.note([], [(epoch_id, seq)])
    believed = held.quality != Quality.UNSURE
    kind = InputKind.ATTRIBUTED if believed else InputKind.QUESTIONED
    tx.inputs.append([NewInput(kind, patient.id, epoch_id, seq, number, now)])
    close_decided(tx, user.name, held.device or "", now)


def reject(tx: Transaction, user: User, epoch_id: int, seq: int, now: int) -> None:
    """Say that a held measurement is nobody's of this CHC: it is kept, and judged for nobody."""
    held = _find(tx, user, epoch_id, seq, Fate.HELD)
    number = _say(tx, user, held, Said.REJECTED, held.patient_id, now)
    tx.measurements.reject(epoch_id, seq, f"not one of our patients, says {user.name}")
    _withdraw(tx, held, number, now)
    close_decided(tx, user.name, held.device or "", now)


def see(tx: Transaction, user: User, epoch_id: int, seq: int, note: str, now: int) -> None:
    """Say that a quarantined measurement was looked into: kept, and off the open list."""
    row = _find(tx, user, epoch_id, seq, Fate.QUARANTINED)
    if tx.measurements.decisions(epoch_id, seq):
        raise NotFound(f"open quarantined measurement {epoch_id}/{seq}")
    if not 0 < len(note) <= NOTE_MAX:
        raise WrongInput(f"note: 1 to {NOTE_MAX} characters")
    _say(tx, user, row, Said.SEEN, row.patient_id, now, note)


def take_back(tx: Transaction, user: User, epoch_id: int, seq: int, now: int) -> None:
    """Undo the last decision: what was concluded is withdrawn, and the measurement held again."""
    decided = _find(tx, user, epoch_id, seq, Fate.STORED, Fate.QUARANTINED)
    said = tx.measurements.decisions(epoch_id, seq)
    if not said or said[-1].kind not in (Said.GIVEN, Said.REJECTED):
        raise NotFound(f"decision on measurement {epoch_id}/{seq}")
    likely_id, reason = said[-1].likely_id, said[-1].reason
    number = _say(tx, user, decided, Said.TAKEN_BACK, said[-1].patient_id, now)
    _withdraw(tx, decided, number, now)
    tx.measurements.hold(epoch_id, seq, likely_id, reason)
    if decided.fate == Fate.STORED and decided.patient_id is not None:
        tx.replica.note([(epoch_id, seq, decided.patient_id)], [])
    if likely_id is not None and is_judged(reason):
        kind = InputKind.QUESTIONED
        tx.inputs.append([NewInput(kind, likely_id, epoch_id, seq, number, now)])
    tell_held(tx, decided.chc_id, decided.device or "", reason or "", now)


def add_device(tx: Transaction, user: User, epoch_id: int, seq: int, now: int) -> int:
    """Put the device of a held measurement, which nobody had added, on the CHC's list; return its
    number. Whose it is, is the next question. Raises ``NotFound`` where it is on a list already."""
    held = _find(tx, user, epoch_id, seq, Fate.HELD)
    if held.device is None or tx.directory.device_id(held.device) is not None:
        raise NotFound(f"unknown device of measurement {epoch_id}/{seq}")
    profile = _sent.decode(held.element).profile
    number = tx.directory.add_device(held.device, profile, held.chc_id, "")
    tx.audit(user.name, "device-added", now, chc_id=held.chc_id, detail=held.device)
    return number


def tell_held(tx: Transaction, chc_id: int, device: str, reason: str, now: int) -> None:
    """Say to the CHC that a measurement of a device waits for a person."""
    raise_matter(
        tx,
        chc_id=chc_id,
        subject=f"device:{device}",
        rule=WAITS,
        priority=Priority.MEDIUM,
        detail=reason,
        now=now,
    )


def close_decided(tx: Transaction, by: str, device: str, now: int) -> None:
    """Close the matter of a device's held measurements with the last decision about them."""
    subject = f"device:{device}"
    matter = tx.alerts.open_of([subject]).get((subject, WAITS))
    if matter is None or tx.measurements.held_of(device):
        return
    outcome = life.Outcome.TECHNICAL_FIXED
    change = life.closed(matter, by=by, outcome=outcome, next_review_at=None, now=now)
    keep(tx, change, now)


def _withdraw(tx: Transaction, decided: MeasurementRow, number: int, now: int) -> None:
    """Undo what was concluded for a patient: marked, told, and closed by a person."""
    if decided.patient_id is not None:
        row = (decided.patient_id, decided.epoch_id, decided.seq, number, now)
        tx.inputs.append([NewInput(InputKind.WITHDRAWN, *row)])
    undo_doubted(tx, decided.epoch_id, decided.seq, now)


def undo_doubted(tx: Transaction, epoch_id: int, seq: int, now: int) -> None:
    """Withdraw what was concluded from a measurement judged alone; the engine does the rest."""
    for alert_id in sorted(tx.alerts.end_doubted(epoch_id, seq, now)):
        alert = tx.alerts.get(alert_id)
        if alert is not None and alert.closed_at is None:
            chain = default_chain(alert.kind, alert.rule, alert.priority)
            end_evidence(tx, alert, ENTERED_IN_ERROR, chain, now)


def _find(tx: Transaction, user: User, epoch_id: int, seq: int, *fates: Fate) -> MeasurementRow:
    found = tx.measurements.get(epoch_id, seq)
    if found is None or found.chc_id != user.chc_id or found.fate not in fates:
        raise NotFound(f"measurement {epoch_id}/{seq}")
    return found


def _say(
    tx: Transaction,
    user: User,
    row: MeasurementRow,
    kind: Said,
    patient: int | None,
    now: int,
    note: str | None = None,
) -> int:
    """Put a decision on the record and return its number among those of the measurement."""
    key = row.epoch_id, row.seq
    number = len(tx.measurements.decisions(*key)) + 1
    tx.measurements.add_decision(
        Decision(row.chc_id, *key, kind, patient, user.name, now, row.patient_id, row.reason, note)
    )
    what, detail = _AUDITED[kind], f"epoch {row.epoch_id} seq {row.seq}"
    tx.audit(user.name, what, now, chc_id=row.chc_id, patient_id=patient, detail=detail)
    return number
