"""Why a measurement did not come: what gateways and devices said, and who is away"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("absences", sa.Column("alert_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_absences_alert_id", "absences", ["alert_id"], unique=False)
    op.add_column("gateways", sa.Column("back_at", sa.BigInteger(), nullable=True))
    op.add_column("devices", sa.Column("battery_pct", sa.SmallInteger(), nullable=True))
    op.create_table(
        "aways",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("chc_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=250), nullable=False),
        sa.ForeignKeyConstraint(["chc_id"], ["chcs.id"], name=op.f("fk_aways_chc_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_aways_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aways")),
    )
    op.create_index("ix_aways_patient_id", "aways", ["patient_id", "until_at"], unique=False)
