"""What a page showed when it was made, as words of an address, so that the page, left open, can ask
what is new. Times alone would not do: what is stored carries the time at which its transaction
began, and may be seen only after a page of a later time was made (hazard H24)."""

import zlib
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from server.domain.alerts import Alert
from server.domain.attribution import Fate
from server.domain.instants import DAY, MINUTE
from server.ports.directory import User
from server.ports.store import Transaction
from server.ports.views import ObservationView
from server.services import alert_work

# What was measured earlier and came only now is no news of how somebody is.
LATELY: Final = 2 * DAY
# No transaction is open for longer between its first line and its last.
_UNDER_WAY: Final = MINUTE


def shown(tx: Transaction, user: User, patient_id: int | None, alert: Alert | None, at: int) -> str:
    """Return the query that asks what is new since a page of ``at``: of a patient, of an alert."""
    values = [key(one) for one in stored_since(tx, patient_id, at)] if patient_id else []
    about = {"at": at, "alerts": state(tx, user, patient_id, alert), "values": ".".join(values)}
    return urlencode(about)


def stored_since(tx: Transaction, patient_id: int, at: int) -> list[ObservationView]:
    """Return the patient's latest values that a page of ``at`` may not have shown."""
    rows = tx.views.observations(patient_id, at - LATELY)
    return [one for one in rows if one.stored_at > at - _UNDER_WAY and one.fate == Fate.STORED]


def key(one: ObservationView) -> str:
    """Return what tells a value from others of its patient."""
    return f"{one.measured_at}-{one.code}-{one.value}"


def state(tx: Transaction, user: User, patient_id: int | None, alert: Alert | None) -> str:
    """Return a mark of the alerts as the reader may see them: another one when one was raised,
    cleared, closed, or worked on by somebody else; and of one alert's notes."""
    alerts = tx.views.alerts_of(patient_id) if patient_id is not None else []
    if alert is not None and patient_id is None:
        alerts = [alert]
    seen = [_of(tx, user, one) for one in alerts if alert_work.may_see(user, one)]
    notes = tx.views.notes(alert.id) if alert is not None else []
    return f"{zlib.crc32(repr((seen, sum(one.by != user.name for one in notes))).encode()):08x}"


def _of(tx: Transaction, user: User, alert: Alert) -> Sequence[int | None]:
    acts = tx.views.acts(alert) if alert.closed_at is None else []
    others = sum(act.who != user.name for act in acts)
    return alert.id, alert.cleared_at, alert.closed_at, others
