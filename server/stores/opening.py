"""Opening the database that the settings name."""

import secrets

from server.settings import Settings
from server.stores.database import Database
from server.stores.migrate import migrate


def open_database(settings: Settings) -> Database:
    """Open the database and bring it to this version's tables. Raises ``StoreUnavailable``."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database)
    migrate(database, secrets.token_hex(16))
    return database
