"""Who looked at whom last, from the record itself; plans that a doctor declined"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("declined_by", sa.String(length=60), nullable=True))
    op.add_column("plans", sa.Column("declined_at", sa.BigInteger(), nullable=True))
    op.add_column("plans", sa.Column("declined_because", sa.String(length=400), nullable=True))
    op.create_index(
        "ix_audit_looks",
        "audit",
        ["who", "patient_id", "at"],
        unique=False,
        sqlite_where=sa.text("what = 'patient-seen'"),
        postgresql_where=sa.text("what = 'patient-seen'"),
    )
