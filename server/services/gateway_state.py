"""What a gateway says of itself: its birth, its heartbeats, its will."""

from typing import Final

from contract.messages import Birth, Heartbeat, Will
from server.domain.instants import MINUTE
from server.domain.plans import Priority
from server.ports.measurements import GatewayRow
from server.ports.store import Transaction
from server.services.matters import clear_matter, raise_matter

# A heartbeat comes every minute; three missed and some patience for a router's restart.
GATEWAY_SILENT_AFTER: Final = 15 * MINUTE
# A day of a busy home; more waits only when receipts do not come.
_DEPTH_WORRYING: Final = 500
# Percent; a level that came up again by some percent is a new battery, not a warmer room.
BATTERY_LOW: Final = 10
_BATTERY_GOOD: Final = 20
# Whoever measures in that home now is not heard: nobody can wait for the next heartbeat.
_NOTHING_IS_TAKEN: Final = ("gateway-deaf", "gateway-full")
DISK_LEAST: Final = 100 * 1024 * 1024


def _watch_heartbeat(tx: Transaction, heartbeat: Heartbeat, gateway: GatewayRow, now: int) -> None:
    """Make technical alerts of what a gateway says is wrong with itself."""
    troubles = {
        "gateway-set-aside": heartbeat.set_aside > 0,
        "gateway-clock": heartbeat.clock == "unsynchronised",
        "gateway-behind": heartbeat.outbox_depth > _DEPTH_WORRYING,
        "gateway-disk": (heartbeat.disk_free_bytes or DISK_LEAST) < DISK_LEAST,
        "gateway-deaf": heartbeat.deaf,
        "gateway-full": heartbeat.full,
    }
    subject = f"gateway:{heartbeat.gateway}"
    for rule, wrong in troubles.items():
        if wrong:
            raise_matter(
                tx,
                chc_id=gateway.chc_id,
                subject=subject,
                rule=rule,
                priority=Priority.HIGH if rule in _NOTHING_IS_TAKEN else Priority.MEDIUM,
                detail="",
                now=now,
            )
        else:
            clear_matter(tx, subject=subject, rule=rule, now=now)


def _watch_batteries(tx: Transaction, heartbeat: Heartbeat, gateway: GatewayRow, now: int) -> None:
    """Keep the battery levels of the devices about; one that became low is a technical matter."""
    for address in tx.measurements.note_batteries(gateway.chc_id, heartbeat.batteries):
        level, subject = heartbeat.batteries[address], f"device:{address}"
        if level <= BATTERY_LOW:
            raise_matter(
                tx,
                chc_id=gateway.chc_id,
                subject=subject,
                rule="device-battery",
                priority=Priority.LOW,
                detail=f"{level} %",
                now=now,
            )
        elif level >= _BATTERY_GOOD:
            clear_matter(tx, subject=subject, rule="device-battery", now=now)


def note_gateway(
    tx: Transaction, envelope: Birth | Heartbeat | Will, gateway: GatewayRow, now: int
) -> None:
    """Write it to the fleet's table; what is wrong becomes a technical alert."""
    news: dict[str, int | str | None] = {}
    if isinstance(envelope, Birth):
        news = {
            "session": envelope.session,
            "boot_id": envelope.boot_id,
            "clock": envelope.clock,
            "clock_ahead_ms": envelope.sent_at - now,
            "version": envelope.version,
            "prompts": envelope.prompts,
            "offline_since": None,
        }
    elif isinstance(envelope, Heartbeat):
        news = {
            "clock": envelope.clock,
            "clock_ahead_ms": envelope.sent_at - now,
            "disk_free_bytes": envelope.disk_free_bytes,
            "outbox_depth": envelope.outbox_depth,
            "set_aside": envelope.set_aside,
            "last_measurement_at": envelope.last_measurement_at,
            "radio_restarts": envelope.radio_restarts,
            "adapter_resets": envelope.adapter_resets,
            "board_celsius": envelope.board_celsius,
            "configuration_in_force": envelope.configuration,
            "configuration_refused": envelope.configuration_refused,
            "configuration_refused_because": envelope.configuration_refused_because,
            "offline_since": None,
        }
        if envelope.deaf or envelope.full:
            news["deaf_at"] = now
        _watch_heartbeat(tx, envelope, gateway, now)
        _watch_batteries(tx, envelope, gateway, now)
        if envelope.certificate_ends_at is not None:
            news["certificate_ends_at"] = envelope.certificate_ends_at
    else:
        tx.measurements.gateway_left(envelope.gateway, envelope.session, now)
        return
    tx.measurements.seen_gateway(envelope.gateway, now, now - GATEWAY_SILENT_AFTER, news)
    clear_matter(tx, subject=f"gateway:{envelope.gateway}", rule="gateway-silent", now=now)
