"""Contacts and care teams as tables."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, select, update

from server.ports.care import Contact
from server.stores import tables as t


class CareRows:
    """See ``ports.care.Care``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def set_contact(self, patient_id: int, contact: Contact) -> None:
        own = update(t.patients).where(t.patients.c.id == patient_id)
        self._connection.execute(own.values(contact._asdict()))

    def team(self, patient_id: int) -> set[str]:
        c = t.care_teams.c
        query = select(c.name).where(c.patient_id == patient_id)
        return set(self._connection.execute(query).scalars())

    def set_team(self, chc_id: int, patient_id: int, names: Collection[str]) -> None:
        own = t.care_teams.c.patient_id == patient_id
        self._connection.execute(delete(t.care_teams).where(own))
        row = {"patient_id": patient_id, "chc_id": chc_id}
        if names:
            rows = [{**row, "name": name} for name in sorted(names)]
            self._connection.execute(insert(t.care_teams), rows)
