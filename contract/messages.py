"""The messages between a gateway and the server, as JSON: one tagged union each way.

Unknown fields are ignored; a new optional field is compatible, any other change is a new version
of the topic. Integer times are milliseconds since 1970 in UTC.

An *envelope* carries who speaks (``gateway``), which outbox file it speaks of (``epoch``) and the
sequence number of its first measurement (for other messages: the next to be given). The
measurements of a batch stay undecoded (``msgspec.Raw``) until each is decoded alone, so that a
bad one costs nobody but itself: the i-th of a batch *is* ``seq + i``, whatever it says.
"""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder, Encoder

from contract.topics import GATEWAY_ID

BATCH_MEASUREMENTS_MAX: Final = 50
ENVELOPE_BYTES_MAX: Final = 64 * 1024
SEQ_MAX: Final = 2**53 - 1  # the largest integer every JSON reader keeps exact

GatewayId = Annotated[str, Meta(pattern=GATEWAY_ID + r"(?!\n)")]
Epoch = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Seq = Annotated[int, Meta(ge=1, le=SEQ_MAX)]
ContentId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Address = Annotated[str, Meta(pattern=r"^[0-9A-F]{2}(:[0-9A-F]{2}){5}$(?!\n)")]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Word = Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{1,63}$(?!\n)")]
LocalTime = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$(?!\n)")]
Characteristic = Annotated[str, Meta(pattern=r"^[0-9a-f]{4}([0-9a-f]{28})?$(?!\n)")]
Hex = Annotated[str, Meta(pattern=r"^([0-9a-f]{2})*$(?!\n)", max_length=1024)]
# Texts of a gateway reach pages and tables: no control characters.
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$(?!\n)")]
Name = Annotated[str, Meta(max_length=64, pattern=r"^[\x20-\x7e]*$(?!\n)")]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Clock = Literal["synchronised", "unsynchronised"]
Origin = Literal["device", "device-memory", "person"]

DEVICE_RANGE: Final = "device-range"
# The flag of a device that says its clock was never set: its time is not believed.
CLOCK_NOT_SET: Final = "clock-not-set"
# The device hints that the value is of another kind than its code: a ketone result that a meter
# sends as glucose. A person must say what it is.
KIND_DOUBTED: Final = "kind-doubted"
_DECIMAL: Final = re.compile(r"-?\d{1,9}(\.\d{1,9})?")


