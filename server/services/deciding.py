"""What becomes of each element that came: its fate, its time, its owner. Pure; nothing is judged.

``decide`` is told all that it must know beforehand, and returns rows to write and matters to tell.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from contract.codes import DEFINITIONS, Code, scaled
from contract.messages import (
    CLOCK_NOT_SET,
    Element,
    Measurement,
    Quantity,
    Tombstone,
    element_decoder,
)
from server.domain.attribution import (
    Attribution,
    Fate,
    Weighing,
    attribute,
    likely_patient,
    unacceptable,
    weights_of,
)
from server.domain.doubts import held, is_heard_twice
from server.domain.flags import steady
from server.domain.instants import CORRECTED, MeasuredAt, Quality, measured_at
from server.engine.rules import COMPARATOR
from server.ports.inputs import InputKind, NewInput
from server.ports.measurements import GatewayRow, MeasurementRow, ObservationRow, Source

# What msgspec raises on bytes that are no message of ours, however they are spoiled.
UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Came:
    """One new element: the key it is stored under, and what its bytes say as far as they can."""

    gateway: str
    home: GatewayRow
    epoch_id: int
    seq: int
    raw: bytes
    element: Element | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored already: devices, the contents that came again, patients' last weights.

    ``contents`` are (device, raw) by content id. ``decide`` adds to contents and weights what it
    believes, for the rest of the batch.
    """

    sources: dict[str, Source]
    contents: dict[bytes, tuple[str, str]]
    weights: dict[int, Weighing | None]


@dataclass(frozen=True, slots=True)
class Matter:
    """A technical matter of a CHC."""

    chc_id: int
    detail: str


@dataclass(slots=True)
class Decided:
    """What is to be written. ``late`` are (patient, code, measured at) that came.

    ``matters`` are by (subject, rule): two thousand held measurements are one matter.
    """

    measurements: list[MeasurementRow] = field(default_factory=list)
    observations: list[ObservationRow] = field(default_factory=list)
    inputs: list[NewInput] = field(default_factory=list)
    late: list[tuple[int, int, int]] = field(default_factory=list)
    matters: dict[tuple[str, str], Matter] = field(default_factory=dict)

    def tell(self, subject: str, rule: str, chc_id: int, detail: str) -> None:
        """Note a matter; the first of a subject and rule says the detail."""
        self.matters.setdefault((subject, rule), Matter(chc_id, detail))


def unpack(raw: bytes, seq: int) -> tuple[Element | None, str | None]:
    """Decode the element in place ``seq`` of its outbox, or say what is wrong with it."""
    try:
        element = element_decoder.decode(raw)
    except UNDECODABLE as error:
        return None, f"not a measurement: {error}"
    wrong = f"says seq {element.seq} in the place of {seq}" if element.seq != seq else None
    return element, wrong


def decide(came: Sequence[Came], known: Known, now: int) -> Decided:
    """Decide in the order in which they came: an earlier one may make a later one a duplicate."""
    decided = Decided()
    for one in came:
        if isinstance(one.element, Tombstone) and one.problem is None:
            _put_away(decided, one, Fate.TOMBSTONE, one.element.reason, now)
        elif not isinstance(one.element, Measurement):
            problem = one.problem or "not a measurement"
            _put_away(decided, one, Fate.QUARANTINED, problem, now)
            rule = "measurement-unreadable"
            decided.tell(f"gateway:{one.gateway}", rule, one.home.chc_id, problem)
        else:
            _decide_measurement(decided, one, one.element, known, now)
    return decided


def _decide_measurement(
    decided: Decided, one: Came, measurement: Measurement, known: Known, now: int
) -> None:
    source = known.sources.get(measurement.device)
    subject = f"device:{measurement.device}"
    problem = one.problem or unacceptable(measurement)
    if problem is not None:
        _put_away(decided, one, Fate.QUARANTINED, problem, now, measurement, source)
        decided.tell(subject, "measurement-unreadable", one.home.chc_id, problem)
        return
    content = _new_content(one, measurement, known)
    if content is None:
        _put_away(decided, one, Fate.DUPLICATE, "sent before", now, measurement, source)
        return
    when = _when(measurement, one.home, source, now)
    verdict = _attributed(one, measurement, source, when, known, now)
    if is_heard_twice(measurement, content):
        verdict = held(verdict, foreign=False, heard_twice=True)
    chc_id = source.chc_id if source else one.home.chc_id
    _keep(decided, one, measurement, when, verdict, chc_id, content, now)
    if verdict.fate is Fate.HELD:
        decided.tell(subject, "measurement-held", chc_id, verdict.reason or "")
    # A clock that the gateway read and set is right again: there is nothing for a person to do.
    if when.mark is not None and when.mark.startswith("device-") and when.mark != CORRECTED:
        decided.tell(subject, "device-clock-wrong", chc_id, when.mark)


