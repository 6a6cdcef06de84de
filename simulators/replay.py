"""Play a recorded series through virtual devices and a real gateway process; count what is stored.

The gateway is an already configured one (``--settings``); only its radio is replaced. Each subject
of the file has a device of its own, with the same address at every run, so that it can be assigned
to a patient beforehand. A measurement that this gateway sent before is known and not stored again.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from tqdm import tqdm

from simulators.gateway_process import GatewayFailed, GatewayProcess
from simulators.peripherals import Cuff, GlucoseMeter, Peripheral, Scale, address
from simulators.radio import VirtualRadio
from simulators.series import Entry, UnknownSeries, read

# A device is visited when this many wait in it; more would only grow its memory.
_UNSENT_MAX: Final = 250
_TAKEN_SECONDS_MAX: Final = 120.0
_RECEIPT_SECONDS_MAX: Final = 300.0
_FIRST_DEVICE: Final = {"cuff": 0x1000, "scale": 0x2000, "glucose meter": 0x3000}
_DEVICES: Final[dict[str, type[Peripheral]]] = {
    "cuff": Cuff,
    "scale": Scale,
    "glucose meter": GlucoseMeter,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, help="a series in CSV")
    parser.add_argument("--settings", type=Path, required=True, help="the gateway's settings file")
    parser.add_argument("--zone", type=ZoneInfo, default=ZoneInfo("Europe/Rome"))
    parser.add_argument("--start", type=date.fromisoformat, required=True, help="its first day")
    parser.add_argument(
        "--speed", type=float, default=0.0, help="times faster than life; 0 (default): no waiting"
    )
    parser.add_argument("--subject", help="only this one of the file's subjects")
    parser.add_argument("--limit", type=int, help="only so many measurements")


def run(options: argparse.Namespace) -> int:
    """Play the series: 0 when everything sent is stored, 1 when not, 2 for a wrong file."""
    try:
        kind, entries = read(options.file, options.zone, options.start)
    except (UnknownSeries, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    chosen = [e for e in entries if options.subject in (None, e.subject)][: options.limit]
    try:
        sent, stored = asyncio.run(_play(kind, chosen, options.settings, options.speed))
    except GatewayFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"sent {sent}, stored {stored}")
    return 0 if sent == stored else 1


async def _play(
    kind: str, entries: Sequence[Entry], settings: Path, speed: float
) -> tuple[int, int]:
    """Return how many measurements were sent and for how many the server gave a receipt."""
    async with VirtualRadio() as radio, GatewayProcess(settings, radio.transport) as gateway:
        before = (await gateway.wait_receipted(_RECEIPT_SECONDS_MAX))["receipted"]
        devices = await _devices(kind, radio, sorted({entry.subject for entry in entries}))
        await _take_all(kind, devices, entries, speed)
        for device in devices.values():
            await _taken(device)
        after = (await gateway.wait_receipted(_RECEIPT_SECONDS_MAX))["receipted"]
        for device in devices.values():
            await device.stop()
    return len(entries), after - before


async def _devices(
    kind: str, radio: VirtualRadio, subjects: Sequence[str]
) -> dict[str, Peripheral]:
    devices: dict[str, Peripheral] = {}
    for number, subject in enumerate(subjects, start=_FIRST_DEVICE[kind]):
        devices[subject] = _DEVICES[kind](radio, address(number))
        await devices[subject].start()
        print(f"{devices[subject].address} is the {kind} of {subject}", file=sys.stderr)
    return devices


async def _take_all(
    kind: str, devices: dict[str, Peripheral], entries: Sequence[Entry], speed: float
) -> None:
    """Have each device measure in its turn, as long after the one before as ``speed`` says."""
    previous = entries[0].at if entries else None
    for entry in tqdm(entries, desc="measurements", disable=None):
        device = devices[entry.subject]
        if speed and previous is not None:
            await asyncio.sleep((entry.at - previous).total_seconds() / speed)
        previous = entry.at
        if device.unsent >= _UNSENT_MAX:
            await _taken(device)
        await _TAKE[kind](device, entry)


async def _taken(device: Peripheral) -> None:
    try:
        async with asyncio.timeout(_TAKEN_SECONDS_MAX):
            await device.all_taken()
    except TimeoutError:
        raise GatewayFailed(f"the gateway did not visit {device.address}") from None


def _cuff(device: Any, entry: Entry) -> Awaitable[None]:  # noqa: ANN401 - one of the table's
    systolic, diastolic, pulse = entry.values
    taken: Awaitable[None] = device.take(systolic, diastolic, pulse, entry.at)
    return taken


def _single(device: Any, entry: Entry) -> Awaitable[None]:  # noqa: ANN401 - one of the table's
    taken: Awaitable[None] = device.take(Decimal(entry.values[0]), entry.at)
    return taken


_TAKE: Final[dict[str, Callable[[Any, Entry], Awaitable[None]]]] = {
    "cuff": _cuff,
    "scale": _single,
    "glucose meter": _single,
}
