"""Commit 1: what came is stored, held or quarantined, and answered. Nothing is judged here.

A batch of envelopes becomes one transaction. Its answers (receipts and refusals) may be sent only
after the commit. Taking an envelope twice changes nothing and is answered again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import msgspec

from contract.codes import DEFINITIONS, Code, scaled
from contract.messages import (
    CLOCK_NOT_SET,
    ENVELOPE_BYTES_MAX,
    Birth,
    Down,
    Heartbeat,
    Measurement,
    Measurements,
    Receipt,
    Refused,
    Tombstone,
    Up,
    Will,
    element_decoder,
    up_decoder,
)
from server.domain.attribution import (
    Attribution,
    Fate,
    attribute,
    likely_patient,
    unacceptable,
)
from server.domain.instants import MeasuredAt, Quality, measured_at
from server.domain.plans import Priority
from server.engine.rules import COMPARATOR
from server.ports.inputs import InputKind, NewInput
from server.ports.measurements import Epoch, GatewayRow, MeasurementRow, ObservationRow, Source
from server.ports.store import Transaction
from server.services.matters import clear_matter, raise_matter

# A day of a busy home; more waits only when receipts do not come.
_DEPTH_WORRYING: Final = 500
_DISK_LEAST: Final = 100 * 1024 * 1024
# What msgspec raises on bytes that are no message of ours, however they are spoiled.
_UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An envelope's bytes and the gateway whose topic it came on."""

    gateway: str
    payload: bytes


@dataclass(slots=True)
class _Batch:
    """What one transaction collects before it writes."""

    now: int
    measurements: list[MeasurementRow] = field(default_factory=list)
    observations: list[ObservationRow] = field(default_factory=list)
    inputs: list[NewInput] = field(default_factory=list)
    answers: dict[tuple[str, str], Down] = field(default_factory=dict)
    refusals: list[Down] = field(default_factory=list)
    contents: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    late: list[tuple[int, int, int]] = field(default_factory=list)
    told: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Taken:
    """One element of an envelope, decoded as far as it goes."""

    name: str
    gateway: GatewayRow
    epoch: Epoch
    seq: int
    raw: bytes
    element: Measurement | Tombstone | None
    problem: str | None


def take(tx: Transaction, arrivals: Sequence[Arrival], now: int, *, replicate: bool) -> list[Down]:
    """Store a batch of envelopes and return the answers to send once it is committed."""
    batch = _Batch(now)
    envelopes: list[tuple[Up, GatewayRow]] = []
    known = tx.measurements.gateways({arrival.gateway for arrival in arrivals})
    for arrival in arrivals:
        gateway = known.get(arrival.gateway)
        opened = _open(arrival, gateway)
        if isinstance(opened, str) or gateway is None:
            batch.refusals.append(refuse(tx, arrival, str(opened), now))
        else:
            envelopes.append((opened, gateway))
    _take_measurements(tx, batch, envelopes)
    for envelope, gateway in envelopes:
        if not isinstance(envelope, Measurements):
            _note_gateway(tx, envelope, gateway, now)
    tx.measurements.store(batch.measurements, batch.observations, replicate)
    tx.inputs.append(batch.inputs)
    _explain(tx, batch)
    return [*batch.answers.values(), *batch.refusals]


def _explain(tx: Transaction, batch: _Batch) -> None:
    """Mark the absences that late measurements explain; mostly there are none to look at."""
    open_ = tx.alerts.unexplained({patient for patient, _, _ in batch.late})
    for patient, code, at in batch.late:
        if any(
            (patient, code) == absence[:2] and absence[2] <= at < absence[3] for absence in open_
        ):
            tx.alerts.explain_absences(patient, code, at, batch.now)


def _open(arrival: Arrival, gateway: GatewayRow | None) -> Up | str:
    """Decode an envelope, or say why it is refused."""
    if gateway is None or gateway.revoked:
        return "this gateway is not known here"
    if len(arrival.payload) > ENVELOPE_BYTES_MAX:
        return f"the envelope has {len(arrival.payload)} bytes, at most {ENVELOPE_BYTES_MAX}"
    try:
        envelope = up_decoder.decode(arrival.payload)
    except _UNDECODABLE as error:
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