class Quantity(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One coded quantity: exactly one of value, above, below or absent.

    ``value`` is decimal text in the code's unit. ``above`` and ``below`` are the end of the
    device's range (decimal text, or ``device-range`` where no number is known). ``absent`` is the
    reason, in the words of FHIR's data-absent-reason value set.
    """

    code: Word
    unit: Name
    value: str | None = None
    above: str | None = None
    below: str | None = None
    absent: Word | None = None

    def __post_init__(self) -> None:
        """Refuse a quantity that says nothing, two things, or a number that is none."""
        said = [text for text in (self.value, self.above, self.below) if text is not None]
        if len(said) + (self.absent is not None) != 1:
            raise ValueError("a quantity is exactly one of value, above, below or absent")
        if said and not _DECIMAL.fullmatch(said[0]):
            if self.value is None and said[0] == DEVICE_RANGE:
                return
            raise ValueError(f"not a decimal number: {said[0][:40]!r}")


class Beside(Struct, frozen=True, kw_only=True):
    """What the device sent of the same moment by another characteristic, as it came."""

    characteristic: Characteristic
    raw: Hex


class Measurement(Struct, frozen=True, omit_defaults=True, kw_only=True, tag="measurement"):
    """What a device took and sent at one moment, decoded, its bytes kept.

    ``received_at`` is the gateway's wall clock, ``monotonic_ms`` its monotonic clock within the
    boot ``boot_id``; ``device_time`` is the device's own time as sent, local and without a zone.
    ``content_id`` names the content: equal ids are one measurement sent or read twice. ``beside``
    was joined to it: a glucose context to its record, a weight to its body composition.
    ``device_now`` is what the device's clock showed at ``received_at``, where the gateway read it
    in the same connection, before it set it: a clock that is wrong is corrected by it.
    ``corrected_by``: the wall clock was set after it came, and by so many ms ``received_at`` was
    corrected then, along the monotonic clock of the same boot.
    """

    seq: Seq
    content_id: ContentId
    device: Address
    profile: Word
    characteristic: Characteristic
    raw: Hex
    quantities: Annotated[list[Quantity], Meta(max_length=32)]
    received_at: Milliseconds
    monotonic_ms: Milliseconds
    boot_id: Name
    clock: Clock
    origin: Origin
    device_time: LocalTime | None = None
    device_now: LocalTime | None = None
    record_number: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None
    user: Annotated[int, Meta(ge=0, le=255)] | None = None
    flags: Annotated[list[Word], Meta(max_length=32)] = []
    unreadable: Text | None = None
    beside: Annotated[list[Beside], Meta(max_length=4)] = []
    corrected_by: Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)] | None = None


class Tombstone(Struct, frozen=True, kw_only=True, tag="tombstone"):
    """Stands where a measurement was that the server refused twice; the gateway keeps that row."""

    seq: Seq
    reason: Text


Element = Measurement | Tombstone


class _Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    gateway: GatewayId
    epoch: Epoch
    seq: Seq


class _Kept(_Envelope, frozen=True, kw_only=True, omit_defaults=True):
    # Every seq below it was receipted, and the gateway has it no longer: a server that was put
    # back from an older copy learns from it what it has lost.
    kept_from: Seq = 1


class Birth(_Kept, frozen=True, kw_only=True, tag="birth"):
    """Sent after every connection. ``session`` pairs it with its will.

    ``kept_from`` is the lowest seq of the epoch that the gateway still has. ``prompts`` says that
    it can ask the home to measure again: only such a gateway is sent that command.
    """

    session: ContentId
    sent_at: Milliseconds
    boot_id: Name
    clock: Clock
    version: Name
    prompts: bool = False


class Measurements(_Kept, frozen=True, kw_only=True, tag="measurements"):
    """A batch, oldest first, of at most 50 measurements and 64 KiB; ``kept_from`` as in birth."""

    measurements: Annotated[list[Raw], Meta(min_length=1, max_length=BATCH_MEASUREMENTS_MAX)]


class Heartbeat(_Envelope, frozen=True, kw_only=True, omit_defaults=True, tag="heartbeat"):
    """How the gateway is. ``outbox_depth`` counts what got no receipt yet.

    ``deaf``: its radio has not worked for a minute, or hears devices and connects to none, so it
    takes nothing of who measures. ``full``: its outbox takes nothing more. ``radio_restarts`` are
    those since the process began, and ``adapter_resets`` how often the adapter was powered off and
    on, or a reset of it asked for. ``configuration`` is the version of the server's settings that
    is in force (0: none), ``configuration_refused`` the newest that was not taken, and why.
    """

    sent_at: Milliseconds
    clock: Clock
    outbox_depth: Count
    set_aside: Count = 0
    last_measurement_at: Milliseconds | None = None
    certificate_ends_at: Milliseconds | None = None
    batteries: dict[Address, Annotated[int, Meta(ge=0, le=100)]] = {}
    disk_free_bytes: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    deaf: bool = False
    full: bool = False
    radio_restarts: Count = 0
    adapter_resets: Count = 0
    board_celsius: Annotated[int, Meta(ge=-100, le=200)] | None = None
    configuration: Count = 0
    configuration_refused: Count = 0
    configuration_refused_because: Text | None = None


class Will(_Envelope, frozen=True, kw_only=True, tag="will"):
    """Left with the broker: the session ended without a goodbye."""

    session: ContentId


class Receipt(Struct, frozen=True, kw_only=True, tag="receipt"):
    """Every sequence number up to ``seq`` of the epoch is in the server's store."""

    gateway: GatewayId
    epoch: Epoch
    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """An envelope that could not be taken. ``sha256`` is that of its bytes, in hex."""

    gateway: GatewayId
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    reason: Text


class Configuration(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="configuration"):
    """Settings that the server gives a gateway, all of them: what it leaves out is the box's own.

    ``devices``, ``models`` and ``zone`` as the gateway's settings have them. A gateway tries a
    version once: it says in its heartbeats which is in force, and which it refused and why.
    """

    gateway: GatewayId
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    heartbeat_seconds: Annotated[int, Meta(ge=10, le=3600)] | None = None
    devices: Annotated[list[Address], Meta(max_length=64)] | None = None
    models: Annotated[dict[Address, Word], Meta(max_length=64)] | None = None
    zone: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]{1,64}$(?!\n)")] | None = None


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="command"):
    """Something to do now; past ``expires_at`` it is ignored.

    ``measure-again`` asks the home to repeat the measurement that has ``code``.
    """

    gateway: GatewayId
    name: Literal["heartbeat-now", "measure-again"]
    expires_at: Milliseconds
    code: Word | None = None

    def __post_init__(self) -> None:
        """Refuse to ask for a measurement without saying which."""
        if (self.name == "measure-again") != (self.code is not None):
            raise ValueError("measure-again, and nothing else, names a code")


Up = Birth | Measurements | Heartbeat | Will
Down = Receipt | Refused | Configuration | Command

up_decoder: Final[Decoder[Up]] = Decoder(Up)
down_decoder: Final[Decoder[Down]] = Decoder(Down)
element_decoder: Final[Decoder[Element]] = Decoder(Element)
encoder: Final = Encoder()
