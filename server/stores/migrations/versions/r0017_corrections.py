"""Corrections of device assignments; measurements by their device"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "corrections",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("chc_id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=250), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("decided_too", sa.Integer(), nullable=False),
        sa.Column("reached", sa.String(length=80), nullable=True),
        sa.Column("withdrawn", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("given", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("held", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["chc_id"], ["chcs.id"], name=op.f("fk_corrections_chc_id")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_corrections_device_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index("ix_corrections_device_id", "corrections", ["device_id"])
    op.create_index(
        "ix_corrections_open",
        "corrections",
        ["id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index("ix_measurements_device", "measurements", ["device", "measured_at"])
    op.create_index(
        "ix_measurements_unsure",
        "measurements",
        ["device", "measured_at"],
        sqlite_where=sa.text("quality = 'unsure'"),
        postgresql_where=sa.text("quality = 'unsure'"),
    )
    op.add_column("replica_outbox", sa.Column("gone_from", sa.Integer(), nullable=True))
