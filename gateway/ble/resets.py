"""Resets of the radio: by BlueZ, or by the root unit beside the gateway; how seldom, how often.

The root unit resets the hardware and restarts bluetoothd; it is asked by a file in our runtime
folder.
"""

import logging
from enum import Enum
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
REQUEST: Final = "reset-radio"
# bluetoothd that is restarted, or an adapter that its driver brings up late, is back by then.
_ASK_AFTER_SECONDS: Final = 120.0
_CYCLE_AGAIN_SECONDS: Final = 600.0
_ASK_AGAIN_SECONDS: Final = 1800.0
_AGAIN_SECONDS_MAX: Final = 6 * 3600.0


class Step(Enum):
    """What is done before the radio is used again."""

    ANEW = "is opened anew"
    POWER_CYCLE = "its adapter is powered off and on"
    ASK = "the root unit is asked to reset it"


class RootUnit:
    """The unit that resets the hardware; without a folder there is none."""

    def __init__(self, runtime_dir: Path | None) -> None:
        self._request = None if runtime_dir is None else runtime_dir / REQUEST
        self._hears = True

    def ask(self) -> bool:
        """Ask it: its path unit sees the request being written. Tell whether it was."""
        if self._request is None:
            return False
        try:
            self._request.write_bytes(b"")
        except OSError as error:
            if self._hears:
                _log.warning("the radio's reset cannot be asked for: %s", error)
            self._hears = False
            return False
        if not self._hears:
            _log.info("the radio's reset can be asked for again")
        self._hears = True
        return True


class Resets:
    """Chooses the next reset of one matter: the milder first, each ever more seldom."""

    def __init__(self, root: RootUnit) -> None:
        self._root = root
        self.forget()

    def forget(self) -> None:
        """Begin with short pauses again: what was wrong is good."""
        self._cycling, self._asking = _Seldom(_CYCLE_AGAIN_SECONDS), _Seldom(_ASK_AGAIN_SECONDS)

    def next(self, now: float, since: float, *, is_open: bool) -> Step | None:
        """Choose for what is wrong ``since`` then; None: nothing is due. Asking is done by this."""
        milder_was_tried = self._cycling.was_ever_done or not is_open
        late = now - since >= _ASK_AFTER_SECONDS
        if late and milder_was_tried and self._asking.is_due(now) and self._root.ask():
            self._asking.was_done(now)
            return Step.ASK
        if is_open and self._cycling.is_due(now):
            self._cycling.was_done(now)
            return Step.POWER_CYCLE
        return None


class _Seldom:
    """Lets something be done, and again only after a time that doubles."""

    def __init__(self, seconds: float) -> None:
        self._least = self._seconds = seconds
        self._not_before: float | None = None

    @property
    def was_ever_done(self) -> bool:
        return self._not_before is not None

    def is_due(self, now: float) -> bool:
        return self._not_before is None or now >= self._not_before

    def was_done(self, now: float) -> None:
        """Wait from now on; what nobody wanted for hours begins with the shortest time."""
        if self._not_before is not None and now - self._not_before > _AGAIN_SECONDS_MAX:
            self._seconds = self._least
        self._not_before = now + self._seconds
        self._seconds = min(self._seconds * 2, _AGAIN_SECONDS_MAX)
