"""Makes the wire's measurement of one delivery: codes, units, content id; judges nothing."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from contract.codes import DEFINITIONS, Code
from contract.messages import DEVICE_RANGE, Beside, Clock, Measurement, Origin, Quantity
from contract.profiles import Profile
from gateway.codecs import CODECS, CONTEXTS, INTERMEDIATE, decoded
from gateway.codecs.decoded import Above, Absent, Below, Decoded
from gateway.codecs.joined import CONTEXT_MISSING, with_context, with_weight
from gateway.errors import DecodeError
from gateway.observe.conversion import converted, plain

# Not of a person: the value stays in the raw bytes and is never an observation about anybody.
_NOT_A_PERSON: Final = {"control-solution", "demonstration-data", "testing-data"}
_NOT_APPLICABLE: Final = "not-applicable"
_STILL_MEASURING: Final = "an intermediate value is no measurement"
_CONTEXT_UNREADABLE: Final = "context-unreadable"
_NO_SIGNAL: Final = "contact-not-detected"
_USER_UNKNOWN: Final = "user-unknown"
_CODES: Final = frozenset(Code)
_REASON_CHARACTERS_MAX: Final = 200
_CONTENT_ID_HEX_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """One value that a device delivered, and when: wall clock (ms, UTC) and this boot's clock.

    ``beside`` are values of other characteristics that belong to it; ``user`` is the device's user
    where its place says so and not the value. ``device_now`` is what its clock shows at
    ``received_at``, read before it was set.
    """

    gateway: str
    device: str
    profile_name: str
    profile: Profile
    characteristic: str
    raw: bytes
    origin: Origin
    received_at: int
    monotonic_ms: int
    boot_id: str
    clock: Clock
    beside: tuple[tuple[str, bytes], ...] = ()
    user: int | None = None
    device_now: datetime | None = None


def measure(delivery: Delivery, epoch: str, seq: int) -> Measurement:
    """Make the measurement that takes ``seq`` of ``epoch``.

    Bytes that cannot be read are a measurement too: ``unreadable`` says where and why, and there
    are no quantities. An intermediate value, should a profile ever name one, says nothing either.
    """
    if delivery.characteristic in INTERMEDIATE:
        return _measurement(delivery, epoch, seq, Decoded(()), [], _STILL_MEASURING)
    try:
        read = _joined(delivery, CODECS[_codec(delivery, delivery.characteristic)](delivery.raw))
        quantities = _quantities(read, delivery.raw)
    except DecodeError as error:
        return _measurement(delivery, epoch, seq, Decoded(()), [], str(error))
    return _measurement(delivery, epoch, seq, read, quantities, None)


def _measurement(
    delivery: Delivery,
    epoch: str,
    seq: int,
    read: Decoded,
    quantities: list[Quantity],
    unreadable: str | None,
) -> Measurement:
    return Measurement(
        seq=seq,
        content_id=_content_id(delivery, read, epoch, seq),
        device=delivery.device,
        profile=delivery.profile_name,
        characteristic=delivery.characteristic,
        raw=delivery.raw.hex(),
        quantities=quantities,
        received_at=delivery.received_at,
        monotonic_ms=delivery.monotonic_ms,
        boot_id=delivery.boot_id,
        clock=delivery.clock,
        origin=delivery.origin,
        device_time=read.time.isoformat() if isinstance(read.time, datetime) else None,
        device_now=delivery.device_now.isoformat() if delivery.device_now else None,
        record_number=read.sequence,
        user=read.user if isinstance(read.user, int) else None,
        flags=_flags(read),
        unreadable=unreadable and unreadable[:_REASON_CHARACTERS_MAX],
        beside=[Beside(characteristic=uuid, raw=raw.hex()) for uuid, raw in delivery.beside],
    )


def _codec(delivery: Delivery, characteristic: str) -> str:
    sources = delivery.profile.measurement
    return next(s.codec for s in sources if s.characteristic_uuid == characteristic)


def _joined(delivery: Delivery, read: Decoded) -> Decoded:
    """Let what belongs to it speak too. A context that cannot be read doubts no measurement."""
    if delivery.user is not None:
        read = replace(read, user=delivery.user)
    for characteristic, raw in delivery.beside:
        codec = _codec(delivery, characteristic)
        try:
            other = (CODECS | CONTEXTS)[codec](raw)
        except DecodeError:
            return replace(read, flags=(*(read.flags or ()), _CONTEXT_UNREADABLE))
        return with_context(read, other) if codec in CONTEXTS else with_weight(read, other)
    if read.continues:
        return replace(read, flags=(*(read.flags or ()), CONTEXT_MISSING))
    return read


def _flags(read: Decoded) -> list[str]:
    unknown = [_USER_UNKNOWN] if isinstance(read.user, Absent) else []
    return [*(read.flags or ()), *unknown]


def _quantities(read: Decoded, raw: bytes) -> list[Quantity]:
    """Keep what has a code; the rest (height, RR intervals, ...) travels in the raw bytes."""
    coded = [quantity for quantity in read.quantities if quantity.name in _CODES]
    if _NOT_A_PERSON & set(read.flags or ()):
        return [_absent(quantity, _NOT_APPLICABLE) for quantity in coded]
    if _NO_SIGNAL in (read.flags or ()):
        # Off the skin a strap says 0: that is no signal, never a rate.
        return [
            _absent(one, Absent.ERROR.value) if one.number == 0 else _on_wire(one, raw)
            for one in coded
        ]
    return [_on_wire(quantity, raw) for quantity in coded]


def _absent(quantity: decoded.Quantity, reason: str) -> Quantity:
    return Quantity(code=quantity.name, unit=_unit(quantity), absent=reason)


def _unit(quantity: decoded.Quantity) -> str:
    return DEFINITIONS[Code(quantity.name)].unit


def _on_wire(quantity: decoded.Quantity, raw: bytes) -> Quantity:
    code, unit = quantity.name, _unit(quantity)
    try:
        match converted(quantity):
            case Absent() as reason:
                return _absent(quantity, reason.value)
            case Above(limit):
                return Quantity(code=code, unit=unit, above=_limit(limit))
            case Below(limit):
                return Quantity(code=code, unit=unit, below=_limit(limit))
            case Decimal() as value:
                return Quantity(code=code, unit=unit, value=plain(value))
    except ValueError as error:  # more digits than the contract carries
        raise DecodeError(f"{code}: {error}", offset=quantity.offset, value=raw) from error


def _limit(limit: Decimal | None) -> str:
    return DEVICE_RANGE if limit is None else plain(limit)


def _content_id(delivery: Delivery, read: Decoded, epoch: str, seq: int) -> str:
    """Name the content, 128 bits in hex.

    Equal ids must mean "the same measurement again", so without a record number or a trusted
    time (two equal weights are two weighings) the place in the outbox is part of the name; and,
    as an outbox put back from an older copy gives its places again, the moment is too. What comes
    out of a memory and cannot be read is the same record whenever it is read again. The codec is
    named, not the profile: one device may be recognised by a generic profile and by its own.
    """
    user = read.user if isinstance(read.user, int) else None
    codec = _codec(delivery, delivery.characteristic)
    parts: list[object] = [delivery.device, codec, delivery.characteristic, user]
    trusted_time = delivery.profile.trusted_time and isinstance(read.time, datetime)
    if read.same is not None:
        named = msgspec.json.encode([*parts, "same", read.same.hex()])
        return hashlib.sha256(named).hexdigest()[:_CONTENT_ID_HEX_DIGITS]
    unreadable_record = delivery.origin == "device-memory" and read == Decoded(())
    if read.sequence is not None or trusted_time or unreadable_record:
        parts += ["record", read.sequence]
    else:
        parts += ["once", delivery.gateway, epoch, seq, delivery.boot_id, delivery.monotonic_ms]
    named = msgspec.json.encode([*parts, delivery.raw.hex()])
    return hashlib.sha256(named).hexdigest()[:_CONTENT_ID_HEX_DIGITS]
