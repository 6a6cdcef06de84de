"""Changes of device assignments, as tables; the assignments themselves are in ``tables``."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from server.stores.tables import Id, metadata

# Rows are only added; the marks of how far a change was carried out move forward.
corrections = Table(
    "corrections",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("chc_id", Integer, ForeignKey("chcs.id"), nullable=False),
    Column("device_id", Integer, ForeignKey("devices.id"), nullable=False, index=True),
    Column("by", String(60), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", String(250), nullable=False),
    # Lists of ``domain.assignments.Tenure`` in JSON: all of the device's.
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    # Whether it also moves what a person had decided.
    Column("decided_too", Integer, nullable=False),
    # The last measurement looked at, in JSON: ``ports.corrections.Place``.
    Column("reached", String(80), nullable=True),
    Column("withdrawn", Integer, nullable=False, server_default="0"),
    Column("given", Integer, nullable=False, server_default="0"),
    Column("held", Integer, nullable=False, server_default="0"),
    Column("done_at", BigInteger, nullable=True),
    Index(
        "ix_corrections_open",
        "id",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)
