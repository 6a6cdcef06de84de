"""A real database of a district: one CHC, many patients, each with a confirmed plan.

What is many goes in by bulk; everything else goes the way that the commands go.
"""

from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import insert, update

from server.domain.plans import Plan, plan_json
from server.ports.inputs import InputKind
from server.stores import tables as t
from server.stores.database import Database
from server.stores.migrate import migrate

CHC, ZONE = "CHC Susa", "Europe/Rome"
GATEWAY, DEVICE = "bench-1", "AA:BB:CC:00:00:01"
DATABASE_ID = "b" * 32


def opened(folder: Path) -> Database:
    """Open the database in a folder, and bring it to this version's tables."""
    database = Database(f"sqlite:///{folder}/vicino.db")
    migrate(database, DATABASE_ID)
    return database


def settled(folder: Path, patients: int, plan: Plan, since: int) -> Database:
    """Make a district whose plans are in force and judged since an instant, and the first
    patient's device; patients are numbered from 1. Every fourth has limits of their own."""
    database = opened(folder)
    same = plan_json(plan)

    def body_of(number: int) -> str:
        return same if number % 4 else _fitted(plan, number)

    with database.write() as tx:
        chc = tx.directory.add_chc(CHC, ZONE)
        tx.directory.add_gateway(GATEWAY, chc, since, None)
        numbers = range(1, patients + 1)
        people = [
            {"id": number, "chc_id": chc, "reference": f"P{number}", "family_name": "Rossi",
             "given_name": "Maria", "born_on": "1941-03-02", "language": "it", "zone": ZONE,
             "enrolled_at": since}
            for number in numbers
        ]  # fmt: skip
        plans = [
            {"chc_id": chc, "patient_id": number, "version": 1, "body": body_of(number),
             "author": "dora", "written_at": since, "confirmed_by": "dora", "confirmed_at": since,
             "in_force_from": since}
            for number in numbers
        ]  # fmt: skip
        log = [
            {"position": number, "kind": InputKind.PLAN, "patient_id": number, "number": 1,
             "recorded_at": since}
            for number in numbers
        ]  # fmt: skip
        for table, rows in ((t.patients, people), (t.plans, plans), (t.inputs, log)):
            tx.connection.execute(insert(table), rows)
        first = tx.directory.patient(1)
        assert first is not None
        device = tx.directory.add_device(DEVICE, "generic_weight_scale", chc, "")
        tx.directory.assign(device, first, None, since)
        tx.inputs.cursor()
        cursor = {"position": patients, "numbered": patients, "moved_at": since}
        tx.connection.execute(update(t.cursors).values(**cursor))
    return database


def _fitted(plan: Plan, number: int) -> str:
    first, *others = plan.thresholds
    assert first.high_inner is not None
    own = replace(first, high_inner=first.high_inner - Decimal(number % 200) / 10)
    return plan_json(replace(plan, thresholds=[own, *others], reason=f"as agreed with P{number}"))
