"""What a member of staff has not seen yet: since the last shift, and of proposed plans"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("fate_seen_at", sa.BigInteger(), nullable=True))
    # What was decided before there was a place to say so is no news.
    op.execute(
        "UPDATE plans SET fate_seen_at = coalesce(declined_at, confirmed_at)"
        " WHERE confirmed_by IS NOT NULL OR declined_by IS NOT NULL"
    )
    op.create_index(
        "ix_audit_shifts",
        "audit",
        ["what", "at"],
        unique=False,
        sqlite_where=sa.text("what IN ('went-off-duty', 'alert-handed-over')"),
        postgresql_where=sa.text("what IN ('went-off-duty', 'alert-handed-over')"),
    )
