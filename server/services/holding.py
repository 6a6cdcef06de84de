"""Held measurements: a person says whose they are, and then they are judged."""

from server.domain.instants import Quality
from server.errors import NotFound
from server.ports.directory import User
from server.ports.inputs import InputKind, NewInput
from server.ports.measurements import MeasurementRow
from server.ports.store import Transaction


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
    _record(tx, user, held, "measurement-released", patient.id, now)


def reject(tx: Transaction, user: User, epoch_id: int, seq: int, now: int) -> None:
    """Say that a held measurement is nobody's of this CHC: it is kept, and judged for nobody."""
    held = _find(tx, user, epoch_id, seq)
    tx.measurements.reject(epoch_id, seq, f"not one of our patients, says {user.name}")
    _record(tx, user, held, "measurement-rejected", held.patient_id, now)


def _find(tx: Transaction, user: User, epoch_id: int, seq: int) -> MeasurementRow:
    held = tx.measurements.held(epoch_id, seq)
    if held is None or held.chc_id != user.chc_id:
        raise NotFound(f"held measurement {epoch_id}/{seq}")
    return held


def _record(
    tx: Transaction, user: User, held: MeasurementRow, what: str, patient: int | None, now: int
) -> None:
    detail = f"epoch {held.epoch_id} seq {held.seq}"
    tx.audit(user.name, what, now, chc_id=held.chc_id, patient_id=patient, detail=detail)