def _take_measurements(
    tx: Transaction, batch: _Batch, envelopes: Sequence[tuple[Up, GatewayRow]]
) -> None:
    batches = [(one, gateway) for one, gateway in envelopes if isinstance(one, Measurements)]
    epochs = tx.measurements.epochs({(one.gateway, one.epoch) for one, _ in batches})
    seqs: dict[tuple[str, str], set[int]] = {
        key: set(tx.measurements.stored_seqs(epoch.id, epoch.receipted))
        if epoch.highest > epoch.receipted
        else set()
        for key, epoch in epochs.items()
    }
    taken: list[_Taken] = []
    for envelope, gateway in batches:
        key = envelope.gateway, envelope.epoch
        taken += _unpack(envelope, gateway, epochs[key], seqs[key])
    _decide(tx, batch, taken)
    moved = []
    for key, epoch in epochs.items():
        receipted = epoch.receipted
        while receipted + 1 in seqs[key]:
            receipted += 1
        after = Epoch(epoch.id, receipted, max(epoch.highest, max(seqs[key], default=0)))
        if after != epoch:
            moved.append(after)
        batch.answers[key] = Receipt(gateway=key[0], epoch=key[1], seq=receipted)
    tx.measurements.move_epochs(moved)


def _unpack(
    envelope: Measurements, gateway: GatewayRow, epoch: Epoch, seqs: set[int]
) -> list[_Taken]:
    """Return the elements that are new; ``seqs`` learns them."""
    found = []
    for seq, raw in enumerate(envelope.measurements, envelope.seq):
        if seq <= epoch.receipted or seq in seqs:
            continue
        seqs.add(seq)
        element, problem = None, None
        try:
            element = element_decoder.decode(raw)
            if element.seq != seq:
                problem = f"says seq {element.seq} in the place of {seq}"
        except _UNDECODABLE as error:
            problem = f"not a measurement: {error}"
        found.append(_Taken(envelope.gateway, gateway, epoch, seq, bytes(raw), element, problem))
    return found


def _decide(tx: Transaction, batch: _Batch, taken: Sequence[_Taken]) -> None:
    measurements = [one.element for one in taken if isinstance(one.element, Measurement)]
    sources = tx.measurements.sources({one.device for one in measurements})
    known = tx.measurements.known_contents({bytes.fromhex(one.content_id) for one in measurements})
    for content_id in known:
        stored = element_decoder.decode(tx.measurements.content(content_id) or b"")
        if isinstance(stored, Measurement):
            batch.contents[content_id] = stored.device, stored.raw
    weights: dict[int, Decimal | None] = {}
    for one in taken:
        if isinstance(one.element, Tombstone) and one.problem is None:
            _put_away(batch, one, Fate.TOMBSTONE, one.element.reason)
        elif not isinstance(one.element, Measurement):
            _put_away(batch, one, Fate.QUARANTINED, one.problem or "not a measurement")
            _tell_unreadable(tx, batch, one, None, one.problem or "")
        else:
            _decide_one(tx, batch, one, one.element, sources, weights)


