"""Where each element of the envelopes stands: new, there already, or in a place that is taken.

An element's key is its place in its gateway's outbox. Two things break that: a gateway put back
from an older copy gives its numbers again, to others; and a server put back from an older copy
has no longer what it receipted. The first are stored beside their places, by their content; the
second is noticed by ``kept_from``, and told: what is missing is with nobody any more.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from contract.messages import Birth, Measurements, Receipt, Tombstone
from server.domain.plans import Priority
from server.ports.measurements import Epoch, GatewayRow, Moved
from server.ports.store import Transaction
from server.services.deciding import Came, Decided, unpack
from server.services.matters import raise_matter

Key = tuple[str, str]
# No outbox has this name on the wire: an epoch there is 32 hexadecimal digits.
BESIDE = "beside"
_BESIDE_BYTES = 6  # 48 bits: a seq that every JSON reader keeps exact


@dataclass(slots=True)
class Outbox:
    """One outbox of a gateway as far as the server knows it; ``seqs`` are stored above
    ``row.receipted``, ``elements`` are the stored ones whose places came again."""

    row: Epoch
    home: GatewayRow
    kept_from: int = 1
    came: list[tuple[int, bytes]] = field(default_factory=list)
    seqs: set[int] = field(default_factory=set)
    elements: dict[int, bytes] = field(default_factory=dict)
    beside: Epoch | None = None


def look_up(
    tx: Transaction, envelopes: Iterable[tuple[Birth | Measurements, GatewayRow]]
) -> dict[Key, Outbox]:
    """Return the outboxes that these envelopes speak of, with what came of each."""
    spoken = [(envelope, home) for envelope, home in envelopes]
    rows = tx.measurements.epochs({(one.gateway, one.epoch) for one, _ in spoken})
    found: dict[Key, Outbox] = {}
    for envelope, home in spoken:
        key = envelope.gateway, envelope.epoch
        if (box := found.get(key)) is None:
            box = found[key] = Outbox(rows[key], home)
        box.kept_from = max(box.kept_from, envelope.kept_from)
        if isinstance(envelope, Measurements):
            box.came += [
                (seq, bytes(raw)) for seq, raw in enumerate(envelope.measurements, envelope.seq)
            ]
    for box in found.values():
        row = box.row
        if row.highest > row.receipted:
            box.seqs.update(tx.measurements.stored_seqs(row.id, row.receipted))
        again = {seq for seq, _ in box.came if seq <= row.highest}
        box.elements = tx.measurements.elements(row.id, again)
    return found


def place(tx: Transaction, found: dict[Key, Outbox], now: int) -> list[Came]:
    """Return the elements that are new, in the order in which they came."""
    placed: list[Came] = []
    for (gateway, epoch), box in found.items():
        beside: list[tuple[int, bytes]] = []
        for seq, raw in box.came:
            if (stored := box.elements.get(seq)) is None:
                box.elements[seq] = raw
                box.seqs.add(seq)
                placed.append(Came(gateway, box.home, box.row.id, seq, raw, *unpack(raw, seq)))
            elif stored != raw:
                beside.append((seq, raw))
        placed += _beside(tx, gateway, epoch, box, beside, now)
    return placed


def _beside(
    tx: Transaction, gateway: str, epoch: str, box: Outbox, came: list[tuple[int, bytes]], now: int
) -> list[Came]:
    """Return the new ones among those whose place is another's. Tombstones stand for nothing."""
    unpacked = [(seq, raw, *unpack(raw, seq)) for seq, raw in came]
    others = {
        _place_beside(epoch, seq, raw): (raw, element, problem)
        for seq, raw, element, problem in unpacked
        if not isinstance(element, Tombstone)
    }
    if not others:
        return []
    raise_matter(
        tx,
        chc_id=box.home.chc_id,
        subject=f"gateway:{gateway}",
        rule="gateway-numbers-again",
        priority=Priority.MEDIUM,
        detail=f"{epoch} {came[0][0]}..{came[-1][0]}",
        now=now,
    )
    row = box.beside = tx.measurements.epochs({(gateway, BESIDE)})[gateway, BESIDE]
    stored = tx.measurements.elements(row.id, others)
    return [
        Came(gateway, box.home, row.id, seq, *rest)
        for seq, rest in others.items()
        if seq not in stored
    ]


def _place_beside(epoch: str, seq: int, raw: bytes) -> int:
    own = hashlib.blake2b(f"{epoch}/{seq}/".encode() + raw, digest_size=_BESIDE_BYTES).digest()
    return int.from_bytes(own, "big")


def receipt(tx: Transaction, found: dict[Key, Outbox], decided: Decided, now: int) -> list[Receipt]:
    """Move each outbox's mark to where nothing is missing below it, and say so."""
    measurements = Counter(row.epoch_id for row in decided.measurements if row.content_id)
    observations = Counter(row.epoch_id for row in decided.observations)
    moved: dict[int, Epoch] = {}
    receipts: list[Receipt] = []
    for (gateway, epoch), box in found.items():
        receipted = box.row.receipted
        if box.kept_from > receipted + 1:
            _tell_missing(tx, gateway, epoch, box, now)
            receipted = box.kept_from - 1
        while receipted + 1 in box.seqs:
            receipted += 1
        after = Epoch(box.row.id, receipted, max(box.row.highest, receipted, *box.seqs))
        if after != box.row:
            moved[after.id] = after
        if box.beside is not None:
            moved[box.beside.id] = box.beside
        if box.came or receipted:
            receipts.append(Receipt(gateway=gateway, epoch=epoch, seq=receipted))
    tx.measurements.move_epochs(
        [Moved(row, measurements[row.id], observations[row.id]) for row in moved.values()]
    )
    return receipts


def _tell_missing(tx: Transaction, gateway: str, epoch: str, box: Outbox, now: int) -> None:
    """Say which numbers the gateway no longer has and the server no longer either."""
    first, last = box.row.receipted + 1, box.kept_from - 1
    count = last - first + 1 - sum(first <= seq <= last for seq in box.seqs)
    if count == 0:
        return
    detail = f"{epoch} {first}..{last}: {count}"
    chc_id = box.home.chc_id
    tx.audit("intake", "measurements-missing", now, chc_id=chc_id, detail=f"{gateway} {detail}")
    raise_matter(
        tx,
        chc_id=chc_id,
        subject=f"gateway:{gateway}",
        rule="measurements-missing",
        priority=Priority.HIGH,
        detail=detail,
        now=now,
    )
