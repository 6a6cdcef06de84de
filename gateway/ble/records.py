"""Reading a device's memory through its Record Access Control Point (0x2A52): what to ask next.

At first, and once a day, a memory is read whole; else from the newest record on that is on our
disk. That record comes again, and proves that the memory is still the one we know: a meter that
was reset, or whose numbers went back, has other bytes there or none, and is read whole. Records
that were read before drop out by content id, so reading too much is never wrong. Nothing is
deleted on a device.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.codecs import record_access
from gateway.codecs.record_access import Completed, Outcome, Request

# Numbers may go back unseen (a reset that kept old records): it lasts a day at most.
WHOLE_AGAIN_SECONDS: Final = 24 * 3600.0
_NUMBER_MAX: Final = 0xFFFF  # the next one begins anew
_ASK_OTHERWISE: Final = (
    Outcome.NO_RECORDS_FOUND,
    Outcome.OP_CODE_NOT_SUPPORTED,
    Outcome.INVALID_OPERATOR,
    Outcome.OPERATOR_NOT_SUPPORTED,
    Outcome.INVALID_OPERAND,
    Outcome.OPERAND_NOT_SUPPORTED,
)


@dataclass(frozen=True, slots=True)
class LastRecord:
    """The newest record of a device that is on our disk, and when its memory was read whole."""

    number: int
    raw: bytes
    whole_at: float


class Step(Enum):
    """What a response means for the reading."""

    GO_ON = auto()
    """It answers another request: ours is still open."""
    ASK_WHOLE = auto()
    """The memory is not the one we know: ask for all of it."""
    ENDED = auto()
    """Everything was sent."""
    FAILED = auto()
    """The device could not; what came stays taken."""


class Reading:
    """One reading of one device's memory; ``now`` is on the clock of ``LastRecord.whole_at``."""

    def __init__(self, last: LastRecord | None, now: float) -> None:
        is_recent = last is not None and 0 <= now - last.whole_at < WHOLE_AGAIN_SECONDS
        self._since = self._last = last if is_recent else None
        self._whole_at = now if self._since is None else self._since.whole_at
        self._now = now
        self._is_known = self._since is None
        self._is_in_order = True

    @property
    def request(self) -> bytes:
        """What to write to the control point."""
        if self._since is None:
            return record_access.REPORT_ALL
        return record_access.report_from(self._since.number)

    @property
    def last(self) -> LastRecord | None:
        """From where to read the next time; None: the whole memory."""
        return None if not self._is_in_order or self._overflowed else self._last

    @property
    def _overflowed(self) -> bool:
        """Whether records may follow that have lower numbers."""
        return self._last is not None and self._last.number == _NUMBER_MAX

    def took(self, number: int | None, raw: bytes, *, is_on_disk: bool) -> None:
        """Note a record. What has no number, came out of order or only waits is no place to go on.

        Records come in the order of their numbers: after the newest on our disk, all before are.
        """
        before = self._last
        if number is None or not is_on_disk or (before is not None and number < before.number):
            self._is_in_order = False
        elif self._since is not None and number == self._since.number:
            self._is_known = raw == self._since.raw
        elif self._is_known:
            self._last = LastRecord(number, raw, self._whole_at)

    def answered(self, value: bytes) -> Step:
        """Judge an indication of the control point. Raises ``DecodeError`` for what is none."""
        match record_access.response(value):
            case Completed(Request.REPORT_RECORDS, outcome):
                return self._ended(outcome)
            case _:
                return Step.GO_ON

    def _ended(self, outcome: Outcome | int) -> Step:
        is_unknown = outcome == Outcome.SUCCESS and (not self._is_known or self._overflowed)
        if self._since is not None and (is_unknown or outcome in _ASK_OTHERWISE):
            self._since = self._last = None
            self._whole_at, self._is_known, self._is_in_order = self._now, True, True
            return Step.ASK_WHOLE
        ended = outcome in (Outcome.SUCCESS, Outcome.NO_RECORDS_FOUND)
        return Step.ENDED if ended else Step.FAILED
