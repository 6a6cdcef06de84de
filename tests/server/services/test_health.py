"""``/health`` counts right, and takes no longer when the tables have grown."""

import re
from pathlib import Path

import pytest
from sqlalchemy import event

from server.services.following import follow_charts
from server.services.health import check_health
from server.services.judging import Judge
from server.services.polling import ENGINE, POLLER
from server.stores.database import Database
from tests.server.world import T0, World, envelope, wire

CUFF = "AA:BB:CC:DD:EE:01"
GROWING = {"measurements", "observations", "inputs", "findings", "alerts", "audit"}

# Indexes of only the rows that wait, are open, or were set aside.
SMALL = {
    ("measurements", "ix_measurements_waiting"),
    ("inputs", "ix_inputs_set_aside"),
    ("inputs", "ix_inputs_unnumbered"),
    ("alerts", "ix_alerts_open"),
}


def filled(world: World) -> World:
    """Stored, held, quarantined, duplicate and beside; judged, set aside and waiting."""
    patient = world.patient()
    world.device(CUFF, patient)
    one = {"systolic": "120", "diastolic": "80"}
    batch = [
        wire(1, 1, one, T0),
        wire(2, 2, one, T0, device="AA:BB:CC:DD:EE:99"),
        wire(3, 3, {"systolic": "900"}, T0),
        wire(4, 1, one, T0),
    ]
    world.send(envelope("gw-1", batch, 1))
    world.send(envelope("gw-1", batch, 1))
    world.send(envelope("gw-1", [wire(1, 11, one, T0 + 1)], 1))
    world.run()
    while follow_charts(world.store, world.now):
        pass
    world.send(envelope("gw-1", [wire(5, 5, {"systolic": "121"}, T0)], 5))
    with world.store.write() as tx:
        for loop in (ENGINE, POLLER):
            tx.heartbeat(loop, world.now)
    return world


def test_what_it_counts_is_what_the_tables_hold(world: World) -> None:
    found = check_health(filled(world).store, broker_ready=True, now=T0 + 1000)
    ((measurements, observations, held, quarantined),) = world.rows(
        "SELECT (SELECT count(*) FROM measurements WHERE fate IN ('stored', 'held')),"
        " (SELECT count(*) FROM observations),"
        " (SELECT count(*) FROM measurements WHERE fate = 'held'),"
        " (SELECT count(*) FROM measurements WHERE fate = 'quarantined')"
    )
    assert (found.measurements, found.observations) == (measurements, observations) == (4, 7)
    assert (found.held, found.quarantined) == (held, quarantined) == (1, 1)
    assert (found.unjudged, found.set_aside, found.gateways_seen) == (1, 0, 0)
    assert found.status == "ok"


def test_what_waits_fails_it_after_two_minutes_numbered_or_not(world: World) -> None:
    filled(world)
    late = T0 + 121_000
    with world.store.write() as tx:
        for loop in (ENGINE, POLLER):
            tx.heartbeat(loop, late)
    assert check_health(world.store, broker_ready=True, now=late).status == "failing"
    with world.store.write() as tx:
        tx.inputs.number()
    waits = check_health(world.store, broker_ready=True, now=late)
    assert (waits.status, waits.unjudged) == ("failing", 1)
    world.run()
    judged = check_health(world.store, broker_ready=True, now=late)
    assert (judged.status, judged.unjudged) == ("ok", 0)


def test_a_row_that_is_set_aside_waits_for_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(world)

    def poisoned(*_: object) -> None:
        raise ValueError("poison")

    with monkeypatch.context() as broken:
        broken.setattr(Judge, "_conclude", poisoned)
        world.run()
    found = check_health(world.store, broker_ready=True, now=T0 + 1000)
    assert (found.unjudged, found.set_aside) == (0, 1)


def test_it_reads_no_table_that_grows(tmp_path: Path) -> None:
    """Searched, or by an index that holds only what waits: SQLite tells its plans in words."""
    world = filled(World(Database(f"sqlite:///{tmp_path / 'vicino.db'}")))
    plans = _plans(world.store)
    world.store.close()
    scans = re.findall(r"^SCAN (\w+)(?: USING .*INDEX (\w+))?", plans, re.MULTILINE)
    assert {(table, index) for table, index in scans if table in GROWING} <= SMALL, plans


def _plans(store: Database) -> str:
    said: list[tuple[str, object]] = []
    event.listen(
        store.engine,
        "before_cursor_execute",
        lambda _c, _u, sql, values, *_: said.append((sql, values)),
    )
    check_health(store, broker_ready=True, now=T0)
    asked = [one for one in said if one[0].startswith("SELECT")]
    with store.engine.connect() as connection:
        rows = [
            row
            for sql, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    return "\n".join(row[-1] for row in rows)