def _decide_one(
    tx: Transaction,
    batch: _Batch,
    one: _Taken,
    measurement: Measurement,
    sources: dict[str, Source],
    weights: dict[int, Decimal | None],
) -> None:
    source = sources.get(measurement.device)
    problem = one.problem or unacceptable(measurement)
    if problem is not None:
        _put_away(batch, one, Fate.QUARANTINED, problem, measurement, source)
        _tell_unreadable(tx, batch, one, measurement.device, problem)
        return
    content, said = bytes.fromhex(measurement.content_id), (measurement.device, measurement.raw)
    if batch.contents.get(content) == said:
        _put_away(batch, one, Fate.DUPLICATE, "sent before", measurement, source)
        return
    if content in batch.contents:  # a name for two contents tells nothing: both are kept
        own = f"{one.epoch.id}/{one.seq}/{measurement.content_id}"
        content = hashlib.blake2b(own.encode(), digest_size=16).digest()
    batch.contents[content] = said
    when = _when(measurement, one.gateway, source, batch.now)
    weight = _last_weight(tx, measurement, source, when, weights)
    assignments = source.assignments if source else []
    verdict = attribute(measurement, when, assignments, weight)
    if source and source.chc_id != one.gateway.chc_id and verdict.fate is Fate.STORED:
        verdict = Attribution(Fate.HELD, verdict.patient_id, "gateway-of-another-chc")
    if verdict.fate is Fate.STORED and when.quality is not Quality.UNSURE:
        _learn_weight(measurement, verdict.patient_id, weights)
    chc_id = source.chc_id if source else one.gateway.chc_id
    _keep(batch, one, measurement, when, verdict, chc_id, content)
    subject = f"device:{measurement.device}"
    if verdict.fate is Fate.HELD:
        _tell(tx, batch, chc_id, subject, "measurement-held", verdict.reason or "")
    if when.mark is not None and when.mark.startswith("device-"):
        _tell(tx, batch, chc_id, subject, "device-clock-wrong", when.mark)


def _when(
    measurement: Measurement, gateway: GatewayRow, source: Source | None, now: int
) -> MeasuredAt:
    zones = [held.zone_name for held in source.assignments] if source else []
    when = measured_at(
        device_time=measurement.device_time,
        received_at=measurement.received_at,
        stored_at=now,
        clock_synchronised=measurement.clock == "synchronised",
        time_unset=CLOCK_NOT_SET in measurement.flags,
        zone_name=zones[-1] if zones else gateway.zone_name,
    )
    if when.quality is Quality.TRUSTED and source and measurement.origin == "device":
        # A clock that fell back (a new battery) says a day on which nobody had the device yet.
        arrived = min(measurement.received_at, now)
        then, since = (likely_patient(source.assignments, at) for at in (when.at, arrived))
        if then is None and since is not None:
            return MeasuredAt(arrived, Quality.UNSURE, "device-clock-behind")
    return when


def _last_weight(
    tx: Transaction,
    measurement: Measurement,
    source: Source | None,
    when: MeasuredAt,
    weights: dict[int, Decimal | None],
) -> Decimal | None:
    values = [one.value for one in measurement.quantities if one.code == Code.WEIGHT and one.value]
    patient = likely_patient(source.assignments, when.at) if source and values else None
    if patient is None:
        return None
    if patient not in weights:
        weights[patient] = tx.measurements.last_weight(patient)
    return weights[patient]


def _learn_weight(
    measurement: Measurement, patient: int | None, weights: dict[int, Decimal | None]
) -> None:
    """Believe a stored weight for the rest of the batch; one that is held teaches nothing."""
    for quantity in measurement.quantities:
        if quantity.code == Code.WEIGHT and quantity.value and patient is not None:
            weights[patient] = Decimal(quantity.value)


def _tell(
    tx: Transaction, batch: _Batch, chc_id: int, subject: str, rule: str, detail: str
) -> None:
    """Raise a technical matter, once a batch: two thousand held ones are one matter."""
    if (subject, rule) not in batch.told:
        batch.told.add((subject, rule))
        raise_matter(
            tx,
            chc_id=chc_id,
            subject=subject,
            rule=rule,
            priority=Priority.MEDIUM,
            detail=detail,
            now=batch.now,
        )


