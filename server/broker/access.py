"""Who may speak to the embedded broker: the list, and how a change of it reaches a running broker.

``access.txt`` in the broker's folder is the record, one ``GATEWAY active`` or ``GATEWAY revoked`` a
line; the configuration is rendered from it. A revoked id stays listed and is never given again:
its old certificate would be good again. Any process may change the list (one at a time, by a lock
file); the broker is told by SIGHUP and has taken the change when its log says so.
"""

import fcntl
import os
import re
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGHUP
from typing import Final

from contract.topics import GATEWAY_ID
from server.authority import INTAKE
from server.broker import log_lines, nats
from server.errors import BrokerUnavailable, NotFound, NotPermitted, SettingsError
from server.settings import Settings

_RELOAD_SECONDS_MAX: Final = 15
_POLL_SECONDS: Final = 0.02
_ACTIVE: Final = "active"
_REVOKED: Final = "revoked"


def admit(settings: Settings, gateways: Sequence[str]) -> None:
    """Give these gateways access, all in one reload; one that has it already keeps it.

    Raises ``NotPermitted`` for an id that is malformed, reserved or revoked (then none is
    admitted), ``BrokerUnavailable`` when the running broker did not take the change.
    """
    with _locked(settings.broker_dir):
        entries = _read(settings.broker_dir)
        for gateway in gateways:
            check_id(gateway)
            if entries.get(gateway) == _REVOKED:
                raise NotPermitted(f"gateway {gateway}: was revoked; its id is never given again")
        _install(settings, {**entries, **dict.fromkeys(gateways, _ACTIVE)})


def revoke(settings: Settings, gateway: str) -> None:
    """Take a gateway's access for good; if it is connected, the broker disconnects it at once.

    Raises ``NotFound`` when it never had access, ``BrokerUnavailable`` as ``admit``.
    """
    with _locked(settings.broker_dir):
        entries = _read(settings.broker_dir)
        if gateway not in entries:
            raise NotFound(f"gateway {gateway}: has no access to the broker")
        _install(settings, {**entries, gateway: _REVOKED})


def keep_out(settings: Settings, gateways: Collection[str]) -> None:
    """Take the access of those that have it still: a server may die between its database and its
    broker. For a broker about to start."""
    with _locked(settings.broker_dir):
        entries = _read(settings.broker_dir)
        left = [one for one in gateways if entries.get(one) == _ACTIVE]
        if left:
            _install(settings, {**entries, **dict.fromkeys(left, _REVOKED)})


class BrokerAccess:
    """See ``ports.fleet.Access``: the list of the broker that this server runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def admit(self, gateway: str) -> None:
        """Give a gateway access; a broker of others has its own list."""
        if self._settings.embedded_broker:
            admit(self._settings, [gateway])

    def revoke(self, gateway: str) -> None:
        """Take a gateway's access; one that never had any, or a broker of others, has no list."""
        if not self._settings.embedded_broker:
            return
        try:
            revoke(self._settings, gateway)
        except NotFound:
            return


def renew(settings: Settings) -> None:
    """Write the configuration anew from list and settings, for a broker about to start."""
    with _locked(settings.broker_dir):
        text = _render(settings, _read(settings.broker_dir))
        replace_checked(configuration(settings), text)


def configuration(settings: Settings) -> Path:
    """Name the file the broker runs on."""
    return settings.broker_dir / "nats.conf"


def check_id(gateway: str) -> None:
    """Raise ``NotPermitted`` for an id that no gateway may have."""
    if not re.fullmatch(GATEWAY_ID, gateway):
        raise NotPermitted(f"gateway {gateway!r}: an id is 1 to 63 of a-z, 0-9 and -")
    if gateway == INTAKE:
        raise NotPermitted(f"gateway {gateway}: this name is the server's own")


def replace_checked(path: Path, text: str) -> str:
    """Let nats-server check a configuration, then put it in place in one step.

    Returns the digest by which its log will name this configuration. Raises ``SettingsError``
    with its reason; the file in place is then untouched.
    """
    candidate = path.with_suffix(".new")
    _write(candidate, text)
    command = [nats.executable(), "-t", "-c", str(candidate)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if checked.returncode != 0:
        candidate.unlink()
        raise SettingsError(f"{path}: refused by nats-server: {checked.stderr.strip()}")
    candidate.replace(path)
    return checked.stderr.rpartition("(")[2].partition(")")[0]


def running(settings: Settings) -> int | None:
    """Return the process id of the broker that runs on this configuration, if one does."""
    try:
        pid = int((settings.broker_dir / "nats.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(configuration(settings)) in command else None


def _install(settings: Settings, entries: Mapping[str, str]) -> None:
    text = _render(settings, entries)
    digest = replace_checked(configuration(settings), text)
    listed = "".join(f"{gateway} {state}\n" for gateway, state in sorted(entries.items()))
    _write(settings.broker_dir / "access.new", listed)
    (settings.broker_dir / "access.new").replace(settings.broker_dir / "access.txt")
    if (pid := running(settings)) is not None:
        _reload(settings.broker_dir / "nats.log", pid, digest)


def _reload(log: Path, pid: int, digest: str) -> None:
    """Have the running broker read its file again and wait until its log names this digest."""
    seen = _size(log)
    os.kill(pid, SIGHUP)
    deadline = time.monotonic() + _RELOAD_SECONDS_MAX
    while time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        for line in _lines_since(log, seen):
            if log_lines.RELOADED in line and digest in line:
                return
            if log_lines.NOT_RELOADED in line:
                reason = log_lines.text_of(line)
                raise BrokerUnavailable(f"{reason}; the change is in force at its next start")
    raise BrokerUnavailable("the broker did not say that it took its new configuration")


def _render(settings: Settings, entries: Mapping[str, str]) -> str:
    gateways = sorted(gateway for gateway, state in entries.items() if state == _ACTIVE)
    place = (settings.broker_dir, settings.keys_dir)
    return nats.render(*place, settings.broker_host, settings.broker_port, gateways)


def _read(broker_dir: Path) -> dict[str, str]:
    try:
        lines = (broker_dir / "access.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    entries = dict(line.split(" ", 1) for line in lines)
    if not set(entries.values()) <= {_ACTIVE, _REVOKED}:
        raise SettingsError(f"{broker_dir}/access.txt: each line is an id and active or revoked")
    return entries


@contextmanager
def _locked(broker_dir: Path) -> Iterator[None]:
    broker_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (broker_dir / "access.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _lines_since(log: Path, offset: int) -> list[str]:
    """Read what the log gained; all of it when it was begun anew meanwhile."""
    with log.open("rb") as file:
        file.seek(offset if _size(log) >= offset else 0)
        return file.read().decode(errors="replace").splitlines()