def _new_content(one: Came, measurement: Measurement, known: Known) -> bytes | None:
    """Return the id to store the content under, or None where it is stored already."""
    content, said = bytes.fromhex(measurement.content_id), (measurement.device, measurement.raw)
    if known.contents.get(content) == said:
        return None
    if content in known.contents:  # a name for two contents tells nothing: both are kept
        own = f"{one.epoch_id}/{one.seq}/{measurement.content_id}"
        content = hashlib.blake2b(own.encode(), digest_size=16).digest()
    known.contents[content] = said
    return content


def _when(
    measurement: Measurement, gateway: GatewayRow, source: Source | None, now: int
) -> MeasuredAt:
    zones = [held.zone_name for held in source.assignments] if source else []
    when = measured_at(
        device_time=measurement.device_time,
        device_now=measurement.device_now,
        received_at=measurement.received_at,
        stored_at=now,
        clock_synchronised=measurement.clock == "synchronised",
        time_unset=CLOCK_NOT_SET in measurement.flags,
        corrected=measurement.corrected_by is not None,
        zone_name=zones[-1] if zones else gateway.zone_name,
    )
    if when.quality is Quality.TRUSTED and source and measurement.origin == "device":
        # A clock that fell back (a new battery) says a day on which nobody had the device yet.
        arrived = min(measurement.received_at, now)
        then, since = (likely_patient(source.assignments, at) for at in (when.at, arrived))
        if then is None and since is not None:
            return MeasuredAt(arrived, Quality.UNSURE, "device-clock-behind")
    return when


def _attributed(
    one: Came,
    measurement: Measurement,
    source: Source | None,
    when: MeasuredAt,
    known: Known,
    now: int,
) -> Attribution:
    assignments = source.assignments if source else []
    verdict = attribute(measurement, when, assignments, known.weights, now)
    if source and source.chc_id != one.home.chc_id:
        verdict = held(verdict, foreign=True, heard_twice=False)
    if verdict.fate is Fate.STORED and when.quality is not Quality.UNSURE:
        _believe(known, verdict.patient_id, when.at, weights_of(measurement))
    return verdict


def _believe(known: Known, patient: int | None, at: int, weights: list[Decimal]) -> None:
    """Take a stored weight for the patient's last where it is; one that is held teaches nothing."""
    for weight in weights:
        if patient is not None and ((last := known.weights.get(patient)) is None or last.at <= at):
            known.weights[patient] = Weighing(at, weight)


def scaled_value(quantity: Quantity) -> int:
    """Return what a quantity that is not absent says, as a scaled integer or a comparator."""
    if quantity.value is not None:
        return scaled(Code(quantity.code), Decimal(quantity.value))
    return COMPARATOR if quantity.above is not None else -COMPARATOR


def _keep(
    decided: Decided,
    one: Came,
    measurement: Measurement,
    when: MeasuredAt,
    verdict: Attribution,
    chc_id: int,
    content: bytes,
    now: int,
) -> None:
    key = one.epoch_id, one.seq
    decided.measurements.append(
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
            now,
            verdict.reason,
            one.raw,
        )
    )
    for quantity in measurement.quantities:
        if quantity.absent is None:
            code = Code(quantity.code)
            value = scaled_value(quantity)
            decided.observations.append(
                ObservationRow(*key, DEFINITIONS[code].number, value, steady(measurement.flags))
            )
            if verdict.patient_id is not None:
                decided.late.append((verdict.patient_id, DEFINITIONS[code].number, when.at))
    if verdict.patient_id is not None and verdict.is_judged:
        believed = verdict.fate is Fate.STORED and when.quality is not Quality.UNSURE
        kind = InputKind.ATTRIBUTED if believed else InputKind.QUESTIONED
        decided.inputs.append(NewInput(kind, verdict.patient_id, *key, 0, now))


def _put_away(
    decided: Decided,
    one: Came,
    fate: Fate,
    reason: str,
    now: int,
    measurement: Measurement | None = None,
    source: Source | None = None,
) -> None:
    received_at = measurement.received_at if measurement else None
    at = min(received_at, now) if received_at is not None else now
    patient = likely_patient(source.assignments, at) if source else None
    decided.measurements.append(
        MeasurementRow(
            one.epoch_id,
            one.seq,
            source.chc_id if source else one.home.chc_id,
            fate.value,
            None,
            patient,
            measurement.device if measurement else None,
            at,
            Quality.UNSURE.value,
            None,
            received_at,
            now,
            reason[:250],
            one.raw,
        )
    )
