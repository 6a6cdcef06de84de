"""The home's own data, read out at the box on request: what it still holds, as a table (CSV)."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from contract.messages import Measurement, Quantity
from gateway.outbox import kept

COLUMNS: Final = ("received at", "device time", "device", "what", "value", "unit", "remarks")


def export(outbox: Path, to: TextIO) -> int:
    """Write a row for each quantity; return how many measurements there were.

    Times are the gateway's in UTC, and the device's own as it sent them. Raises
    ``OutboxUnavailable``.
    """
    writer = csv.writer(to)
    writer.writerow(COLUMNS)
    count = 0
    for measurement in kept(outbox):
        count += 1
        writer.writerows(_rows(measurement))
    return count


def _rows(one: Measurement) -> Iterator[tuple[str, ...]]:
    at = datetime.fromtimestamp(one.received_at / 1000, UTC).isoformat(timespec="seconds")
    start = (at, one.device_time or "", one.device)
    remarks = " ".join(one.flags)
    if one.unreadable is not None:
        yield (*start, "", "", "", f"{one.raw}: {one.unreadable}")
    for quantity in one.quantities:
        yield (*start, quantity.code, _said(quantity), quantity.unit, remarks)


def _said(quantity: Quantity) -> str:
    if quantity.above is not None:
        return f"> {quantity.above}"
    if quantity.below is not None:
        return f"< {quantity.below}"
    return quantity.value if quantity.value is not None else f"({quantity.absent})"