def _keep(
    batch: _Batch,
    one: _Taken,
    measurement: Measurement,
    when: MeasuredAt,
    verdict: Attribution,
    chc_id: int,
    content: bytes,
) -> None:
    key = one.epoch.id, one.seq
    batch.measurements.append(
        MeasurementRow(
            *key,
            chc_id,
            verdict.fate.value,
            content,
            verdict.patient_id,
            measurement.device,
            when.at,
            when.quality.value,
            when.mark,
            measurement.received_at,
            batch.now,
            verdict.reason,
            one.raw,
        )
    )
    for quantity in measurement.quantities:
        if quantity.absent is None:
            code = Code(quantity.code)
            if quantity.value is not None:
                value = scaled(code, Decimal(quantity.value))
            else:
                value = COMPARATOR if quantity.above is not None else -COMPARATOR
            batch.observations.append(ObservationRow(*key, DEFINITIONS[code].number, value))
            if verdict.patient_id is not None:
                batch.late.append((verdict.patient_id, DEFINITIONS[code].number, when.at))
    if verdict.patient_id is not None:
        believed = verdict.fate is Fate.STORED and when.quality is not Quality.UNSURE
        kind = InputKind.ATTRIBUTED if believed else InputKind.QUESTIONED
        batch.inputs.append(NewInput(kind, verdict.patient_id, *key, 0, batch.now))


def _put_away(
    batch: _Batch,
    one: _Taken,
    fate: Fate,
    reason: str,
    measurement: Measurement | None = None,
    source: Source | None = None,
) -> None:
    received_at = measurement.received_at if measurement else None
    at = min(received_at, batch.now) if received_at is not None else batch.now
    patient = likely_patient(source.assignments, at) if source else None
    batch.measurements.append(
        MeasurementRow(
            one.epoch.id,
            one.seq,
            source.chc_id if source else one.gateway.chc_id,
            fate.value,
            None,
            patient,
            measurement.device if measurement else None,
            at,
            Quality.UNSURE.value,
            None,
            received_at,
            batch.now,
            reason[:250],
            one.raw,
        )
    )


def _tell_unreadable(
    tx: Transaction, batch: _Batch, one: _Taken, device: str | None, problem: str
) -> None:
    subject = f"device:{device}" if device else f"gateway:{one.name}"
    _tell(tx, batch, one.gateway.chc_id, subject, "measurement-unreadable", problem)


def _watch_heartbeat(tx: Transaction, heartbeat: Heartbeat, gateway: GatewayRow, now: int) -> None:
    """Make technical alerts of what a gateway says is wrong with itself."""
    troubles = {
        "gateway-set-aside": heartbeat.set_aside > 0,
        "gateway-clock": heartbeat.clock == "unsynchronised",
        "gateway-behind": heartbeat.outbox_depth > _DEPTH_WORRYING,
        "gateway-disk": (heartbeat.disk_free_bytes or _DISK_LEAST) < _DISK_LEAST,
    }
    subject = f"gateway:{heartbeat.gateway}"
    for rule, wrong in troubles.items():
        if wrong:
            raise_matter(
                tx,
                chc_id=gateway.chc_id,
                subject=subject,
                rule=rule,
                priority=Priority.MEDIUM,
                detail="",
                now=now,
            )
        else:
            clear_matter(tx, subject=subject, rule=rule, now=now)


def _note_gateway(
    tx: Transaction, envelope: Birth | Heartbeat | Will, gateway: GatewayRow, now: int
) -> None:
    news: dict[str, int | str | None] = {}
    if isinstance(envelope, Birth):
        news = {
            "session": envelope.session,
            "clock": envelope.clock,
            "version": envelope.version,
            "offline_since": None,
        }
    elif isinstance(envelope, Heartbeat):
        news = {
            "clock": envelope.clock,
            "outbox_depth": envelope.outbox_depth,
            "set_aside": envelope.set_aside,
            "last_measurement_at": envelope.last_measurement_at,
            "offline_since": None,
        }
        _watch_heartbeat(tx, envelope, gateway, now)
        if envelope.certificate_ends_at is not None:
            news["certificate_ends_at"] = envelope.certificate_ends_at
    else:
        tx.measurements.gateway_left(envelope.gateway, envelope.session, now)
        return
    tx.measurements.seen_gateway(envelope.gateway, now, news)
    clear_matter(tx, subject=f"gateway:{envelope.gateway}", rule="gateway-silent", now=now)
