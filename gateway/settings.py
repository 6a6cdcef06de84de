"""The gateway's settings: one TOML file, each key overridden by ``VICINO_GATEWAY_<KEY>``.

Checked whole before anything is opened. A broker that is down, or a radio that is missing, is no
settings error.
"""

import os
import re
import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from contract.messages import Address, GatewayId
from contract.profiles import profiles
from contract.tls import ClosingSocket
from gateway.errors import SettingsError

_ENVIRONMENT: Final = "VICINO_GATEWAY_"
_PAGE: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}:\d{1,5}")
# Plain HTTP stays on this machine.
SERVER: Final = r"(https://|http://(127\.0\.0\.1|localhost)(?![^/:]))[^\s/]+/?"
_BROKER: Final = re.compile(r"mqtts://(?P<host>[^:/\s]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All there is to set.

    ``radio`` is ``bluez`` or ``hci:`` and a Bumble transport (``hci:usb:0``: docs/radio.md).
    ``devices`` are the addresses that are read; empty means every device that a profile recognises.
    ``models`` names the profile of a device by its address, for models that do not tell themselves
    by what they advertise. ``zone`` is the home's (``Europe/Rome``): without it no device's clock
    is set. ``clock`` says who knows whether the wall clock is right: the ``kernel`` (a time service
    disciplines it), or the ``host`` of a virtual machine or container, which keeps it without the
    kernel's knowing.
    ``server`` is where the certificate is renewed, as ``https://vicino.example``; without it a
    person renews it.
    ``prompt_command`` is the absolute path of a program that asks the home to measure again, by
    lamp, sound or speech (see ``prompt``); without it the server never waits for a repeat from
    this home.
    ``lamp_command`` is one that shows how things are (see ``home.lamp``). ``page`` is where the
    home's page is served, as ``127.0.0.1:8080`` or, within the home's network, ``0.0.0.0:8080``.
    """

    gateway: GatewayId
    broker: Annotated[str, Meta(pattern=f"^{_BROKER.pattern}$")]
    ca_file: Path
    certificate_file: Path
    key_file: Path
    state_dir: Path
    radio: Annotated[str, Meta(pattern=r"^(bluez|hci:.+)$")] = "bluez"
    heartbeat_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
    receipt_seconds: Annotated[int, Meta(ge=1, le=3600)] = 30
    server: Annotated[str, Meta(pattern=f"^{SERVER}$")] | None = None
    devices: list[Address] = []
    models: dict[Address, str] = {}
    zone: str | None = None
    clock: Literal["kernel", "host"] = "kernel"
    prompt_command: Path | None = None
    lamp_command: Path | None = None
    page: Annotated[str, Meta(pattern=f"^{_PAGE.pattern}$")] | None = None

    @property
    def page_address(self) -> tuple[str, int] | None:
        """Return where the home's page is served, if it is."""
        if self.page is None:
            return None
        host, _, port = self.page.rpartition(":")
        return host, int(port)

    @property
    def broker_address(self) -> tuple[str, int]:
        """Return host and port of the broker."""
        match = _BROKER.fullmatch(self.broker)
        assert match is not None  # noqa: S101 - the type's pattern is the same
        return match["host"].strip("[]"), int(match["port"])


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the settings. Raises ``SettingsError`` with file, key and reason."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    found |= _overrides(environment)
    try:
        settings = msgspec.convert(found, Settings, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    settings = _absolute(settings, path.resolve().parent)
    _check_port(path, settings)
    check_home(str(path), settings)
    for key in ("prompt_command", "lamp_command"):
        _check_program(path, key, getattr(settings, key))
    tls_context(settings)
    return settings


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Make the TLS context of the gateway's certificate. Raises ``SettingsError`` by key."""
    for key in ("ca_file", "certificate_file", "key_file"):
        try:
            getattr(settings, key).read_bytes()
        except OSError as error:
            raise SettingsError(f"{key}: {getattr(settings, key)}: {error.strerror}") from error
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except ssl.SSLError as error:
        raise SettingsError(f"ca_file: {settings.ca_file}: no certificate in it") from error
    context.sslsocket_class = ClosingSocket
    try:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    except ssl.SSLError as error:
        raise SettingsError(f"key_file: is not the key of certificate_file: {error}") from error
    return context


def _overrides(environment: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, text in environment.items():
        if not name.startswith(_ENVIRONMENT):
            continue
        key = name.removeprefix(_ENVIRONMENT).lower()
        if key in ("heartbeat_seconds", "receipt_seconds") and text.isdecimal():
            found[key] = int(text)
        elif key == "devices":
            found[key] = [part.strip() for part in text.split(",") if part.strip()]
        else:
            found[key] = text
    return found


def _path(kind: type, value: object) -> Path:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"expected a path, got {value!r}")


def _absolute(settings: Settings, directory: Path) -> Settings:
    """Let relative paths start at the settings file."""
    keys = ("ca_file", "certificate_file", "key_file", "state_dir")
    return msgspec.structs.replace(settings, **{k: directory / getattr(settings, k) for k in keys})


def _check_program(path: Path, key: str, program: Path | None) -> None:
    if program is None:
        return
    if not program.is_absolute():
        raise SettingsError(f"{path}: not an absolute path - at `$.{key}`")
    if not program.is_file() or not os.access(program, os.X_OK):
        raise SettingsError(f"{path}: no program that can be run - at `$.{key}`")


def check_home(where: str, settings: Settings) -> None:
    """Check what the home's devices need. Raises ``SettingsError`` with ``where``, key, reason."""
    _check_models(where, settings)
    _check_zone(where, settings)


def _check_zone(path: str, settings: Settings) -> None:
    try:
        home_zone(settings)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(f"{path}: there is no zone {settings.zone!r} - at `$.zone`") from error


def home_zone(settings: Settings) -> ZoneInfo | None:
    """Return the home's zone, in which its devices keep their time; None where it was not told."""
    return None if settings.zone is None else ZoneInfo(settings.zone)


def _check_models(path: str, settings: Settings) -> None:
    for address, name in settings.models.items():
        if name not in profiles():
            raise SettingsError(f"{path}: there is no profile {name!r} - at `$.models.{address}`")


def _check_port(path: Path, settings: Settings) -> None:
    if not 1 <= settings.broker_address[1] <= 65535:
        raise SettingsError(f"{path}: no such port - at `$.broker`")
