"""What people said of held and quarantined measurements"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("chc_id", sa.Integer(), nullable=False),
        sa.Column("epoch_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("likely_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=250), nullable=True),
        sa.Column("note", sa.String(length=250), nullable=True),
        sa.ForeignKeyConstraint(["chc_id"], ["chcs.id"], name=op.f("fk_decisions_chc_id")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_decisions_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_at", "decisions", ["chc_id", "at"], unique=False)
    op.create_index("ix_decisions_measurement", "decisions", ["epoch_id", "seq"], unique=False)
