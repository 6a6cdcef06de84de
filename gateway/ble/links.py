"""Whether it is the radio that connects to nobody, or a device that cannot be had.

Advertisements are still heard, and no link comes up or stays: of one device alone that says little.
It may have been carried to the edge of reach, or be broken; the others must not pay for that. So
what counts is who failed since the last session of anybody, and began to fail after it: who fails
while another is read has a fault of its own. A stranger counts only where no device is known yet.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final, NamedTuple

# Most first tries that fail are followed by one that does not; a cuff advertises for a minute.
_FAILURES_MIN: Final = 4
_FAILING_SECONDS: Final = 120.0
# Then somebody must know: by now the adapter was power-cycled, and it did not help.
_DOWN_FAILURES_MIN: Final = 8
_DOWN_SECONDS: Final = 600.0
# Where several devices are known and one alone fails, the others may be used less often than daily.
_NOBODY_HELD_SECONDS: Final = 36 * 3600.0
# Who was not tried for so long begins anew: it went away and is back.
_PAUSE_SECONDS: Final = 3600.0
_ADDRESSES_MAX: Final = 64


class _Failing(NamedTuple):
    since: float
    latest: float
    failures: int


class Links:
    """Counts sessions that failed for want of a link. ``now`` is monotonic, in seconds."""

    def __init__(self, named: Collection[str] = ()) -> None:
        """``named`` are the devices that the gateway's settings name."""
        self._named = frozenset(named)
        self._held: OrderedDict[str, None] = OrderedDict()
        self._failing: OrderedDict[str, _Failing] = OrderedDict()
        self._held_at: float | None = None
        """When the latest session of anybody was held; before the first, when one failed."""

    def held(self, address: str, now: float) -> None:
        """Note a session: the radio connects."""
        self._failing.pop(address, None)
        self._held_at = now
        self._held[address] = None
        _keep_latest(self._held, address)

    def failed(self, address: str, now: float) -> None:
        """Note a session without a link, or with one that did not last."""
        if self._held_at is None:
            self._held_at = now
        before = self._failing.get(address)
        if before is None or (
            before.since < self._held_at and now - before.latest > _PAUSE_SECONDS
        ):
            before = _Failing(now, now, 0)
        self._failing[address] = before._replace(latest=now, failures=before.failures + 1)
        _keep_latest(self._failing, address)

    def fail(self, now: float) -> bool:
        """Tell whether it looks like the radio: then it is worth a reset."""
        return self._have_failed(now, _FAILURES_MIN, _FAILING_SECONDS)

    def are_down(self, now: float) -> bool:
        """Tell whether it has for so long that somebody must know."""
        return self._have_failed(now, _DOWN_FAILURES_MIN, _DOWN_SECONDS)

    def _have_failed(self, now: float, failures: int, seconds: float) -> bool:
        found = self._evidence(now)
        if len(found) < self._devices_min(now, found):
            return False
        lasted = max(one.latest for one in found.values()) - min(
            one.since for one in found.values()
        )
        return lasted >= seconds and sum(one.failures for one in found.values()) >= failures

    def _evidence(self, now: float) -> dict[str, _Failing]:
        ours = self._named | self._held.keys()
        return {
            address: one
            for address, one in self._failing.items()
            if (not ours or address in ours)
            and (self._nobody_held(now) or one.since >= (self._held_at or 0.0))
            and now - one.latest <= _NOBODY_HELD_SECONDS
        }

    def _devices_min(self, now: float, found: Collection[str]) -> int:
        """Return how many must fail: two, where another is known or none is ours for certain."""
        others = self._held.keys() - set(found)
        nobody_is_known = not self._named and not self._held
        return 1 if self._nobody_held(now) or not (others or nobody_is_known) else 2

    def _nobody_held(self, now: float) -> bool:
        return self._held_at is not None and now - self._held_at > _NOBODY_HELD_SECONDS


def _keep_latest(memory: OrderedDict[str, None] | OrderedDict[str, _Failing], address: str) -> None:
    memory.move_to_end(address)
    if len(memory) > _ADDRESSES_MAX:
        memory.popitem(last=False)
