"""The heartbeat message."""

from dataclasses import dataclass

from contract.messages import Heartbeat
from gateway.clock import Moment
from gateway.configuration import Kept
from gateway.outbox import State


@dataclass(frozen=True, slots=True)
class Report:
    """What a heartbeat tells beside the outbox: times in ms UTC, batteries in % by address.

    ``deaf``, ``full``, ``radio_restarts`` and ``adapter_resets`` as the message has them.
    """

    moment: Moment
    batteries: dict[str, int]
    certificate_ends_at: int
    disk_free_bytes: int
    deaf: bool
    full: bool
    radio_restarts: int
    adapter_resets: int
    board_celsius: int | None
    given: Kept


def message(gateway: str, state: State, report: Report) -> Heartbeat:
    """Compose the heartbeat."""
    return Heartbeat(
        gateway=gateway,
        epoch=state.epoch,
        seq=state.next_seq,
        sent_at=report.moment.wall_ms,
        clock=report.moment.clock,
        outbox_depth=state.depth,
        set_aside=state.set_aside,
        last_measurement_at=state.last_measurement_at,
        certificate_ends_at=report.certificate_ends_at,
        batteries=report.batteries,
        disk_free_bytes=report.disk_free_bytes,
        deaf=report.deaf,
        full=report.full,
        radio_restarts=report.radio_restarts,
        adapter_resets=report.adapter_resets,
        board_celsius=report.board_celsius,
        configuration=report.given.in_force.version if report.given.in_force else 0,
        configuration_refused=report.given.refused,
        configuration_refused_because=report.given.because,
    )
