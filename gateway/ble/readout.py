"""A device's memory read out through its control point (0x2A52), over one link."""

import asyncio
from typing import Final

from gateway.ble.joiner import Arrival
from gateway.ble.link import Link
from gateway.ble.records import LastRecord, Reading, Step
from gateway.codecs import record_access
from gateway.errors import DecodeError

CONTROL: Final = "2a52"


class Readout:
    """What ``Reading`` decides, done."""

    def __init__(self, link: Link, last: LastRecord | None) -> None:
        self._link = link
        self._reading = Reading(last, asyncio.get_running_loop().time())

    @property
    def last(self) -> LastRecord | None:
        """See ``Reading.last``."""
        return self._reading.last

    async def begin(self) -> None:
        """Ask for the records."""
        await self._link.listen(CONTROL)
        await self._link.write(CONTROL, self._reading.request)

    def took(self, arrival: Arrival, *, is_on_disk: bool) -> None:
        """See ``Reading.took``."""
        self._reading.took(arrival.number, arrival.raw, is_on_disk=is_on_disk)

    async def answered(self, value: bytes) -> bool:
        """Take an indication of the control point; True when everything was sent.

        Raises ``DeviceUnavailable`` when the device could not.
        """
        try:
            step = self._reading.answered(value)
        except DecodeError as error:
            raise self._link.unavailable(f"record access: {error}") from error
        if step is Step.FAILED:
            raise self._link.unavailable(f"record access: answered {value.hex()}")
        if step is Step.ASK_WHOLE:
            await self._link.write(CONTROL, self._reading.request)
        return step is Step.ENDED

    async def abort(self) -> None:
        """Ask it to stop; it answers, as to any other request."""
        await self._link.write(CONTROL, record_access.ABORT)
