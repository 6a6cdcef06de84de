"""Whether a device's flags keep an observation out of averages"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "observations",
        sa.Column("steady", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
