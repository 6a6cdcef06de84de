"""Storing what came, and finding it again."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from server.domain.attribution import Assignment, Said, Weighing


class MeasurementRow(NamedTuple):
    """One sequence number of a gateway's outbox and what became of it.

    ``patient_id`` of a held one is the likely patient; ``element`` is the JSON as it came.
    """

    epoch_id: int
    seq: int
    chc_id: int
    fate: str
    content_id: bytes | None
    patient_id: int | None
    device: str | None
    measured_at: int
    quality: str
    mark: str | None
    received_at: int | None
    stored_at: int
    reason: str | None
    element: bytes


class ObservationRow(NamedTuple):
    """A coded quantity: ``code`` is the code's number, ``value`` its scaled integer. It is not
    ``steady`` where the device doubts it: averages and trends do without it (hazard H3)."""

    epoch_id: int
    seq: int
    code: int
    value: int
    steady: bool = True


class Decision(NamedTuple):
    """What a person said of a held or quarantined measurement.

    ``patient_id`` is who it was given to, or taken back from; ``likely_id`` and ``reason`` are how
    it waited before.
    """

    chc_id: int
    epoch_id: int
    seq: int
    kind: Said
    patient_id: int | None
    by: str
    at: int
    likely_id: int | None
    reason: str | None
    note: str | None = None


class Epoch(NamedTuple):
    """An outbox file of a gateway: every seq up to ``receipted`` is stored, or told as missing;
    none above ``highest`` is."""

    id: int
    receipted: int
    highest: int


class Moved(NamedTuple):
    """How far an outbox is stored now, and how many readable measurements and their observations
    came with this batch."""

    epoch: Epoch
    measurements: int
    observations: int


class Source(NamedTuple):
    """A known device: its CHC and everybody who has or had it."""

    chc_id: int
    assignments: list[Assignment]


class GatewayRow(NamedTuple):
    """A known gateway; a revoked one is refused.

    ``configuration``: the message that gives it the newest settings; ``configuration_newest``: the
    highest version that was given, or that it says it has.
    """

    chc_id: int
    zone_name: str
    revoked: bool
    configuration: str | None = None
    configuration_newest: int = 0


class Home(NamedTuple):
    """What is known of the gateway that a patient's measurements come through, where it still has
    access.

    ``offline_since`` is from its will, ``back_at`` when it was heard again after a silence,
    ``outbox_depth`` what had no receipt at its last heartbeat, ``deaf_at`` when it last said that
    it can hear or keep nothing. Instants are the server's.
    """

    gateway: str
    last_seen_at: int | None
    offline_since: int | None
    back_at: int | None
    outbox_depth: int | None
    deaf_at: int | None


class Measurements(Protocol):
    """The measurements' part of a transaction."""

    def gateway(self, gateway: str) -> GatewayRow | None:
        """Return the gateway, or None when nobody added it."""
        ...

    def gateways(self, names: Collection[str]) -> dict[str, GatewayRow]:
        """Return the known ones among these gateways."""
        ...

    def epochs(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Epoch]:
        """Return the rows of outbox files by (gateway, epoch), made where they are new."""
        ...

    def sources(self, addresses: Collection[str]) -> dict[str, Source]:
        """Return the known ones among these device addresses."""
        ...

    def contents(self, content_ids: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the elements that are stored under these content ids, by content id."""
        ...

    def elements(self, epoch_id: int, seqs: Collection[int]) -> dict[int, bytes]:
        """Return the elements that are stored in these places of an outbox, by seq."""
        ...

    def stored_seqs(self, epoch_id: int, above: int) -> list[int]:
        """Return the stored sequence numbers above one, ascending."""
        ...

    def last_weight(self, patient_id: int) -> Weighing | None:
        """Return the patient's newest believed weight; LO and HI are none."""
        ...

    def store(
        self,
        measurements: Sequence[MeasurementRow],
        observations: Sequence[ObservationRow],
        replicate: bool,
    ) -> None:
        """Store rows; one whose key is stored already changes nothing."""
        ...

    def move_epochs(self, moved: Sequence[Moved]) -> None:
        """Note how far outbox files are stored without a gap, how far at all, and how much."""
        ...

    def get(self, epoch_id: int, seq: int) -> MeasurementRow | None:
        """Return one measurement, locked against other writers."""
        ...

    def decisions(self, epoch_id: int, seq: int) -> list[Decision]:
        """Return what was said of a measurement, the oldest first."""
        ...

    def add_decision(self, decision: Decision) -> None:
        """Note what a person said of a measurement."""
        ...

    def held_of(self, address: str) -> int:
        """Return how many measurements of a device are held."""
        ...

    def release(self, epoch_id: int, seq: int, patient_id: int) -> None:
        """Give a held measurement to a patient."""
        ...

    def reject(self, epoch_id: int, seq: int, reason: str) -> None:
        """Put a held measurement away: a person says it is nobody's of ours."""
        ...

    def hold(self, epoch_id: int, seq: int, likely_id: int | None, reason: str | None) -> None:
        """Hold a measurement again, as it was held before."""
        ...

    def waiting_between(
        self, patient_id: int, code: int, from_at: int, until_at: int
    ) -> str | None:
        """Return ``held`` or ``quarantined`` where such a measurement, likely of the patient, is of
        the time, else None."""
        ...

    def home(self, patient_id: int) -> Home | None:
        """Return the gateway of the patient's newest measurement, or what stands in for it; None
        where there is none yet."""
        ...

    def batteries(self, patient_id: int) -> dict[str, int]:
        """Return the last battery levels (percent) of the devices a patient has, by profile."""
        ...

    def note_batteries(self, chc_id: int, levels: Mapping[str, int]) -> list[str]:
        """Note battery levels of the CHC's devices; return the addresses whose level changed."""
        ...

    def newest_of(self, address: str) -> int | None:
        """Return the measured-at of the newest stored measurement of a device."""
        ...

    def seen_gateway(
        self, gateway: str, now: int, silent_since: int, news: dict[str, int | str | None]
    ) -> None:
        """Note what a gateway said of itself; the keys are columns of the fleet's table. It is
        *back* now where it had left, or was not heard of since ``silent_since``."""
        ...

    def gateway_left(self, gateway: str, session: str, now: int) -> None:
        """Note a will, unless a newer session has begun since: an old will ends nothing."""
        ...

    def silent_gateways(self, since: int) -> list[tuple[str, int]]:
        """Return (gateway, CHC) of those seen once, silent since, without an open alert of it."""
        ...

    def silent(self, since: int) -> list[tuple[int, str, int]]:
        """Return (CHC, gateway, last seen) of those seen once and silent since."""
        ...

    def ending_certificates(self, until: int) -> list[tuple[str, int]]:
        """Return (gateway, CHC) whose certificate ends by then, without an open alert of it."""
        ...
