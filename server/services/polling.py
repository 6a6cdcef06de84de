"""Deadlines are columns; this reads them. Nothing that must happen is a timer in memory."""

import logging
from typing import Final

from server.domain import alerts as life
from server.domain.instants import DAY
from server.domain.plans import Priority
from server.errors import StoreUnavailable
from server.ports.store import Store, Transaction
from server.services.absent import left_by_outages, watch_outages
from server.services.concluded import Concluded
from server.services.duty import duties
from server.services.gateway_state import GATEWAY_SILENT_AFTER
from server.services.matters import chains_of, keep, raise_matter
from server.services.raising import Raising
from server.services.shifts import keep_shifts

POLLER: Final = "poller"
ENGINE: Final = "engine"
DUE_MAX: Final = 500
CERTIFICATE_NEAR_END: Final = 21 * DAY

log = logging.getLogger(__name__)


def poll_all(store: Store, now: int, listening_since: int = 0) -> int:
    """Do everything whose time has come; return how many alerts moved.

    Where one patient's wait cannot be ended, everybody else's is, and everything else is done
    (hazard H7). Raises ``StoreUnavailable``.
    """
    try:
        with store.write() as tx:
            return poll(tx, now, listening_since)
    except StoreUnavailable:
        raise
    except Exception as error:
        log.error("polling failed: each wait by itself now", exc_info=error)
    with store.write() as tx:
        moved = poll(tx, now, listening_since, waits=False)
    with store.read() as tx:
        overdue = tx.repeats.overdue(now, DUE_MAX)
    return moved + sum(_end_apart(store, patient, rule, now) for patient, rule in overdue)


def _end_apart(store: Store, patient_id: int, rule: str, now: int) -> int:
    """End one wait in a transaction of its own; where that fails, tell of it."""
    try:
        with store.write() as tx:
            return _raise(tx, Concluded(unrepeated=[(patient_id, rule)]), now)
    except StoreUnavailable:
        raise
    except Exception as error:
        log.error("the wait of patient %d cannot be ended", patient_id, exc_info=error)
    with store.write() as tx:
        patient = tx.directory.patient(patient_id)
        if patient is not None:
            raise_matter(
                tx,
                chc_id=patient.chc_id,
                subject=f"patient:{patient_id}",
                rule="stored-not-judged",
                priority=Priority.HIGH,
                detail=rule,
                now=now,
                patient_id=patient_id,
            )
    return 0


def poll(tx: Transaction, now: int, listening_since: int = 0, *, waits: bool = True) -> int:
    """Do everything whose time has come, in one transaction; see ``poll_all``.

    Who was silent is told only once we have listened for long enough ourselves. ``waits`` says
    whether waits for a repeat, and absences that outlasted their outage, are told too.
    """
    moved = keep_shifts(tx, now)
    due = tx.alerts.due(now, DUE_MAX)
    chains, by_chc = chains_of(tx, due, now), duties(tx, now)
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
    moved += len(due) + _raise_reviews(tx, now)
    moved += _raise_unrepeated(tx, now) if waits else 0
    if now >= listening_since + GATEWAY_SILENT_AFTER:
        _watch_gateways(tx, now)
        moved += _raise(tx, Concluded(left=left_by_outages(tx, now)), now) if waits else 0
    _watch_certificates(tx, now)
    tx.heartbeat(POLLER, now)
    return moved


def _raise_reviews(tx: Transaction, now: int) -> int:
    """Say that next reviews are due (H4), but of a matter that a later alert has taken over."""
    due, by_chc = tx.alerts.reviews_due(now, DUE_MAX), duties(tx, now)
    for done in due:
        tx.alerts.note_review(done.id, now)
        review = life.review_of(done, now)
        if tx.alerts.taken_over(done, {review.rule, review.rule.removeprefix(life.REVIEW)}):
            continue
        chain = chains_of(tx, [review], now)[review.id]
        kept = keep(tx, life.raised(review, chain, now, by_chc[done.chc_id]), now)
        tx.audit(
            POLLER,
            "review-due",
            now,
            chc_id=kept.chc_id,
            patient_id=kept.patient_id,
            detail=f"alert {kept.id} of {done.id}",
        )
    return len(due)


def _raise_unrepeated(tx: Transaction, now: int) -> int:
    """Raise what has waited for a repeat that did not come in time (H5)."""
    return _raise(tx, Concluded(unrepeated=tx.repeats.overdue(now, DUE_MAX)), now)


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
