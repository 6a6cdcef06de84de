"""What a codec makes of the bytes: quantities in the unit as sent, and flags as words."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Absent(StrEnum):
    """Why there is no value, in the codes of FHIR's data-absent-reason value set."""

    NOT_A_NUMBER = "not-a-number"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Above:
    """More than the device can show; ``limit`` is the end of its range where it says so."""

    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Below:
    """Less than the device can show; ``limit`` is the end of its range where it says so."""

    limit: Decimal | None = None


Number = Decimal | Above | Below | Absent


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a measurement, in the unit as sent; ``offset`` is where in the bytes it began.

    ``name`` is a word of ``contract.codes.Code`` where one fits, else the characteristic's own.
    """

    name: str
    unit: str
    number: Number
    offset: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """One value of a characteristic. A field that was not sent is None.

    ``time`` is the device's local time, without a zone; ``unit`` is the word for the unit that
    the flags chose, where they choose one; ``words`` are coded fields (where on the body, ...) and
    texts. ``records`` are the parts of a value that carries several, each complete in itself.
    ``continues``: the device says that what belongs to it follows in another characteristic.
    ``is_final``: False while the device is still measuring, which makes no measurement. ``same``
    are the bytes that tell one measurement of a device that repeats each from every other.
    """

    quantities: tuple[Quantity, ...]
    flags: tuple[str, ...] | None = None
    unit: str | None = None
    time: datetime | Absent | None = None
    user: int | Absent | None = None
    sequence: int | None = None
    words: dict[str, str] = field(default_factory=dict)
    records: tuple["Decoded", ...] = ()
    continues: bool = False
    is_final: bool = True
    same: bytes | None = None


def named_bits(bits: int, names: dict[int, str]) -> tuple[str, ...]:
    """Return the names of the bits that are set; reserved bits (no name) are ignored."""
    return tuple(name for bit, name in sorted(names.items()) if bits >> bit & 1)
