"""What is tried next with a radio that does not work, or hears nobody: the mildest first.

A scan anew, open to everybody: with the filter of our services a quiet home and a stuck adapter
look alike. Then the adapter off and on, by BlueZ. Then the root unit beside the gateway, which
resets the hardware and restarts bluetoothd; it is asked by a file in our runtime folder. A home may
truly be silent: what does not help is tried ever more seldom.
"""

import logging
from enum import Enum
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
REQUEST: Final = "reset-radio"
# bluetoothd that is restarted, or an adapter that its driver brings up late, is back by then.
_ASK_AFTER_SECONDS: Final = 120.0
_OVER_SECONDS: Final = 600.0  # what failed so long ago has nothing to do with what fails now
_CYCLE_AGAIN_SECONDS: Final = 600.0
_ASK_AGAIN_SECONDS: Final = 1800.0
_AGAIN_SECONDS_MAX: Final = 6 * 3600.0
# habluetooth's limit. Once others were heard, our own devices may be quiet for longer.
SILENCE_SECONDS: Final = 90.0
_QUIET_SECONDS: Final = 300.0
_SILENCE_SECONDS_MAX: Final = 3600.0
_SILENCES: Final = 3  # one for each step


class Step(Enum):
    """What is done before the radio is used again."""

    ANEW = "is opened anew"
    POWER_CYCLE = "its adapter is powered off and on"
    ASK = "the root unit is asked to reset it"


class Recovery:
    """Chooses the step. ``now`` is monotonic, in seconds."""

    def __init__(self, runtime_dir: Path | None = None) -> None:
        """Without a folder there is no root unit to ask."""
        self._request = None if runtime_dir is None else runtime_dir / REQUEST
        self._failures = self._silences = 0
        self._since = self._latest = 0.0
        self._others_were_heard = False
        self._begin_again()
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
        """Note that somebody was heard: a silence is over, not what else may be wrong."""
        self._others_were_heard |= self.is_suspected
        self.is_suspected = False
        if self._silences:
            self._begin_again()

    def worked(self) -> None:
        """Note that a session was held."""
        self._begin_again()

    def was_silent(self, now: float) -> Step:
        """Nobody was heard for as long as may be: what to do."""
        self._silences += 1
        return self.failed(now)

    def failed(self, now: float, *, is_open: bool = True) -> Step:
        """The radio does not work: what to do. One that cannot even be opened has no power to cut.

        bluetoothd that comes back brings its adapter up by itself, and is not disturbed in that.
        """
        if not self.is_suspected and now - self._latest > _OVER_SECONDS:
            self._begin_again()
        self.is_suspected = True
        self._failures += 1
        self._latest = now
        if self._failures == 1:
            self._since = now
            return Step.ANEW
        return self._stronger(now, is_open=is_open)

    def _stronger(self, now: float, *, is_open: bool) -> Step:
        may_ask = self._request is not None and now - self._since >= _ASK_AFTER_SECONDS
        if may_ask and self._asking.is_due(now):
            self._ask()
            self.resets += 1
            return Step.ASK
        if is_open and self._cycling.is_due(now):
            self.resets += 1
            return Step.POWER_CYCLE
        return Step.ANEW

    def _begin_again(self) -> None:
        self._failures = self._silences = 0
        self._cycling, self._asking = _Seldom(_CYCLE_AGAIN_SECONDS), _Seldom(_ASK_AGAIN_SECONDS)

    def _ask(self) -> None:
        """Ask the root unit: its path unit sees the request being written."""
        if self._request is None:
            return
        try:
            self._request.write_bytes(b"")
        except OSError as error:
            _log.warning("the radio's reset cannot be asked for: %s", error)


class _Seldom:
    """Lets something be done, and again only after a time that doubles."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._not_before: float | None = None

    def is_due(self, now: float) -> bool:
        """Tell whether it may be done now, and take it as done."""
        if self._not_before is not None and now < self._not_before:
            return False
        self._not_before = now + self._seconds
        self._seconds = min(self._seconds * 2, _AGAIN_SECONDS_MAX)
        return True
