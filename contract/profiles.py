"""Device profiles: what we know of a device model, as data.

One TOML file a model in ``device_profiles/``. Every key is typed and an unknown key refuses to
load. A codec's name is the only door from data to code.
"""

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{4}([0-9a-f]{28})?$")]
Kind = Literal[
    "blood-pressure-monitor",
    "thermometer",
    "pulse-oximeter",
    "weight-scale",
    "glucose-meter",
    "heart-rate-monitor",
]


class ProfileError(Exception):
    """A profile that cannot be used: says which file, which key and why."""


class Advertisement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a scan recognises the model: all given keys must match. ``local_name`` may end in *.

    ``service_data_uuid`` is the service of which it broadcasts data. ``is_chosen``: it does not
    tell the model, which the gateway's settings name by the device's address (``models``).
    """

    service_uuid: Uuid | None = None
    service_data_uuid: Uuid | None = None
    is_chosen: bool = False
    local_name: str | None = None

    def __post_init__(self) -> None:
        """Refuse a profile that would match every device in reach."""
        if self.service_uuid is None and self.local_name is None:
            raise ValueError("an advertisement needs a service_uuid or a local_name")


class Source(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which characteristic says something, and the codec that reads it.

    ``broadcast``: the device says it to everybody, in the data of the service of that UUID, and is
    never connected to. ``beside`` is the characteristic that it belongs to: a glucose context to
    its record, a body composition to its weight. ``seconds_between``: of a stream no more than one
    value in that time is a measurement.
    """

    characteristic_uuid: Uuid
    codec: str
    delivery: Literal["indicate", "notify", "broadcast"]
    beside: Uuid | None = None
    seconds_between: Annotated[int, Meta(ge=0, le=60)] = 0


class Write(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is written after the subscriptions to make the device speak: bytes in hex."""

    characteristic_uuid: Uuid
    value: Annotated[str, Meta(pattern=r"^([0-9a-f]{2})+$")]


class Ring(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where one user's measurements lie in a device's memory: address of the first slot, slots."""

    start: Annotated[int, Meta(ge=0, le=0xFFFF)]
    slots: Annotated[int, Meta(ge=1, le=1000)]


class Memory(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A memory that is read by addresses: a ring a user, the bytes of a slot and of one read."""

    protocol: Literal["omron"]
    slot_bytes: Annotated[int, Meta(ge=1, le=64)]
    read_bytes: Annotated[int, Meta(ge=1, le=56)]
    user: Annotated[list[Ring], Meta(min_length=1, max_length=4)]


class Limitation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known not to work, as a sentence for the README's table."""

    text: str


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One device model.

    ``evidence`` says what the codec was tried on. ``bond``: it gives its values over a bonded link
    only; ``passkey`` are its six digits, where all units of the model have the same. ``set_clock``
    names the characteristic by which its clock is set at each contact (0x2A08 or 0x2A2B).
    ``start`` is written after the subscriptions, in this order. ``record_access`` reads the
    device's memory through the Record Access Control Point (0x2A52), ``memory`` by addresses.
    ``trusted_time`` says that the device's clock is set and advances, so that its time stamp may
    tell a record sent again from a new measurement.
    """

    model: str
    vendor: str
    kind: Kind
    evidence: Literal["bytes tested", "tried on a unit"]
    advertisement: Advertisement
    measurement: Annotated[list[Source], Meta(min_length=1)]
    start: list[Write] = []
    memory: Memory | None = None
    bond: bool = False
    passkey: Annotated[str, Meta(pattern=r"^[0-9]{6}$")] | None = None
    set_clock: Literal["date-time", "current-time"] | None = None
    record_access: bool = False
    trusted_time: bool = False
    known_limitation: list[Limitation] = []


def parse(name: str, text: str) -> Profile:
    """Read one profile's TOML. Raises ``ProfileError`` naming file, key and reason."""
    try:
        return msgspec.toml.decode(text, type=Profile)
    except msgspec.MsgspecError as error:
        raise ProfileError(f"device_profiles/{name}.toml: {error}") from error


def is_broadcast(profile_name: str, uuid: str) -> bool:
    """Tell whether a device of that profile says this to everybody, once or many times."""
    profile = profiles().get(profile_name)
    sources = profile.measurement if profile else ()
    return any(s.delivery == "broadcast" and s.characteristic_uuid == uuid for s in sources)


@cache
def profiles() -> dict[str, Profile]:
    """Load every profile that is installed, by name (its file's name without the ending)."""
    found = (entry for entry in files("device_profiles").iterdir() if entry.name.endswith(".toml"))
    names = sorted((entry.name.removesuffix(".toml"), entry) for entry in found)
    return {name: parse(name, entry.read_text(encoding="utf-8")) for name, entry in names}


def kind_of(name: str) -> Kind | None:
    """Return what kind of device a profile is; None where it is unknown."""
    found = profiles().get(name)
    return found.kind if found is not None else None


def model_of(name: str) -> str:
    """Name the model of a profile as people know it; the profile's own name where it is unknown."""
    found = profiles().get(name)
    return f"{found.vendor} {found.model}" if found is not None else name
