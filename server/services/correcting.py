"""Changing who had a device, and moving what is stored with it: nothing moves silently (H14).

A person sees first what would move (``previewing``). What was concluded is withdrawn and what is
given is judged through the input log, as for a held measurement: findings stay, marked "entered in
error", and a person closes their alerts. The assignments change in one commit, which carries a
first page of the measurements; more follow page by page, each in a commit of its own, from a mark
that is kept: whatever ends the server, it goes on there.
"""

from typing import Final

from server.domain.assignments import Tenure, changed, clashes
from server.domain.instants import to_datetime
from server.errors import IllegalTransition, NotFound, WrongInput
from server.ports.assignments import Device
from server.ports.corrections import Correction
from server.ports.directory import User
from server.ports.store import Store, Transaction
from server.services.carrying import carry
from server.services.setting_up import expect_by_default

# So many measurements are looked at in one commit: a tenth of a second or two.
PAGE: Final = 1000
REASON_MAX: Final = 250


def own_device(tx: Transaction, user: User, device_id: int) -> Device:
    """Return a device of the user's CHC. Raises ``NotFound``."""
    device = tx.assignments.device(device_id)
    if device is None or device.chc_id != user.chc_id:
        raise NotFound(f"device {device_id}")
    return device


def change(
    tx: Transaction,
    user: User,
    device: Device,
    before: list[Tenure],
    after: list[Tenure],
    *,
    reason: str,
    decided_too: bool,
    now: int,
) -> Correction:
    """Put other assignments in force from the ones a person saw, and begin to carry them out.

    Raises ``IllegalTransition`` where they are others by now or an earlier change is still being
    carried out, ``WrongInput`` where two would have the device at one time.
    """
    tx.assignments.lock(device.id)
    if tx.assignments.tenures(device.id) != before:
        raise IllegalTransition(f"the assignments of {device.address} are others by now")
    if any(one.device_id == device.id for one in tx.corrections.open()):
        raise IllegalTransition(f"a change of {device.address} is still being carried out")
    if not 0 < len(reason) <= REASON_MAX:
        raise WrongInput(f"reason: 1 to {REASON_MAX} characters")
    check(tx, device, before, after, now)
    tx.assignments.write(device, before, after)
    draft = Correction(
        0, device.chc_id, device.id, user.name, now, reason, before, after, decided_too
    )
    begun = draft._replace(id=tx.corrections.add(draft))
    _put_on_record(tx, device, begun)
    for patient in sorted({one.patient_id for one in {*before} ^ {*after}}):
        expect_by_default(tx, patient, now)
    return carry(tx, device, begun, PAGE, now)


def check(
    tx: Transaction, device: Device, before: list[Tenure], after: list[Tenure], now: int
) -> None:
    """Raise ``WrongInput`` for assignments that cannot be."""
    if not (new := changed(before, after)) and len(before) == len(after):
        raise WrongInput("from: nothing changes")
    if clashes(before, after):
        raise WrongInput("until: after from, and one device is one person's at a time")
    if any(max(one.from_at, one.until_at or 0) > now for one in new):
        raise WrongInput("from: not in the future")
    for patient in {one.patient_id for one in new}:
        found = tx.directory.patient(patient)
        if found is None or found.chc_id != device.chc_id:
            raise NotFound(f"patient {patient}")


def carry_on(store: Store, now: int) -> int:
    """Move the next page of every change that is still being carried out; return how many are
    not done yet."""
    with store.read() as tx:
        waiting = [one.id for one in tx.corrections.open()]
    left = 0
    for number in waiting:
        with store.write() as tx:
            found = tx.corrections.get(number)
            if found is not None and found.done_at is None:
                device = tx.assignments.device(found.device_id)
                assert device is not None  # noqa: S101 - a foreign key
                left += carry(tx, device, found, PAGE, now).done_at is None
    return left


def _put_on_record(tx: Transaction, device: Device, made: Correction) -> None:
    """Write who changed what and why, for each patient concerned; the whole is kept with it."""
    gone, new = changed(made.after, made.before), changed(made.before, made.after)
    for sign, one in [*(("-", one) for one in gone), *(("+", one) for one in new)]:
        until = "" if one.until_at is None else _day(one.until_at)
        said = f"{sign} {device.address} {_day(one.from_at)}..{until}"
        tx.audit(
            made.by,
            "assignment-changed",
            made.at,
            chc_id=made.chc_id,
            patient_id=one.patient_id,
            detail=f"correction {made.id} {said}: {made.reason}",
        )


def _day(instant: int) -> str:
    return to_datetime(instant).isoformat(timespec="minutes")
