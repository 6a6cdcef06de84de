"""The server's database, read from outside while it lives and after it was killed."""

from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.homes import reader

_STORED = "select g.gateway_id, m.seq from measurements m join epochs g on g.id = m.epoch_id"
# What the log holds and the engine's cursor has not passed.
_UNJUDGED = (
    "select count(*) from inputs where position is null or position >"
    " (select coalesce(max(position), 0) from cursors where partition = 0)"
)


@dataclass(frozen=True)
class Stored:
    """One measurement as the server keeps it."""

    fate: str
    gateway: str
    seq: int
    device: str
    device_time: str
    patient: str
    values: dict[str, Decimal]


class Record:
    """One server's database file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(reader(self.path)) as connection:
            return list(connection.execute(query))

    def stored_seqs(self) -> dict[str, set[int]]:
        """Return the numbers that are in the store, by gateway."""
        found: dict[str, set[int]] = {}
        for gateway, seq in self.rows(_STORED):
            found.setdefault(gateway, set()).add(seq)
        return found

    def unjudged(self) -> int:
        return int(self.rows(_UNJUDGED)[0][0])

    def measurements(self) -> list[Stored]:
        query = (
            "select m.fate, e.gateway_id, m.seq, m.element, p.reference from measurements m"
            " join epochs e on e.id = m.epoch_id left join patients p on p.id = m.patient_id"
        )
        return [_stored(*row) for row in self.rows(query)]

    def clinical_alerts(self) -> list[tuple[str, str]]:
        """Return (patient's reference, rule) of every clinical alert there ever was."""
        query = (
            "select p.reference, a.rule from alerts a join patients p on p.id = a.patient_id"
            " where a.kind = 'clinical'"
        )
        return sorted(self.rows(query))

    def findings(self) -> list[tuple[str, str, int]]:
        """Return (patient's reference, rule, measured at) of every finding in force."""
        query = (
            "select p.reference, f.rule, f.measured_at from findings f"
            " join patients p on p.id = f.patient_id where f.state = 'in-force'"
        )
        return sorted(self.rows(query))


def _stored(fate: str, gateway: str, seq: int, element: bytes, patient: str) -> Stored:
    sent = msgspec.json.decode(element)
    values = {one["code"]: Decimal(one["value"]) for one in sent["quantities"]}
    return Stored(fate, gateway, seq, sent["device"], sent["device_time"], patient, values)
