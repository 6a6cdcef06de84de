"""Deadlines are columns; this reads them. Nothing that must happen is a timer in memory."""

from typing import Final

from server.domain import alerts as life
from server.domain.instants import DAY, MINUTE
from server.domain.plans import Plan, Priority, chain_of
from server.ports.store import Transaction
from server.services.matters import keep, raise_matter

POLLER: Final = "poller"
ENGINE: Final = "engine"
DUE_MAX: Final = 500
# A heartbeat comes every minute; three missed and some patience for a router's restart.
GATEWAY_SILENT_AFTER: Final = 15 * MINUTE
CERTIFICATE_NEAR_END: Final = 21 * DAY


def poll(tx: Transaction, now: int) -> int:
    """Do everything whose time has come; return how many alerts moved."""
    due = tx.alerts.due(now, DUE_MAX)
    patients = sorted({alert.patient_id for alert in due if alert.patient_id is not None})
    plans = _plans(tx, patients, now) if patients else {}
    for alert in due:
        chain = chain_of(plans.get(alert.patient_id or 0), alert.priority)
        change = life.deadline_passed(alert, chain, now)
        keep(tx, change, now)
        tx.audit(
            "poller",
            "deadline-passed",
            now,
            chc_id=alert.chc_id,
            patient_id=alert.patient_id,
            detail=f"alert {alert.id} {', '.join(one.reason for one in change.tellings)}",
        )
    _watch_gateways(tx, now)
    tx.heartbeat(POLLER, now)
    return len(due)


def _plans(tx: Transaction, patients: list[int], now: int) -> dict[int, Plan]:
    """Return each patient's plan in force."""
    versions = tx.inputs.plan_versions(patients, tx.inputs.cursor())
    return {
        version.patient_id: version.plan
        for version in sorted(versions, key=lambda version: (version.from_at, version.number))
        if version.from_at <= now
    }


def _watch_gateways(tx: Transaction, now: int) -> None:
    for gateway, chc_id in tx.measurements.silent_gateways(now - GATEWAY_SILENT_AFTER):
        raise_matter(
            tx,
            chc_id=chc_id,
            subject=f"gateway:{gateway}",
            rule="gateway-silent",
            priority=Priority.MEDIUM,
            detail="",
            now=now,
        )
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
