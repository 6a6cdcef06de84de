"""A box that was enrolled and has measured: settings, key and outbox in a tree's own places."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from contract.messages import Measurement, Quantity
from gateway.heartbeat import Status, write_status
from gateway.outbox import Outbox
from server.authority import issue_gateway, make_authority
from tests.deb.tree import ROOT
from tests.gateway.measurements import make

STATE: Final = "var/lib/private/vicino-gateway"  # where systemd keeps a DynamicUser's state
LINK: Final = "var/lib/vicino-gateway"
SETTINGS: Final = "etc/vicino/gateway.toml"
WAITING: Final = 3
PID: Final = 4321  # of the gateway, as its status says
_TEXT: Final = """\
gateway = "gw-001"
broker = "mqtts://vicino.example:8883"
ca_file = "/var/lib/vicino-gateway/ca.crt"
certificate_file = "/var/lib/vicino-gateway/gateway.crt"
key_file = "/var/lib/vicino-gateway/gateway.key"
state_dir = "/var/lib/vicino-gateway"
"""


def use(tree: Path, keys: Path) -> None:
    """Leave in the tree what a gateway leaves that ran there; ``keys`` is for the authority."""
    state = tree / STATE
    state.mkdir(parents=True)
    (tree / LINK).symlink_to("private/vicino-gateway")
    (tree / SETTINGS).parent.mkdir(parents=True)
    (tree / SETTINGS).write_text(_TEXT)
    now = datetime.now(UTC)
    make_authority(keys, now)
    issued = issue_gateway(keys, "gw-001", now)
    (state / "gateway.key").write_bytes(issued.key)
    (state / "gateway.crt").write_bytes(issued.certificate)
    (state / "ca.crt").write_bytes((keys / "ca.crt").read_bytes())
    outbox = Outbox(state / "outbox.db")
    for _ in range(WAITING):
        outbox.store(_measurement)
    outbox.close()
    write_status(state, _status())


def _measurement(epoch: str, seq: int) -> Measurement:
    value = Quantity(code="systolic", unit="mm[Hg]", value="138")
    return msgspec.structs.replace(make(epoch, seq), quantities=[value])


def _status() -> Status:
    return Status(
        gateway="gw-001",
        epoch="0" * 16,
        stored=WAITING,
        receipted=0,
        outbox_depth=WAITING,
        set_aside=0,
        damaged_files=0,
        last_measurement_at=None,
        broker="not connected",
        receipts="coming",
        radio="listening",
        clock="synchronised",
        pid=PID,
        written_at=1_800_000_000_000,
    )


def published() -> list[tuple[str, str, object]]:
    """Return UUID, bytes and meaning of published examples; their sources stand beside them."""
    text = (ROOT / "tests/vectors/decode.toml").read_text()
    found = [one for one in tomllib.loads(text)["vector"] if "json" in one]
    return [(one["uuid"], one["hex"], json.loads(one["json"])) for one in found]
