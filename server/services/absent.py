"""Writing absences, and telling many that have one cause as one technical matter (hazard H8).

After an outage nobody can work through eighty alerts: where several homes of a Community Health
Centre are out of reach at once, their absences stand under one alert, which is told by its chain.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from contract.codes import BY_NUMBER
from server.domain.instants import HOUR
from server.domain.plans import Priority
from server.domain.timeline import FOREVER
from server.engine.absences import Absence
from server.engine.rules import in_force
from server.ports.alerts import AbsenceLeft
from server.ports.directory import Patient
from server.ports.store import Transaction
from server.services.causes import Cause, cause_of
from server.services.concluded import Concluded
from server.services.gateway_state import GATEWAY_SILENT_AFTER
from server.services.matters import clear_matter, raise_matter
from server.services.versions import versions_of

OUTAGE: Final = "homes-out-of-reach"
# Judgements. Fewer homes at once are each a matter of their own; and only homes that fell silent
# within so long have one cause: a gateway in a drawer explains nobody else's silence.
OUTAGE_HOMES: Final = 3
TOGETHER: Final = HOUR


def write_absences(
    tx: Transaction, absences: Iterable[Absence], people: dict[int, Patient], now: int
) -> list[tuple[Absence, Cause]]:
    """Write what was not there; return what each patient's own alert must tell.

    Held is no absence to tell (it is told as held, H1), nor is who is away by a nurse's word.
    """
    told: list[tuple[Absence, Cause]] = []
    outages: dict[int, int] = {}
    out = fallen_silent(tx, now)
    for absence in absences:
        cause, chc_id = cause_of(tx, absence, now), people[absence.patient].chc_id
        shared = cause is Cause.SILENT and _home_of(tx, absence) in out.get(chc_id, ())
        if shared and chc_id not in outages:
            outages[chc_id] = _outage(tx, chc_id, now)
        alert_id = outages[chc_id] if shared else None
        number, due = BY_NUMBER.index(absence.code), (absence.window_from, absence.due_at)
        new = tx.alerts.add_absence(absence.patient, chc_id, number, *due, cause, alert_id)
        if new and not shared and cause not in (Cause.HELD, Cause.AWAY):
            told.append((absence, cause))
    return told


def watch_outages(tx: Transaction, now: int) -> dict[int, set[str]]:
    """Raise and clear the outages of all CHCs; return the gateways that are out together."""
    out, known = fallen_silent(tx, now), tx.alerts.open_rule(OUTAGE)
    for chc_id in out.keys() - {alert.chc_id for alert in known if alert.cleared_at is None}:
        _outage(tx, chc_id, now)
    for alert in known:
        if alert.chc_id not in out:
            clear_matter(tx, subject=alert.subject, rule=OUTAGE, now=now)
    return out


def left_by_outages(tx: Transaction, now: int) -> list[AbsenceLeft]:
    """Return the absences that outlasted their outage: late data had time to explain them."""
    return tx.alerts.left_under(OUTAGE, now - GATEWAY_SILENT_AFTER)


def tell_left(tx: Transaction, left: AbsenceLeft) -> Concluded:
    """Take an absence from under its outage; it is to be told by itself, unless something was
    measured since."""
    tx.alerts.tell_absence(left.id)
    if tx.inputs.seen(left.patient_id, {left.code}, left.due_at, FOREVER):
        return Concluded()
    rows = tx.inputs.plan_versions([left.patient_id], tx.inputs.cursor())
    version = in_force(versions_of(rows).get(left.patient_id, []), left.due_at)
    number = version.number if version is not None else 0
    window = left.window_from, left.due_at
    absence = Absence(left.patient_id, BY_NUMBER[left.code], number, *window)
    return Concluded(left=[(absence, Cause(left.cause))])


def fallen_silent(tx: Transaction, now: int) -> dict[int, set[str]]:
    """Return, by CHC, the gateways that fell silent together."""
    by_chc: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for chc_id, gateway, last_seen in tx.measurements.silent(now - GATEWAY_SILENT_AFTER):
        by_chc[chc_id].append((last_seen, gateway))
    found: dict[int, set[str]] = {}
    for chc_id, silent in by_chc.items():
        silent.sort()
        for place in range(len(silent) - OUTAGE_HOMES + 1):
            if silent[place + OUTAGE_HOMES - 1][0] - silent[place][0] <= TOGETHER:
                end = silent[place][0] + TOGETHER
                out = found.setdefault(chc_id, set())
                out |= {gateway for last_seen, gateway in silent[place:] if last_seen <= end}
    return found


def _home_of(tx: Transaction, absence: Absence) -> str | None:
    home = tx.measurements.home(absence.patient)
    return home.gateway if home is not None else None


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
