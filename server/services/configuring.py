"""Settings that the server gives to a gateway: checked here, tried there, and told until taken."""

from collections.abc import Mapping
from typing import Final

import msgspec

from contract.messages import Configuration, Heartbeat, encoder
from contract.profiles import profiles
from server.domain.instants import SECOND, zone
from server.errors import NotFound, WrongInput
from server.ports.measurements import GatewayRow
from server.ports.store import Transaction
from server.services.gateway_state import GATEWAY_SILENT_AFTER

# Two heartbeats may get lost before a gateway is said to be silent.
_HEARTBEAT_SECONDS_MAX: Final = GATEWAY_SILENT_AFTER // (3 * SECOND)
_KEYS: Final = frozenset(Configuration.__struct_fields__) - {"gateway", "version"}


def configure(tx: Transaction, gateway: str, given: Mapping[str, object], by: str, now: int) -> int:
    """Give a gateway new settings, in the place of all it was given before. Returns their version.

    Raises ``NotFound``, or ``WrongInput`` naming the key. An empty ``given`` leaves everything to
    the box's own settings.
    """
    row = tx.measurements.gateway(gateway)
    if row is None or row.revoked:
        raise NotFound(f"gateway {gateway}")
    if unknown := sorted(set(given) - _KEYS):
        raise WrongInput(f"{unknown[0]}: no such setting; there are {', '.join(sorted(_KEYS))}")
    version = row.configuration_newest + 1
    said = {**given, "gateway": gateway, "version": version, "type": "configuration"}
    try:
        checked = msgspec.convert(said, Configuration)
    except msgspec.ValidationError as error:
        raise WrongInput(str(error)) from error
    _check(checked)
    text = encoder.encode(checked).decode()
    tx.directory.configure_gateway(gateway, version, text)
    tx.audit(by, "gateway-configured", now, chc_id=row.chc_id, detail=f"{gateway} {text}"[:4000])
    return version


def due(heartbeat: Heartbeat, row: GatewayRow) -> Configuration | None:
    """Return the settings that a gateway still has to be told, by what its heartbeat says."""
    if row.configuration is None:
        return None
    wanted = msgspec.json.decode(row.configuration, type=Configuration)
    # A server that was put back from an older copy knows less than the gateway: it is not obeyed.
    known = max(heartbeat.configuration, heartbeat.configuration_refused)
    return wanted if wanted.version > known else None


def _check(configuration: Configuration) -> None:
    if (configuration.heartbeat_seconds or 0) > _HEARTBEAT_SECONDS_MAX:
        raise WrongInput(
            f"heartbeat_seconds: at most {_HEARTBEAT_SECONDS_MAX}, or the gateway is called silent"
        )
    for address, name in (configuration.models or {}).items():
        if name not in profiles():
            raise WrongInput(f"models.{address}: there is no profile {name!r}")
    if configuration.zone is not None:
        try:
            zone(configuration.zone)
        except (KeyError, ValueError, OSError) as error:
            raise WrongInput(f"zone: there is no {configuration.zone!r}") from error
