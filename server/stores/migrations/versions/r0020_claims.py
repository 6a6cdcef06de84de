"""Claim codes, and the key that each gateway's certificates are given to"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("chc_id", sa.Integer(), nullable=False),
        sa.Column("gateway_id", sa.String(length=63), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("key_fingerprint", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["chc_id"], ["chcs.id"], name=op.f("fk_claims_chc_id")),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateways.id"], name=op.f("fk_claims_gateway_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_claims")),
    )
    op.add_column("gateways", sa.Column("key_fingerprint", sa.String(length=64), nullable=True))
    op.add_column("gateways", sa.Column("certified_until", sa.BigInteger(), nullable=True))
    op.add_column("gateways", sa.Column("asks_since", sa.BigInteger(), nullable=True))
    op.add_column("gateways", sa.Column("agreed_until", sa.BigInteger(), nullable=True))
