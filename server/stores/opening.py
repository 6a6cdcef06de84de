"""Opening the database that the settings name."""

import secrets
from contextlib import ExitStack

from server.settings import Settings
from server.stores.database import Database
from server.stores.migrate import migrate
from server.stores.sole import Sole


def open_database(settings: Settings) -> Database:
    """Open the database and bring it to this version's tables. Raises ``StoreUnavailable``."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    migrate(database, secrets.token_hex(16))
    return database


def open_to_serve(settings: Settings, stack: ExitStack) -> tuple[Database, Sole]:
    """Open the database as ``open_database`` does, for the one process that serves it.

    The right to serve comes first: tables are not changed under another server. Leaving the
    stack closes both. Raises ``DatabaseTaken`` too.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    stack.callback(database.close)
    sole = Sole(database)
    stack.callback(sole.close)
    migrate(database, secrets.token_hex(16))
    return database, sole
