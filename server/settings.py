"""The server's settings: one TOML file, and ``VICINO_…`` variables that override its keys.

Everything is checked before any connection is opened. A key of the tables ``influx`` and ``smtp``
is overridden as ``VICINO_INFLUX_URL``, a list is separated by commas; variables that name no key
are ignored (the gateway has its own).
Relative paths start at the folder of the file, those of a variable at the working directory.
"""

import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from server.errors import SettingsError

Port = Annotated[int, Meta(ge=1, le=65535)]
Text = Annotated[str, Meta(min_length=1)]
_PREFIX: Final = "VICINO_"
_DATABASES: Final = ("sqlite:///", "postgresql+psycopg://")
EMBEDDED: Final = "embedded"
# One plain address: no name before it, no list, nothing that could end a header's line.
EMAIL: Final = r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*"


class Influx(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the time-series replica goes; without this table there is none."""

    url: Text
    token: Text
    org: Text
    bucket: Text

    def __repr__(self) -> str:
        """Leave the token out of logs and tracebacks."""
        return f"Influx(url={self.url!r}, org={self.org!r}, bucket={self.bucket!r})"


class Smtp(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The server that takes e-mail to staff; without this table nobody has e-mail.

    ``password_file`` holds the password of ``user`` and nothing else.
    """

    host: Text
    sender: Text
    port: Port = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_file: Path | None = None

    def password(self) -> str | None:
        """Read the password, anew each time: it may have been changed."""
        if self.password_file is None:
            return None
        return self.password_file.read_text(encoding="utf-8").strip()


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Checked settings. Empty texts of the file's optional keys are filled in on reading.

    ``broker_host`` and ``broker_port`` are where the embedded broker listens for gateways,
    ``broker_name`` is the host name that gateways are told and its certificate carries.
    ``apprise_schemas`` are the services beside e-mail by which staff may be reached, as Apprise's
    addresses begin (``ntfys``): none unless named, for messages leave the premises by them.
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
    smtp: Smtp | None = None
    apprise_schemas: list[Text] = []

    def __post_init__(self) -> None:
        """Fill in what follows from other keys and refuse what cannot be used together."""
        if not self.database:
            force_setattr(self, "database", f"sqlite:///{self.data_dir / 'vicino.db'}")
        if not self.broker_name:
            force_setattr(self, "broker_name", self.broker_host)
        _check_addresses(self)
        _check_page_listener(self)
        if self.smtp is not None:
            _check_smtp(self.smtp)

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


_TABLES: Final[dict[str, type[Struct]]] = {"influx": Influx, "smtp": Smtp}
_PATHS: Final = (Path, Path | None)


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read and check the settings. Raises ``SettingsError`` naming file, key and reason."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    _from_folder(document, Settings, path.parent)
    for name, kind in _TABLES.items():
        _from_folder(document.get(name), kind, path.parent)
    _override(document, environment)
    try:
        return msgspec.convert(document, Settings, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error


def _from_folder(table: object, kind: type[Struct], folder: Path) -> None:
    """Let a table's relative paths start at a folder."""
    if not isinstance(table, dict):
        return
    for key, hint in get_type_hints(kind).items():
        if hint in _PATHS and isinstance(table.get(key), str) and table[key]:
            table[key] = str(folder.absolute() / Path(table[key]).expanduser())


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    _override_table(document, Settings, _PREFIX, environment)
    for name, kind in _TABLES.items():
        table = document.get(name, {})
        if isinstance(table, dict):
            _override_table(table, kind, f"{_PREFIX}{name.upper()}_", environment)
            if table:
                document[name] = table


def _override_table(
    table: dict[str, Any], kind: type[Struct], prefix: str, environment: Mapping[str, str]
) -> None:
    hints = get_type_hints(kind)
    for key in kind.__struct_fields__:
        text = environment.get(prefix + key.upper())
        if text is None or key in _TABLES:
            continue
        if hints[key] is int:
            try:
                table[key] = int(text)
            except ValueError as error:
                raise SettingsError(f"{prefix}{key.upper()}: not a number") from error
        elif hints[key] in _PATHS:
            table[key] = str(Path(text).expanduser().absolute())
        else:
            table[key] = text.split(",") if get_origin(hints[key]) is list else text


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


def _check_smtp(smtp: Smtp) -> None:
    if not re.fullmatch(EMAIL, smtp.sender):
        raise ValueError(f"smtp.sender: expected an e-mail address, got {smtp.sender!r}")
    if (smtp.user is None) != (smtp.password_file is None):
        raise ValueError("smtp.user, smtp.password_file: one needs the other")
    if smtp.password_file is not None and not smtp.password_file.is_file():
        raise ValueError(f"smtp.password_file: there is no file {smtp.password_file}")
    if smtp.user is not None and smtp.tls == "none":
        raise ValueError("smtp.tls: a password is not sent in the clear")


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
