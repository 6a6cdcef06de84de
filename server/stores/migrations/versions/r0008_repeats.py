"""Repeats that homes are asked for, the commands that ask, and which gateways can"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=True, nullable=False)


def upgrade() -> None:
    op.add_column(
        "gateways", sa.Column("prompts", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "commands",
        _id(),
        sa.Column("chc_id", sa.Integer(), nullable=False),
        sa.Column("gateway_id", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=63), nullable=True),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["chc_id"], ["chcs.id"], name=op.f("fk_commands_chc_id")),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_commands_gateway_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    op.create_index(
        "ix_commands_unsent",
        "commands",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("sent_at IS NULL"),
        postgresql_where=sa.text("sent_at IS NULL"),
    )
    op.create_table(
        "repeats",
        _id(),
        sa.Column("chc_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=False),
        sa.Column("rule", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("command_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["chc_id"], ["chcs.id"], name=op.f("fk_repeats_chc_id")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_repeats_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["command_id"], ["commands.id"], name=op.f("fk_repeats_command_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeats")),
    )
    op.create_index("ix_repeats_patient", "repeats", ["patient_id", "asked_at"], unique=False)
    for name, columns, unique in (
        ("ix_repeats_waiting", ["patient_id", "rule"], True),
        ("ix_repeats_until", ["until_at"], False),
    ):
        op.create_index(
            name,
            "repeats",
            columns,
            unique=unique,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
