"""Record Access Control Point (0x2A52): what is written to it, and what it indicates.

Source: Glucose Service 1.0.1 and Continuous Glucose Monitoring Service 1.0.2, chapters "Record
Access Control Point"; both count records in a uint16. A request is an op code, an operator and,
for some operators, a filter type with its value. The records themselves come as notifications of
the service's measurement, before the response.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final

from gateway.codecs.decoded import Decoded, Quantity
from gateway.codecs.reader import Reader

REPORT_ALL: Final = bytes([1, 1])
COUNT_ALL: Final = bytes([4, 1])
ABORT: Final = bytes([3, 0])
_REPORT, _COUNT, _AT_LEAST, _BY_NUMBER = 1, 4, 3, 1
_NUMBER_MAX: Final = 0xFFFF
_COUNT_RESPONSE, _RESPONSE, _NO_OPERATOR = 5, 6, 0


class Request(IntEnum):
    """What a response answers."""

    REPORT_RECORDS = 1
    DELETE_RECORDS = 2
    ABORT = 3
    NUMBER_OF_RECORDS = 4


class Outcome(IntEnum):
    """How a request ended."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS_FOUND = 6
    ABORT_UNSUCCESSFUL = 7
    PROCEDURE_NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


@dataclass(frozen=True, slots=True)
class RecordCount:
    """How many records the device holds that the request asked for."""

    records: int


@dataclass(frozen=True, slots=True)
class Completed:
    """A request came to its end. A reserved code stays the number sent: it is no ``SUCCESS``."""

    request: Request | int
    outcome: Outcome | int


def report_from(number: int) -> bytes:
    """Ask for the records whose sequence number (glucose) or time offset is at least ``number``.

    Raises ``ValueError`` when it is no uint16.
    """
    return bytes([_REPORT, _AT_LEAST, _BY_NUMBER]) + _uint16(number)


def count_from(number: int) -> bytes:
    """Ask how many records ``report_from`` would bring. Raises ``ValueError`` like it."""
    return bytes([_COUNT, _AT_LEAST, _BY_NUMBER]) + _uint16(number)


def _uint16(number: int) -> bytes:
    if not 0 <= number <= _NUMBER_MAX:
        raise ValueError(f"a record's number is a uint16, not {number}")
    return number.to_bytes(2, "little")


def response(value: bytes) -> RecordCount | Completed:
    """Decode one indication.

    Layout, little-endian: op code (5 number of records, 6 response), operator (0, null), then
    a uint16 (the number of records) or the request's op code and how it ended, one byte each.
    Raises ``DecodeError`` for any other op code (a request among them), operator or length.
    """
    reader = Reader(value)
    code = reader.uint8("op code")
    if code not in (_COUNT_RESPONSE, _RESPONSE):
        raise reader.error_at(0, f"op code {code} is no response")
    if (operator := reader.uint8("operator")) != _NO_OPERATOR:
        raise reader.error_at(1, f"a response has no operator, not {operator}")
    answer = _count(reader) if code == _COUNT_RESPONSE else _completed(reader)
    reader.end()
    return answer


def _count(reader: Reader) -> RecordCount:
    return RecordCount(reader.uint16("number of records"))


def _completed(reader: Reader) -> Completed:
    request, outcome = reader.uint8("request's op code"), reader.uint8("response code")
    return Completed(
        Request(request) if request in set(Request) else request,
        Outcome(outcome) if outcome in set(Outcome) else outcome,
    )


def decode(value: bytes) -> Decoded:
    """Decode one indication as ``response`` does, for people.

    Keys: ``number_of_records``, or ``request`` and ``outcome`` in words (``reserved-10``).
    """
    match response(value):
        case RecordCount(records):
            return Decoded((Quantity("number-of-records", "1", Decimal(records), 2),))
        case Completed(request, outcome):
            return Decoded((), words={"request": _word(request), "outcome": _word(outcome)})


def _word(code: int) -> str:
    if isinstance(code, IntEnum):
        return code.name.lower().replace("_", "-")
    return f"reserved-{code}"
