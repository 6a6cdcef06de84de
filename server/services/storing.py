"""Commit 1: what came is stored, held or quarantined, and answered. Nothing is judged here.

A batch of envelopes becomes one transaction. Its answers (receipts and refusals) may be sent only
after the commit. Taking an envelope twice changes nothing and is answered again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from contract.messages import (
    ENVELOPE_BYTES_MAX,
    Birth,
    Down,
    Heartbeat,
    Measurement,
    Measurements,
    Refused,
    Up,
    element_decoder,
    up_decoder,
)
from server.domain.attribution import weights_of
from server.domain.plans import Priority
from server.ports.measurements import GatewayRow
from server.ports.store import Transaction
from server.services.configuring import due
from server.services.deciding import UNDECODABLE, Came, Decided, Known, decide
from server.services.gateway_state import note_gateway
from server.services.matters import raise_matter
from server.services.placing import look_up, place, receipt


@dataclass(frozen=True, slots=True)
class Arrival:
    """An envelope's bytes and the gateway whose topic it came on."""

    gateway: str
    payload: bytes


def take(tx: Transaction, arrivals: Sequence[Arrival], now: int, *, replicate: bool) -> list[Down]:
    """Store a batch of envelopes and return the answers to send once it is committed."""
    refusals: list[Down] = []
    envelopes: list[tuple[Up, GatewayRow]] = []
    homes = tx.measurements.gateways({arrival.gateway for arrival in arrivals})
    for arrival in arrivals:
        home = homes.get(arrival.gateway)
        opened = _open(arrival, home)
        if isinstance(opened, str) or home is None:
            refusals.append(refuse(tx, arrival, str(opened), now))
        else:
            envelopes.append((opened, home))
    found = look_up(
        tx, [(one, home) for one, home in envelopes if isinstance(one, Birth | Measurements)]
    )
    came = place(tx, found, now)
    decided = decide(came, _known(tx, came), now)
    _write(tx, decided, now, replicate=replicate)
    orders: list[Down] = []
    for envelope, home in envelopes:
        if not isinstance(envelope, Measurements):
            note_gateway(tx, envelope, home, now)
        if isinstance(envelope, Heartbeat) and (order := due(envelope, home)) is not None:
            orders.append(order)
    return [*receipt(tx, found, decided, now), *refusals, *orders]


def _open(arrival: Arrival, gateway: GatewayRow | None) -> Up | str:
    """Decode an envelope, or say why it is refused."""
    if gateway is None or gateway.revoked:
        return "this gateway is not known here"
    if len(arrival.payload) > ENVELOPE_BYTES_MAX:
        return f"the envelope has {len(arrival.payload)} bytes, at most {ENVELOPE_BYTES_MAX}"
    try:
        envelope = up_decoder.decode(arrival.payload)
    except UNDECODABLE as error:
        return f"not an envelope: {error}"[:200]
    if envelope.gateway != arrival.gateway:
        return f"the envelope names gateway {envelope.gateway}, its topic {arrival.gateway}"
    return envelope


def refuse(tx: Transaction, arrival: Arrival, reason: str, now: int) -> Refused:
    """Refuse an envelope by the hash of its bytes; its gateway's CHC gets a technical alert."""
    gateway = tx.measurements.gateway(arrival.gateway)
    if gateway is not None:
        raise_matter(
            tx,
            chc_id=gateway.chc_id,
            subject=f"gateway:{arrival.gateway}",
            rule="envelope-refused",
            priority=Priority.MEDIUM,
            detail=reason,
            now=now,
        )
    digest = hashlib.sha256(arrival.payload).hexdigest()
    printable = "".join(letter if letter.isprintable() else " " for letter in reason)
    return Refused(gateway=arrival.gateway, sha256=digest, reason=printable[:200])


def _known(tx: Transaction, came: Sequence[Came]) -> Known:
    """Read what deciding must know, in a few queries a batch."""
    measurements = [one.element for one in came if isinstance(one.element, Measurement)]
    sources = tx.measurements.sources({one.device for one in measurements})
    contents: dict[bytes, tuple[str, str]] = {}
    stored = tx.measurements.contents({bytes.fromhex(one.content_id) for one in measurements})
    for content_id, element in stored.items():
        before = element_decoder.decode(element)
        if isinstance(before, Measurement):
            contents[content_id] = before.device, before.raw
    weighed = {one.device for one in measurements if weights_of(one)} & set(sources)
    patients = {held.patient_id for device in weighed for held in sources[device].assignments}
    weights = {patient: tx.measurements.last_weight(patient) for patient in patients}
    return Known(sources, contents, weights)


def _write(tx: Transaction, decided: Decided, now: int, *, replicate: bool) -> None:
    tx.measurements.store(decided.measurements, decided.observations, replicate)
    tx.inputs.append(decided.inputs)
    for (subject, rule), matter in decided.matters.items():
        raise_matter(
            tx,
            chc_id=matter.chc_id,
            subject=subject,
            rule=rule,
            priority=Priority.MEDIUM,
            detail=matter.detail,
            now=now,
        )
    explain(tx, decided.late, now)


def explain(tx: Transaction, late: Sequence[tuple[int, int, int]], now: int) -> None:
    """Mark the absences that late measurements explain; mostly there are none to look at."""
    open_ = tx.alerts.unexplained({patient for patient, _, _ in late})
    for patient, code, at in late:
        if any(
            (patient, code) == absence[:2] and absence[2] <= at < absence[3] for absence in open_
        ):
            tx.alerts.explain_absences(patient, code, at, now)
