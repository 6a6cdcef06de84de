"""How things are, as a home wants to know it: one of four words, out of the gateway's status."""

from enum import StrEnum
from typing import Final

from gateway.heartbeat import Status

# While all goes well a receipt comes within seconds; less than that is not worth an amber lamp.
_SENDING_MS: Final = 60_000


class Situation(StrEnum):
    """What a lamp shows."""

    SENT = "sent"
    """Everything that was measured has reached the Community Health Centre."""
    SENDING = "sending"
    """Something was measured a moment ago and is on its way."""
    WAITS = "waits"
    """What was measured is kept here and cannot be sent now. Nobody need do anything."""
    HELP = "help"
    """Nothing can be measured or kept: somebody must be told."""


def situation(status: Status, *, is_well: bool) -> Situation:
    """Choose the word. ``is_well``: the radio scans, and the outbox takes what comes."""
    if not is_well:
        return Situation.HELP
    if status.outbox_depth == 0:
        return Situation.SENT
    last = status.last_measurement_at
    just_now = last is not None and abs(status.written_at - last) < _SENDING_MS
    if status.broker == "connected" and status.receipts == "coming" and just_now:
        return Situation.SENDING
    return Situation.WAITS
