"""The table of claim codes that were given out; a code itself is not in it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from server.stores.tables import metadata

claims = Table(
    "claims",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("chc_id", Integer, ForeignKey("chcs.id"), nullable=False),
    Column("gateway_id", String(63), ForeignKey("gateways.id"), nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    # Whose key it was used for.
    Column("key_fingerprint", String(64), nullable=True),
)
