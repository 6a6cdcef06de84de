"""The settings that the server gives: checked whole, tried, kept over restarts, taken back.

A new version is on trial until the server is reached with it. Where that takes too long, or the
process does not stay up, the one before comes back: nobody visits the box to mend it.
"""

import logging
from typing import Final

import msgspec
from msgspec import Struct

from contract.messages import Configuration
from gateway.errors import SettingsError
from gateway.files import write_whole
from gateway.settings import Settings, check_home

_log = logging.getLogger(__name__)
TRIAL_SECONDS: Final = 600.0
# A box may be switched off and on meanwhile; more than that is a process that does not stay up.
STARTS_MAX: Final = 5
_REASON_CHARACTERS_MAX: Final = 200
_GIVEN: Final = ("heartbeat_seconds", "devices", "models", "zone")


class Kept(Struct, frozen=True, kw_only=True):
    """What is on disk. ``starts``: of processes that began the trial."""

    in_force: Configuration | None = None
    trial: Configuration | None = None
    starts: int = 0
    refused: int = 0
    because: str | None = None

    @property
    def newest(self) -> int:
        """Return the newest version that was ever taken or refused."""
        known = (one.version for one in (self.in_force, self.trial) if one is not None)
        return max((*known, self.refused))


class Given:
    """The server's settings over the box's ``own``."""

    def __init__(self, own: Settings) -> None:
        self._own, self._path = own, own.state_dir / "configuration.json"
        self.kept = self._read()
        self.is_on_trial = False

    def begin(self) -> Settings:
        """Return the settings to run with. A trial that began too often is over."""
        try:
            on_trial = self._try()
        except OSError as error:  # a trial that cannot be counted might never end
            _log.error("the server's new settings wait: %s", error)
            on_trial = None
        self.is_on_trial = on_trial is not None
        return on_trial or self._in_force()

    def _try(self) -> Settings | None:
        if (trial := self.kept.trial) is None:
            return None
        if self.kept.starts >= STARTS_MAX:
            self._refuse(trial.version, "the gateway did not stay up with it")
            return None
        try:
            settings = fitted(self._own, trial)
        except SettingsError as error:
            self._refuse(trial.version, str(error))
            return None
        self._keep(msgspec.structs.replace(self.kept, starts=self.kept.starts + 1))
        _log.info("configuration %d is on trial", trial.version)
        return settings

    def _in_force(self) -> Settings:
        if self.kept.in_force is None:
            return self._own
        try:
            return fitted(self._own, self.kept.in_force)
        except SettingsError as error:  # the box's own settings or profiles are others now
            _log.error("%s; the box's own settings hold", error)
            return self._own

    def offer(self, configuration: Configuration) -> bool:
        """Take a new version on trial, or refuse it; tell whether to begin anew with it.

        Raises ``OSError`` where it cannot be kept: nothing has changed then.
        """
        if configuration.version <= self.kept.newest:
            return False
        try:
            fitted(self._own, configuration)
        except SettingsError as error:
            self._refuse(configuration.version, str(error))
            return False
        self._keep(msgspec.structs.replace(self.kept, trial=configuration, starts=0))
        return True

    def look(self, *, is_reached: bool, seconds: float) -> bool:
        """Decide on the trial, ``seconds`` after this process began; tell whether to begin anew
        without it. Raises ``OSError`` where that cannot be kept."""
        trial = self.kept.trial if self.is_on_trial else None
        if trial is None:
            return False
        if is_reached:
            self._keep(msgspec.structs.replace(self.kept, in_force=trial, trial=None))
            self.is_on_trial = False
            _log.info("configuration %d is in force", trial.version)
            return False
        if seconds < TRIAL_SECONDS:
            return False
        self._refuse(trial.version, "the server was not reached with it for ten minutes")
        return True

    def _refuse(self, version: int, because: str) -> None:
        _log.error("configuration %d is refused: %s", version, because)
        said = because[:_REASON_CHARACTERS_MAX]
        kept = msgspec.structs.replace(self.kept, trial=None, refused=version, because=said)
        self._keep(kept)

    def _keep(self, kept: Kept) -> None:
        write_whole(self._path, msgspec.json.encode(kept), 0o600)
        self.kept = kept

    def _read(self) -> Kept:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.error("%s: %s; the box's own settings hold", self._path, error)
            return Kept()


def fitted(own: Settings, given: Configuration) -> Settings:
    """Return the box's settings with what the server gives in their place. Raises
    ``SettingsError``: all of it is taken, or nothing."""
    changes = {key: value for key in _GIVEN if (value := getattr(given, key)) is not None}
    settings = msgspec.structs.replace(own, **changes)
    check_home(f"configuration {given.version}", settings)
    return settings
