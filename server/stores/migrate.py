"""Bringing a database to the tables of this version."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, select

from server.errors import StoreUnavailable
from server.stores.database import Database
from server.stores.tables import identity


def configuration(connection: Connection) -> Config:
    """Make Alembic's configuration for one connection, without a file."""
    config = Config()
    config.set_main_option("script_location", str(files("server.stores") / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(database: Database, new_id: str) -> None:
    """Upgrade to the newest revision, in one transaction; a new database gets ``new_id``.

    Raises ``StoreUnavailable`` when the database cannot be reached or written.
    """
    try:
        with database.write() as transaction:
            connection = transaction.connection
            command.upgrade(configuration(connection), "head")
            if connection.execute(select(identity.c.id)).first() is None:
                connection.execute(insert(identity), {"id": new_id})
    except OSError as error:
        raise StoreUnavailable(str(error)) from error
