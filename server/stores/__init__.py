"""SQL is the record: SQLite embedded by default, PostgreSQL for a region. Behind ``ports``."""
