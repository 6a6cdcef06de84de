"""A session of a real device as a file: what it advertised, has and said, for tests to replay.

One TOML file a session, in ``tests/recordings/<profile>/<date>.toml``. It holds no address, and no
time but how long after the connection something came. The values are a person's: look at them
before the file leaves the house.
"""

from typing import Final

import msgspec
from msgspec import Struct

_HEAD: Final = "# Recorded by vicino-gateway sniff. The values are a person's.\n"


class Delivery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One notification or indication: bytes in hex, ms after the connection."""

    after_ms: int
    characteristic: str
    hex: str


class Characteristic(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A characteristic and what can be done with it, in the words of bleak."""

    uuid: str
    properties: list[str]


class Recording(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One session. ``service_data`` is what it broadcasts, by service."""

    local_name: str | None
    service_uuids: list[str]
    service_data: dict[str, str]
    characteristic: list[Characteristic]
    delivery: list[Delivery]


def read(text: str) -> Recording:
    """Read a recording. Raises ``msgspec.MsgspecError``."""
    return msgspec.convert({"local_name": None} | msgspec.toml.decode(text), Recording)


def written(recording: Recording) -> str:
    """Write it as TOML."""
    lines = [f"local_name = {_text(recording.local_name)}"] if recording.local_name else []
    lines += [f"service_uuids = {_text(recording.service_uuids)}", "", "[service_data]"]
    lines += [f"{_text(uuid)} = {_text(raw)}" for uuid, raw in recording.service_data.items()]
    for table in ("characteristic", "delivery"):
        tables = [] if getattr(recording, table) else [f"{table} = []"]
        lines = tables + lines  # an empty list is a key, and keys go before tables
        for one in getattr(recording, table):
            keys = msgspec.structs.asdict(one).items()
            lines += ["", f"[[{table}]]", *(f"{key} = {_text(value)}" for key, value in keys)]
    return _HEAD + "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """Write a string, a number or a list of strings: what JSON and TOML write alike."""
    return msgspec.json.encode(value).decode()
