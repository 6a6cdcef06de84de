"""Deadlines are columns; this reads them. Nothing that must happen is a timer in memory."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from contract.codes import BY_NUMBER
from server.domain import alerts as life
from server.domain.alerts import Alert, Change
from server.domain.duty import Duty
from server.domain.instants import DAY
from server.domain.plans import Priority
from server.errors import StoreUnavailable
from server.ports.store import Store, Transaction
from server.services import calling
from server.services.absent import left_by_outages, tell_left, watch_outages
from server.services.concluded import Concluded
from server.services.duty import duties
from server.services.gateway_state import GATEWAY_SILENT_AFTER
from server.services.matters import chains_of, keep, raise_matter, tell_not_judged
from server.services.raising import Raising
from server.services.shifts import keep_shifts

POLLER: Final = "poller"
ENGINE: Final = "engine"
DUE_MAX: Final = 500
CERTIFICATE_NEAR_END: Final = 21 * DAY

log = logging.getLogger(__name__)


def poll_all(store: Store, now: int, listening_since: int = 0) -> int:
    """Do everything whose time has come; return how many alerts moved.

    What waits of one patient is told in a transaction of its own: where that fails it is told that
    it did, and holds up nobody else (hazard H7). Raises ``StoreUnavailable``.
    """
    with store.write() as tx:
        moved = poll(tx, now, listening_since)
    with store.read() as tx:
        waits = tx.repeats.overdue(now, DUE_MAX)
        left = left_by_outages(tx, now) if _has_listened(now, listening_since) else []
    for patient, rule in waits:
        moved += _tell(store, patient, rule, now, partial(_waited, patient=patient, rule=rule))
    for one in left:
        rule = f"missing-{BY_NUMBER[one.code]}"
        moved += _tell(store, one.patient_id, rule, now, partial(tell_left, left=one))
    return moved


def _waited(_tx: Transaction, patient: int, rule: str) -> Concluded:
    return Concluded(unrepeated=[(patient, rule)])


def _has_listened(now: int, listening_since: int) -> bool:
    return now >= listening_since + GATEWAY_SILENT_AFTER


def _tell(
    store: Store,
    patient_id: int,
    rule: str,
    now: int,
    conclude: Callable[[Transaction], Concluded],
) -> int:
    """Raise what waits of one patient's rule; where that fails, tell of it."""
    try:
        with store.write() as tx:
            return _raise(tx, conclude(tx), now)
    except StoreUnavailable:
        raise
    except Exception as error:
        log.error("%s of patient %d cannot be told", rule, patient_id, exc_info=error)
    with store.write() as tx:
        tell_not_judged(tx, patient_id, rule, now)
    return 0


def poll(tx: Transaction, now: int, listening_since: int = 0) -> int:
    """Do what is nobody's own in one transaction; see ``poll_all``.

    Who was silent is told only once we have listened for long enough ourselves.
    """
    moved = keep_shifts(tx, now)
    due = tx.alerts.due(now, DUE_MAX)
    chains, by_chc = chains_of(tx, due, now), duties(tx, now) if due else {}
    for alert in due:
        change = life.deadline_passed(alert, chains[alert.id], now, by_chc[alert.chc_id])
        keep(tx, change, now)
        tx.audit(
            POLLER,
            "deadline-passed",
            now,
            chc_id=alert.chc_id,
            patient_id=alert.patient_id,
            detail=f"alert {alert.id} {', '.join(one.reason for one in change.tellings)}",
        )
    moved += len(due) + _raise_reviews(tx, now) + calling.remind(tx, now)
    if _has_listened(now, listening_since):
        _watch_gateways(tx, now)
    _watch_certificates(tx, now)
    tx.heartbeat(POLLER, now)
    return moved


def _raise_reviews(tx: Transaction, now: int) -> int:
    """Say that next reviews are due (H4), but of a matter that a later alert has taken over."""
    due = tx.alerts.reviews_due(now, DUE_MAX)
    by_chc = duties(tx, now) if due else {}
    for done in due:
        tx.alerts.note_review(done.id, now)
        review = life.review_of(done, now)
        if tx.alerts.taken_over(done, {review.rule, review.rule.removeprefix(life.REVIEW)}):
            continue
        kept = _remind(tx, review, by_chc[done.chc_id], now)
        tx.audit(
            POLLER,
            "review-due",
            now,
            chc_id=kept.chc_id,
            patient_id=kept.patient_id,
            detail=f"alert {kept.id} of {done.id}",
        )
    return len(due)


def _remind(tx: Transaction, review: Alert, duty: Duty, now: int) -> Alert:
    """Raise a review's alert; one that is open already, of an earlier close, reminds of both."""
    chain = chains_of(tx, [review], now)[review.id]
    known = tx.alerts.open_of([review.subject]).get((review.subject, review.rule))
    if known is None:
        return keep(tx, life.raised(review, chain, now, duty), now)
    known = replace(known, previous_id=review.previous_id)
    if review.priority.is_above(known.priority):
        tx.alerts.end_pauses(known, now)
        return keep(tx, life.more_urgent(known, review.priority, chain, now, duty), now)
    return keep(tx, Change(known), now)


def _raise(tx: Transaction, concluded: Concluded, now: int) -> int:
    if not (patients := sorted(concluded.patients())):
        return 0
    versions = tx.inputs.plan_versions(patients, tx.inputs.cursor())
    plans = {(version.patient_id, version.number): version.plan for version in versions}
    return Raising(tx, concluded, plans, now).write()


def _watch_gateways(tx: Transaction, now: int) -> None:
    out = watch_outages(tx, now)
    for gateway, chc_id in tx.measurements.silent_gateways(now - GATEWAY_SILENT_AFTER):
        if gateway in out.get(chc_id, ()):
            continue  # one matter, told once
        raise_matter(
            tx,
            chc_id=chc_id,
            subject=f"gateway:{gateway}",
            rule="gateway-silent",
            priority=Priority.MEDIUM,
            detail="",
            now=now,
        )


def _watch_certificates(tx: Transaction, now: int) -> None:
    for gateway, chc_id in tx.measurements.ending_certificates(now + CERTIFICATE_NEAR_END):
        raise_matter(
            tx,
            chc_id=chc_id,
            subject=f"gateway:{gateway}",
            rule="certificate-near-end",
            priority=Priority.LOW,
            detail="",
            now=now,
        )
