"""How much each outbox brought, counted as it comes, and an index on what is set aside"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("measurements", "observations"):
        op.add_column(
            "epochs", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        )
    op.execute(
        "UPDATE epochs SET measurements = (SELECT count(*) FROM measurements m"
        " WHERE m.epoch_id = epochs.id AND m.content_id IS NOT NULL),"
        " observations = (SELECT count(*) FROM observations o WHERE o.epoch_id = epochs.id)"
    )
    op.create_index(
        "ix_inputs_set_aside",
        "inputs",
        ["patient_id"],
        unique=False,
        sqlite_where=sa.text("set_aside IS NOT NULL"),
        postgresql_where=sa.text("set_aside IS NOT NULL"),
    )
