"""Writing alerts, and raising and clearing technical matters: Vicino itself needs a person."""

from collections.abc import Sequence

from server.domain import alerts as life
from server.domain.alerts import Alert, Change, Evidence, Kind
from server.domain.chains import chain_of, default_chain
from server.domain.plans import Plan, Priority, Step
from server.ports.store import Transaction
from server.services.duty import duty_of


def raise_matter(
    tx: Transaction,
    *,
    chc_id: int,
    subject: str,
    rule: str,
    priority: Priority,
    detail: str,
    now: int,
    patient_id: int | None = None,
) -> Alert:
    """Open the technical alert of a subject and rule, or add to the open one.

    A high matter makes an open alert high; nothing makes it less urgent.
    ``subject`` is ``gateway:ID``, ``device:ADDRESS``, ``patient:ID``, ``chc:ID`` or ``server``.
    """
    duty = duty_of(tx, chc_id, now)
    chain = default_chain(Kind.TECHNICAL, rule, priority)
    known = tx.alerts.open_of([subject]).get((subject, rule))
    if known is not None and priority is Priority.HIGH and known.priority is not Priority.HIGH:
        change = life.more_urgent(known, priority, chain, now, duty)
    elif known is not None:
        chain = default_chain(known.kind, rule, known.priority)
        change = life.gathered(known, Evidence(now), chain, now, duty, None)
    else:
        change = life.raised(
            Alert(
                id=0,
                chc_id=chc_id,
                subject=subject,
                patient_id=patient_id,
                kind=Kind.TECHNICAL,
                rule=rule,
                priority=priority,
                raised_at=now,
                began_at=now,
                newest_at=now,
                deadline_at=None,
                previous_id=tx.alerts.last_closed(subject, rule),
                detail=detail[:250],
            ),
            chain,
            now,
            duty,
        )
    return keep(tx, change, now)


def clear_matter(tx: Transaction, *, subject: str, rule: str, now: int) -> None:
    """Note that a technical matter ended; the alert stays until a person closes it."""
    known = tx.alerts.open_of([subject]).get((subject, rule))
    if known is not None and known.cleared_at is None:
        keep(tx, life.cleared(known, now), now)


def tell_not_judged(tx: Transaction, patient_id: int | None, detail: str, now: int) -> None:
    """Say that something stored could not be judged: of a patient, else of the server (H7)."""
    patient = tx.directory.patient(patient_id) if patient_id is not None else None
    chc_id = patient.chc_id if patient else tx.directory.first_chc()
    if chc_id is None:
        return
    raise_matter(
        tx,
        chc_id=chc_id,
        subject=f"patient:{patient.id}" if patient else "server",
        rule="stored-not-judged",
        priority=Priority.HIGH,
        detail=detail,
        now=now,
        patient_id=patient.id if patient else None,
    )


def keep(tx: Transaction, change: Change, now: int) -> Alert:
    """Write a change: the alert, and the messages of its tellings, in this transaction."""
    alert = change.alert
    if alert.id:
        tx.alerts.save(alert)
    else:
        alert = tx.alerts.add(alert)
    tx.alerts.tell(alert, change.tellings, now)
    return alert


def chains_of(tx: Transaction, alerts: Sequence[Alert], now: int) -> dict[int, Sequence[Step]]:
    """Return each alert's chain, by its id: that of its patient's plan in force, or the default."""
    plans = plans_in_force(tx, alerts, now)
    return {
        alert.id: chain_of(plans.get(alert.patient_id), alert.kind, alert.rule, alert.priority)
        for alert in alerts
    }


def plans_in_force(tx: Transaction, alerts: Sequence[Alert], now: int) -> dict[int | None, Plan]:
    """Return the plans in force of the alerts' patients, by patient."""
    patients = sorted({alert.patient_id for alert in alerts if alert.patient_id is not None})
    plans: dict[int | None, Plan] = {}
    versions = tx.inputs.plan_versions(patients, tx.inputs.cursor()) if patients else []
    for version in sorted(versions, key=lambda version: (version.from_at, version.number)):
        if version.from_at <= now < version.until_at:
            plans[version.patient_id] = version.plan
    return plans
