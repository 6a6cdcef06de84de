"""The revisions make exactly the tables that the code uses, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from server.stores.migrate import migrate
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
