"""Writing absences, and telling many that have one cause as one technical matter (hazard H8).

After an outage nobody can work through eighty alerts: where several homes of a Community Health
Centre are out of reach at once, their absences stand under one alert, which is told by its chain.
"""

from collections.abc import Iterable
from typing import Final

from contract.codes import BY_NUMBER
from server.domain.plans import Priority
from server.engine.absences import Absence
from server.ports.directory import Patient
from server.ports.store import Transaction
from server.services.causes import OUT_OF_REACH, Cause, cause_of
from server.services.gateway_state import GATEWAY_SILENT_AFTER
from server.services.matters import clear_matter, raise_matter

OUTAGE: Final = "homes-out-of-reach"
# Fewer homes at once are each a matter of their own; a judgement.
OUTAGE_HOMES: Final = 3


def write_absences(
    tx: Transaction, absences: Iterable[Absence], people: dict[int, Patient], now: int
) -> list[tuple[Absence, Cause]]:
    """Write what was not there; return what each patient's own alert must tell.

    Held is no absence to tell (it is told as held, H1), nor is who is away by a nurse's word.
    """
    told: list[tuple[Absence, Cause]] = []
    outages: dict[int, int] = {}
    silent = tx.measurements.count_silent(now - GATEWAY_SILENT_AFTER)
    for absence in absences:
        cause, chc_id = cause_of(tx, absence, now), people[absence.patient].chc_id
        shared = cause in OUT_OF_REACH and silent.get(chc_id, 0) >= OUTAGE_HOMES
        if shared and chc_id not in outages:
            outages[chc_id] = _outage(tx, chc_id, now)
        alert_id = outages[chc_id] if shared else None
        number, due = BY_NUMBER.index(absence.code), (absence.window_from, absence.due_at)
        new = tx.alerts.add_absence(absence.patient, chc_id, number, *due, cause, alert_id)
        if new and not shared and cause not in (Cause.HELD, Cause.AWAY):
            told.append((absence, cause))
    return told


def watch_outages(tx: Transaction, now: int) -> set[int]:
    """Raise and clear the outages of all CHCs; return those that have one."""
    silent = tx.measurements.count_silent(now - GATEWAY_SILENT_AFTER)
    out = {chc_id for chc_id, homes in silent.items() if homes >= OUTAGE_HOMES}
    known = tx.alerts.open_rule(OUTAGE)
    for chc_id in out - {alert.chc_id for alert in known if alert.cleared_at is None}:
        _outage(tx, chc_id, now)
    for alert in known:
        if alert.chc_id not in out:
            clear_matter(tx, subject=alert.subject, rule=OUTAGE, now=now)
    return out


def _outage(tx: Transaction, chc_id: int, now: int) -> int:
    return raise_matter(
        tx,
        chc_id=chc_id,
        subject=f"chc:{chc_id}",
        rule=OUTAGE,
        priority=Priority.MEDIUM,
        detail="",
        now=now,
    ).id
