"""Moving one page of measurements from whom they were to whom they are, in one commit (H14)."""

from collections.abc import Sequence

from server.domain.attribution import Fate, Said
from server.domain.instants import Quality
from server.ports.assignments import Device
from server.ports.corrections import Correction, NewPlace
from server.ports.inputs import InputKind, NewInput
from server.ports.measurements import Decision
from server.ports.store import Transaction
from server.services import holding
from server.services.moving import Move, next_moves
from server.services.storing import explain


def carry(tx: Transaction, device: Device, change: Correction, limit: int, now: int) -> Correction:
    """Move what of the next ``limit`` measurements is to move, and note how far it came."""
    found = next_moves(tx, device, change, limit, lock=True)
    moved = found.moved
    tx.corrections.move(
        [
            NewPlace(*move.row.key, move.to.fate.value, move.to.patient_id, move.to.reason)
            for move in moved
        ]
    )
    tx.replica.note(
        [
            (*move.row.key, move.row.patient_id)
            for move in moved
            if move.row.fate == Fate.STORED and move.row.patient_id is not None
        ],
        [move.row.key for move in moved if move.to.fate is Fate.STORED],
    )
    for move in moved:
        tx.measurements.add_decision(_decision(change, move, now))
    _judge_anew(tx, moved, now)
    _mind_absences(tx, moved, now)
    _tell(tx, device, change.by, moved, now)
    after = change._replace(
        reached=found.reached,
        withdrawn=change.withdrawn + sum(move.row.patient_id is not None for move in moved),
        given=change.given + sum(move.to.fate is Fate.STORED for move in moved),
        held=change.held + sum(move.to.fate is Fate.HELD for move in moved),
        done_at=now if found.reached is None else None,
    )
    tx.corrections.advance(after)
    if after.done_at is not None:
        counts = f"withdrawn {after.withdrawn} given {after.given} held {after.held}"
        detail = f"correction {after.id} of {device.address}: {counts}"
        tx.audit(after.by, "assignment-carried-out", now, chc_id=after.chc_id, detail=detail)
    return after


def _decision(change: Correction, move: Move, now: int) -> Decision:
    return Decision(
        change.chc_id,
        *move.row.key,
        Said.CORRECTED,
        move.to.patient_id,
        change.by,
        now,
        likely_id=move.row.patient_id,
        reason=move.row.reason,
        note=f"correction {change.id}",
    )


def _judge_anew(tx: Transaction, moved: Sequence[Move], now: int) -> None:
    """Write what the engine is to fold: all that is withdrawn, then all that is given."""
    withdrawn = [
        NewInput(InputKind.WITHDRAWN, move.row.patient_id, *move.row.key, move.said + 1, now)
        for move in moved
        if move.row.patient_id is not None
    ]
    given = [
        NewInput(_kind(move), move.to.patient_id, *move.row.key, move.said + 1, now)
        for move in moved
        if move.to.is_judged
    ]
    tx.inputs.append([*withdrawn, *given])
    for move in moved:
        if move.row.fate == Fate.HELD or move.row.quality == Quality.UNSURE:
            holding.undo_doubted(tx, *move.row.key, now)


def _kind(move: Move) -> InputKind:
    believed = move.to.fate is Fate.STORED and move.row.quality != Quality.UNSURE
    return InputKind.ATTRIBUTED if believed else InputKind.QUESTIONED


def _mind_absences(tx: Transaction, moved: Sequence[Move], now: int) -> None:
    """What comes to a patient explains absences, what leaves one explains them no more."""
    late, left = [], dict[int, tuple[int, int]]()
    for move in moved:
        at, before = move.row.measured_at, move.row.patient_id
        if move.to.patient_id is not None:
            late += [(move.to.patient_id, code, at) for code in move.values()]
        if before is not None and before != move.to.patient_id:
            first, last = left.get(before, (at, at))
            left[before] = min(first, at), max(last, at)
    explain(tx, late, now)
    tx.corrections.reopen_absences(left)


def _tell(tx: Transaction, device: Device, by: str, moved: Sequence[Move], now: int) -> None:
    """Say that measurements wait for a person now, or close the matter with the last of them."""
    held = [move for move in moved if move.to.fate is Fate.HELD]
    if held:
        holding.tell_held(tx, device.chc_id, device.address, held[-1].to.reason or "", now)
    elif any(move.row.fate == Fate.HELD for move in moved):
        holding.close_decided(tx, by, device.address, now)
