"""The server's settings: one TOML file, and ``VICINO_…`` variables that override its keys.

Everything is checked before any connection is opened. A key of the table ``influx`` is overridden
as ``VICINO_INFLUX_URL``; variables that name no key are ignored (the gateway has its own).
Relative paths start at the folder of the file, those of a variable at the working directory.
"""

import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from server.errors import SettingsError

Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
_PREFIX: Final = "VICINO_"
_PATHS: Final = ("data_dir", "tls_certificate", "tls_key")
_DATABASES: Final = ("sqlite:///", "postgresql+psycopg://")
EMBEDDED: Final = "embedded"


class Influx(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the time-series replica goes; without this table there is none."""

    url: Text
    token: Text
    org: Text
    bucket: Text

    def __repr__(self) -> str:
        """Leave the token out of logs and tracebacks."""
        return f"Influx(url={self.url!r}, org={self.org!r}, bucket={self.bucket!r})"


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Checked settings. Empty texts of the file's optional keys are filled in on reading.

    ``broker_host`` and ``broker_port`` are where the embedded broker listens for gateways,
    ``broker_name`` is the host name that gateways are told and its certificate carries.
    """

    data_dir: Path
    database: str = ""
    broker: str = EMBEDDED
    broker_host: Text = "127.0.0.1"
    broker_port: Port = 8883
    broker_name: str = ""
    http_host: Text = "127.0.0.1"
    http_port: Port = 8080
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: Text | None = None
    influx: Influx | None = None

    def __post_init__(self) -> None:
        """Fill in what follows from other keys and refuse what cannot be used together."""
        if not self.database:
            force_setattr(self, "database", f"sqlite:///{self.data_dir / 'vicino.db'}")
        if not self.broker_name:
            force_setattr(self, "broker_name", self.broker_host)
        _check_addresses(self)
        _check_page_listener(self)

    def __repr__(self) -> str:
        """Leave passwords out: a database address may carry one."""
        return f"Settings(data_dir={str(self.data_dir)!r})"

    @property
    def embedded_broker(self) -> bool:
        """Whether this server starts and supervises the broker itself."""
        return self.broker == EMBEDDED

    @property
    def gateway_broker(self) -> str:
        """The address that gateways connect to, as ``mqtts://host:port``."""
        if self.embedded_broker:
            return f"mqtts://{_bracketed(self.broker_name)}:{self.broker_port}"
        return self.broker

    @property
    def broker_address(self) -> tuple[str, int]:
        """Host and port that intake connects to."""
        if self.embedded_broker:
            wildcard = _wildcard(self.broker_host)
            return ("127.0.0.1" if wildcard else self.broker_host, self.broker_port)
        parts = urlsplit(self.broker)
        return (parts.hostname or "", parts.port or 8883)

    @property
    def page_url(self) -> str:
        """The address people open, without a slash at its end."""
        scheme = "https" if self.tls_certificate else "http"
        own = f"{scheme}://{_bracketed(self.http_host)}:{self.http_port}"
        return (self.public_url or own).rstrip("/")

    @property
    def keys_dir(self) -> Path:
        """The local authority, and the certificates of broker and intake."""
        return self.data_dir / "keys"

    @property
    def broker_dir(self) -> Path:
        """The embedded broker's configuration, access list, log and store."""
        return self.data_dir / "broker"

    @property
    def snapshot_dir(self) -> Path:
        """The engine's snapshots."""
        return self.data_dir / "snapshots"


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read and check the settings. Raises ``SettingsError`` naming file, key and reason."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    for key in _PATHS:
        if isinstance(document.get(key), str) and document[key]:
            document[key] = str(path.parent.absolute() / Path(document[key]).expanduser())
    _override(document, environment)
    try:
        return msgspec.convert(document, Settings, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    _override_table(document, Settings, _PREFIX, environment)
    table = document.get("influx", {})
    if isinstance(table, dict):
        _override_table(table, Influx, f"{_PREFIX}INFLUX_", environment)
        if table:
            document["influx"] = table


def _override_table(
    table: dict[str, Any], kind: type[Struct], prefix: str, environment: Mapping[str, str]
) -> None:
    hints = get_type_hints(kind)
    for key in kind.__struct_fields__:
        text = environment.get(prefix + key.upper())
        if text is None or key == "influx":
            continue
        if hints[key] is int:
            try:
                table[key] = int(text)
            except ValueError as error:
                raise SettingsError(f"{prefix}{key.upper()}: not a number") from error
        else:
            table[key] = str(Path(text).expanduser().absolute()) if key in _PATHS else text


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError(f"expected a path, got {value!r}")


def _check_addresses(settings: Settings) -> None:
    if not settings.database.startswith(_DATABASES):
        raise ValueError(f"database: must start with {' or '.join(_DATABASES)}")
    if not settings.embedded_broker:
        _check_url("broker", settings.broker, ("mqtts",))
    elif _wildcard(settings.broker_name):
        raise ValueError("broker_name: needed when broker_host is every address")
    if settings.public_url:
        _check_url("public_url", settings.public_url, ("https", "http"))
    if settings.influx:
        _check_url("influx.url", settings.influx.url, ("https", "http"))


def _check_page_listener(settings: Settings) -> None:
    pair = (settings.tls_certificate, settings.tls_key)
    if (pair[0] is None) != (pair[1] is None):
        raise ValueError("tls_certificate, tls_key: one needs the other")
    for key, file in zip(("tls_certificate", "tls_key"), pair, strict=True):
        if file is not None and not file.is_file():
            raise ValueError(f"{key}: there is no file {file}")
    if pair[0] is None and not _loopback(settings.http_host):
        raise ValueError(
            "http_host: plain HTTP is served on this machine only; "
            "any other address needs tls_certificate and tls_key"
        )


def _check_url(key: str, text: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(text)
        good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"{key}: expected {' or '.join(schemes)}://host, got {text!r}")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
