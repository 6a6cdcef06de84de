"""The revisions make exactly the tables that the code uses, on both databases."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from server.stores.migrate import configuration, migrate
from server.stores.tables import metadata


def test_revisions_and_tables_do_not_differ(store):
    migrate(store, "f" * 32)
    with store.write() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing_and_keeps_the_id(store):
    migrate(store, "f" * 32)
    migrate(store, "e" * 32)
    with store.read() as tx:
        assert tx.inputs.database_id() == "f" * 32


def test_a_database_of_the_first_revision_keeps_its_rows(store):
    with store.write() as tx:
        command.upgrade(configuration(tx.connection), "0001")
        for statement in (
            "INSERT INTO regions (name) VALUES ('Piemonte')",
            "INSERT INTO authorities (region_id, name) VALUES (1, 'ASL')",
            "INSERT INTO chcs (authority_id, name, zone) VALUES (1, 'CHC Susa', 'Europe/Rome')",
        ):
            tx.connection.exec_driver_sql(statement)
    migrate(store, "f" * 32)
    with store.read() as tx:
        rows = tx.connection.exec_driver_sql("SELECT name, hours FROM chcs")
        assert [tuple(row) for row in rows] == [("CHC Susa", None)]


def test_what_came_before_it_was_counted_is_counted_by_the_revision(store):
    with store.write() as tx:
        command.upgrade(configuration(tx.connection), "0002")
        for statement in (
            "INSERT INTO regions (id, name) VALUES (1, 'r')",
            "INSERT INTO authorities (id, region_id, name) VALUES (1, 1, 'a')",
            "INSERT INTO chcs (id, authority_id, name, zone) VALUES (1, 1, 'c', 'Europe/Rome')",
            "INSERT INTO gateways (id, chc_id, added_at) VALUES ('g', 1, 0)",
            "INSERT INTO epochs (id, gateway_id, epoch, receipted_seq, highest_seq)"
            " VALUES (1, 'g', 'e', 2, 2), (2, 'g', 'f', 0, 0)",
            "INSERT INTO measurements (epoch_id, seq, chc_id, fate, content_id, measured_at,"
            " quality, stored_at, element) VALUES (1, 1, 1, 'stored', 'c', 0, 'trusted', 0, ''),"
            " (1, 2, 1, 'quarantined', NULL, 0, 'unsure', 0, '')",
            "INSERT INTO observations (epoch_id, seq, code, value)"
            " VALUES (1, 1, 0, 1200), (1, 1, 1, 800)",
        ):
            tx.connection.exec_driver_sql(statement)
    migrate(store, "f" * 32)
    with store.read() as tx:
        counts = tx.views.counts()
    assert (counts.measurements, counts.observations) == (1, 2)
