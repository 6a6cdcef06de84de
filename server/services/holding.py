"""Held measurements: a person says whose they are, and then they are judged."""

from dataclasses import replace

from server.domain import alerts as life
from server.domain.instants import Quality
from server.domain.plans import DEFAULT_CHAINS
from server.errors import NotFound
from server.ports.directory import User
from server.ports.inputs import InputKind, NewInput
from server.ports.measurements import MeasurementRow
from server.ports.store import Transaction
from server.services.matters import keep


def release(tx: Transaction, user: User, epoch_id: int, seq: int, reference: str, now: int) -> None:
    """Give a held measurement to the patient of that reference; the engine judges it then."""
    held = _find(tx, user, epoch_id, seq)
    patient = tx.directory.patient_by_reference(reference)
    if patient is None or patient.chc_id != user.chc_id:
        raise NotFound(f"patient {reference}")
    tx.measurements.release(epoch_id, seq, patient.id)
    believed = held.quality != Quality.UNSURE
    kind = InputKind.ATTRIBUTED if believed else InputKind.QUESTIONED
    tx.inputs.append([NewInput(kind, patient.id, epoch_id, seq, 1, now)])
    if held.patient_id != patient.id:
        _withdraw(tx, held, now)
    _record(tx, user, held, "measurement-released", patient.id, now)


def reject(tx: Transaction, user: User, epoch_id: int, seq: int, now: int) -> None:
    """Say that a held measurement is nobody's of this CHC: it is kept, and judged for nobody."""
    held = _find(tx, user, epoch_id, seq)
    tx.measurements.reject(epoch_id, seq, f"not one of our patients, says {user.name}")
    _withdraw(tx, held, now)
    _record(tx, user, held, "measurement-rejected", held.patient_id, now)


def _finish(tx: Transaction, user: User, held: MeasurementRow, now: int) -> None:
    """Close the matter of a device's held measurements with the last decision about them."""
    subject, rule = f"device:{held.device}", "measurement-held"
    matter = tx.alerts.open_of([subject]).get((subject, rule))
    if matter is None or tx.measurements.held_of(held.device or ""):
        return
    change = life.closed(
        matter,
        by=user.name,
        outcome=life.Outcome.TECHNICAL_FIXED,
        next_review_at=None,
        now=now,
    )
    keep(tx, change, now)


def _withdraw(tx: Transaction, held: MeasurementRow, now: int) -> None:
    """Undo what was concluded for the likely patient: marked, told, and closed by a person."""
    if held.patient_id is not None:
        row = (held.patient_id, held.epoch_id, held.seq, 0, now)
        tx.inputs.append([NewInput(InputKind.WITHDRAWN, *row)])
    for alert_id in sorted(tx.alerts.end_doubted(held.epoch_id, held.seq, now)):
        alert = tx.alerts.get(alert_id)
        if alert is None or alert.closed_at is not None or tx.alerts.in_force_count(alert_id):
            continue
        marked = replace(alert, detail=alert.detail or "entered-in-error")
        keep(tx, life.superseded(marked, now, DEFAULT_CHAINS[alert.priority]), now)


def _find(tx: Transaction, user: User, epoch_id: int, seq: int) -> MeasurementRow:
    held = tx.measurements.held(epoch_id, seq)
    if held is None or held.chc_id != user.chc_id:
        raise NotFound(f"held measurement {epoch_id}/{seq}")
    return held


def _record(
    tx: Transaction, user: User, held: MeasurementRow, what: str, patient: int | None, now: int
) -> None:
    _finish(tx, user, held, now)
    detail = f"epoch {held.epoch_id} seq {held.seq}"
    tx.audit(user.name, what, now, chc_id=held.chc_id, patient_id=patient, detail=detail)
