"""What is tried next with a radio that does not work, hears nobody, or connects to nobody.

The mildest first. A scan anew, open to everybody: with the filter of our services a quiet home and
a stuck adapter look alike. Then the adapter off and on, by BlueZ. Then the root unit. A home may
truly be silent: what does not help is tried ever more seldom, until a device was read.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from gateway.ble.links import Links
from gateway.ble.resets import Resets, RootUnit, Step

_OVER_SECONDS: Final = 600.0  # what failed so long ago has nothing to do with what fails now
# habluetooth's limit. Once others were heard, our own devices may be quiet for longer.
SILENCE_SECONDS: Final = 90.0
_QUIET_SECONDS: Final = 300.0
_SILENCE_SECONDS_MAX: Final = 3600.0
_SILENCES: Final = 3  # one for each step


class Recovery:
    """Chooses the step. ``now`` is monotonic, in seconds."""

    def __init__(self, runtime_dir: Path | None = None, named: Collection[str] = ()) -> None:
        """Without a folder there is no root unit to ask. ``named``: see ``Links``."""
        root = RootUnit(runtime_dir)
        self._failing, self._silent, self._linkless = Resets(root), Resets(root), Resets(root)
        self.links = Links(named)
        self._linkless_since: float | None = None
        self._failures = self._silences = 0
        self._since = self._latest = self._failed_at = 0.0
        self._others_were_heard = False
        self.is_suspected = False
        """Whether nobody was heard since something failed."""
        self.resets = 0

    @property
    def silence_seconds(self) -> float:
        """How long nobody may be heard before that is taken for a fault."""
        if not self.is_suspected:
            return _QUIET_SECONDS if self._others_were_heard else SILENCE_SECONDS
        doubled = max(self._silences - _SILENCES, 0)
        return min(SILENCE_SECONDS * 2.0 ** min(doubled, 10), _SILENCE_SECONDS_MAX)

    def heard(self) -> None:
        """Note that somebody was heard: this silence is over, not what else may be wrong.

        Nor are the pauses forgotten: else a stranger who passes now and then would have the adapter
        reset all day.
        """
        self._others_were_heard |= self.is_suspected
        self.is_suspected = False
        if self._silences:
            self._failures = self._silences = 0

    def worked(self, address: str, now: float) -> None:
        """Note that a session was held: all is good."""
        self.links.held(address, now)
        self._failures = self._silences = 0
        self._linkless_since = None
        for resets in (self._failing, self._silent, self._linkless):
            resets.forget()

    def was_silent(self, now: float) -> Step:
        """Nobody was heard for as long as may be: what to do."""
        self._silences += 1
        return self._suspect(now, self._silent, is_open=True)

    def failed(self, now: float, *, is_open: bool = True) -> Step:
        """The radio does not work: what to do. One that cannot even be opened has no power to cut.

        bluetoothd that comes back brings its adapter up by itself, and is not disturbed in that.
        """
        if now - self._failed_at > _OVER_SECONDS:
            self._failing.forget()
        self._failed_at = now
        return self._suspect(now, self._failing, is_open=is_open)

    def link_failed(self, address: str, now: float) -> Step | None:
        """No link came up to a device, or it was lost: what to do with the radio, if anything."""
        self.links.failed(address, now)
        if not self.links.fail(now):
            return None
        if self._linkless_since is None:
            self._linkless_since = now
            return Step.ANEW
        return self._asked(self._linkless.next(now, self._linkless_since, is_open=True))

    def power_cycled(self) -> None:
        """Note that the adapter is powered off and on, as it was chosen."""
        self.resets += 1

    def _suspect(self, now: float, resets: Resets, *, is_open: bool) -> Step:
        if not self.is_suspected and now - self._latest > _OVER_SECONDS:
            self._failures = 0
        self.is_suspected = True
        self._failures += 1
        self._latest = now
        if self._failures == 1:
            self._since = now
            return Step.ANEW
        return self._asked(resets.next(now, self._since, is_open=is_open)) or Step.ANEW

    def _asked(self, step: Step | None) -> Step | None:
        self.resets += step is Step.ASK
        return step
