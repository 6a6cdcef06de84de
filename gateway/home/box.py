"""The box's face to the home: its page and its lamp, fed with the gateway's status."""

import logging
import time
from typing import Final

from gateway.heartbeat import Status
from gateway.home.lamp import Lamp
from gateway.home.page import HomePage
from gateway.home.situation import Situation, situation
from gateway.settings import Settings

_log = logging.getLogger(__name__)
# A radio that is restarted is away for moments: nobody need be called for that.
_TROUBLE_SECONDS: Final = 60.0


class Home:
    """Page and lamp, as far as the settings name them."""

    def __init__(self, settings: Settings) -> None:
        """A page whose address is not to be had is said, and done without."""
        self.lamp = Lamp(settings.lamp_command) if settings.lamp_command is not None else None
        self._now: tuple[Status, Situation] | None = None
        self.page = self._served(settings.page_address)
        self._well_at = time.monotonic()

    def _served(self, address: tuple[str, int] | None) -> HomePage | None:
        if address is None:
            return None
        try:
            return HomePage(address, lambda: self._now)
        except (OSError, OverflowError) as error:
            _log.error("page: %s:%d: %s: the home has none", *address, error)
            return None

    def received(self) -> None:
        """Something was measured and is kept."""
        if self.lamp is not None:
            self.lamp.received()

    def update(self, status: Status, *, is_well: bool) -> None:
        """Take the newest status. ``is_well``: the radio scans, and the outbox takes what comes."""
        if is_well:
            self._well_at = time.monotonic()
        lasts = time.monotonic() - self._well_at > _TROUBLE_SECONDS
        self._now = status, situation(status, is_well=not lasts)
        if self.lamp is not None:
            self.lamp.show(self._now[1])

    async def run(self) -> None:
        """Run until cancelled."""
        if self.page is not None:
            self.page.start()
        try:
            if self.lamp is not None:
                await self.lamp.run()
        finally:
            if self.page is not None:
                self.page.stop()
