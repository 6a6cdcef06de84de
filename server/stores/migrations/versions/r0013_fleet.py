"""What a gateway says of its disk, its clock and its starts"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateways", sa.Column("disk_free_bytes", sa.BigInteger(), nullable=True))
    op.add_column("gateways", sa.Column("clock_ahead_ms", sa.BigInteger(), nullable=True))
    op.add_column("gateways", sa.Column("boot_id", sa.String(length=64), nullable=True))
    op.add_column("gateways", sa.Column("booted_at", sa.BigInteger(), nullable=True))
